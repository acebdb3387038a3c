#!/usr/bin/env bash
# Make a folder per connector from which `airbyte-cdk image build` can build its image: it sends Docker that folder alone,
# so that it must hold the sources (as .dockerignore leaves them) beside the connector's metadata. Called by make.
set -euo pipefail
cd "$(dirname "$0")/.."

for connector in connectors/*/; do
    context=build/$(basename "$connector")
    rm -rf "$context"
    mkdir -p "$context"
    sed -n 's/^!//p' .dockerignore | xargs git ls-files -z --cached --others --exclude='__pycache__' -- | xargs -0 cp --parents --target-directory "$context"
    cp "$connector"/*.* "$context"
    printf '%s\n' "$context" >&2
done
