#!/bin/sh
# Build the wheel, install it alone into a clean environment, and complete a line with it.
# usage: tools/check_wheel.sh PYTHON
#
# What works from a checkout may lack a file, or a dependency, once it is installed.
set -eu
python=$1
root=$(pwd)
work=$root/build/wheel
rm -rf "$work"
mkdir -p "$work/example"
"$python" -m pip wheel --disable-pip-version-check --quiet --no-deps --wheel-dir "$work/dist" .
"$python" -m venv "$work/venv"
# llama-cpp-python comes from pip's cache if it was compiled on this machine before.
"$work/venv/bin/python" -m pip install --disable-pip-version-check --quiet --no-compile "$work"/dist/*.whl
cp -r examples/shop "$work/example"
cd "$work/example"
answer=$("$work/venv/bin/infill-ls" complete --json shop/shop/orders.py:4)
printf '%s' "$answer" | "$work/venv/bin/python" -c '
import json, sys
answer = json.load(sys.stdin)
assert answer["suggestion"], answer
print("The installed wheel completes:", repr(answer["suggestion"]))
'
"$work/venv/bin/python" -m pip check
