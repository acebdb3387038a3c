#!/bin/sh
# Set up .venv on a machine that has Python and nothing else. Called by make; may be repeated.
set -eu
cd "$(dirname "$0")"

say() { printf '%s\n' "$*" >&2; }

find_python() {
    for name in python3 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    say "Python 3.11, 3.12 or 3.13 is needed and none was found in PATH."
    say "On Debian or Ubuntu: sudo apt-get install python3 python3-venv"
    return 1
}

# Run apt-get as root where that needs no password; fail otherwise.
apt_get() {
    command -v apt-get >/dev/null || return 1
    if [ "$(id -u)" -eq 0 ]; then as_root=""; else sudo -n true 2>/dev/null || return 1; as_root="sudo -n"; fi
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=60 "$@" >/dev/null 2>&1
}

install_package() {
    apt_get install --yes --no-install-recommends "$1" || { apt_get update && apt_get install --yes --no-install-recommends "$1"; }
}

python=$(find_python)
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')

if ! .venv/bin/python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        say "Python $version has no venv module: installing the package python$version-venv."
        install_package "python$version-venv" || {
            say "That needs an administrator. Please run: sudo apt-get install python$version-venv"
            exit 1
        }
    fi
    "$python" -m venv --clear .venv
fi

say "Installing into .venv (a minute at most, once)."
# An index, a proxy or a certificate that is set for pip or uv (PIP_*, UV_*, pip.conf) is used.
.venv/bin/python -m pip install --quiet --constraint constraints.txt uv
.venv/bin/uv pip install --quiet --python .venv/bin/python --constraint constraints.txt \
    --build-constraints constraints.txt --compile-bytecode --editable '.[flow,postgresql,dev]' ||
    .venv/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[flow,postgresql,dev]'
# Airbyte's schema of metadata.yaml, for a test. The dependencies that it declares conflict with the CDK's, and it needs none.
.venv/bin/python -m pip install --quiet --no-deps --ignore-requires-python --constraint constraints.txt \
    airbyte-connector-models

if ! .venv/bin/python -c 'import pyodbc' 2>/dev/null; then
    if ! install_package unixodbc || ! .venv/bin/python -c 'import pyodbc' 2>/dev/null; then
        say "Note: unixODBC is not installed, so a Sage database on SQL Server cannot be reached (the sample database can)."
        say "      On Debian or Ubuntu: sudo apt-get install unixodbc, then Microsoft's ODBC Driver 18 for SQL Server."
    fi
fi

# The second driver of the tests; Microsoft's is a wheel. Without it, tests are skipped with the reason.
if ! ls /usr/lib/*/odbc/libtdsodbc.so >/dev/null 2>&1; then
    install_package tdsodbc || say "Note: the tests skip FreeTDS. On Debian or Ubuntu: sudo apt-get install tdsodbc"
fi

# The browser of the tests. Without it, tests are skipped with the reason.
if ! command -v chromium >/dev/null 2>&1; then
    install_package chromium || say "Note: the tests skip the browser. On Debian or Ubuntu: sudo apt-get install chromium"
fi
