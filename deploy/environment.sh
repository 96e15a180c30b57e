#!/bin/sh
# Makes .venv with Python 3.11 or 3.12 and the locked dependencies; uv is used where it is.
set -eu
cd "$(dirname "$0")/.."

works() { command -v "$1" >/dev/null 2>&1 && "$1" -c 'import sys, venv, ensurepip
sys.exit(not (3, 11) <= sys.version_info < (3, 13))' >/dev/null 2>&1; }

usable() { [ -x .venv/bin/python ] && .venv/bin/python -c 'import sys
sys.exit(not (3, 11) <= sys.version_info < (3, 13))' >/dev/null 2>&1; }

if ! usable; then
    rm -rf .venv
    found=
    for python in python3.12 python3.11 python3 python; do
        if works "$python"; then found=$python; break; fi
    done
    if [ -n "$found" ]; then
        "$found" -m venv .venv
    elif command -v uv >/dev/null 2>&1; then
        uv venv --quiet --seed --python 3.12 .venv
    else
        echo "error: Python 3.11 or 3.12 is needed (or uv, which brings its own)" >&2
        exit 2
    fi
fi

echo "installing the locked dependencies into .venv" >&2
if command -v uv >/dev/null 2>&1; then
    uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements/dev.txt
else
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
        -r requirements/dev.txt
fi
