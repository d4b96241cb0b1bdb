#!/bin/sh
# Build the VS Code extension, with the server as a wheel for the environment that the extension offers to create.
# usage: tools/vsix.sh                            editors/vscode/infill-ls.vsix, for every platform
#        tools/vsix.sh --out FOLDER TARGET...     FOLDER/infill-ls-TARGET.vsix for each target of VS Code
# Needs npm. PYTHON is the interpreter that builds the wheel (default: .venv/bin/python).
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
server=editors/vscode/server
rm -rf "$server"
"$python" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$server" .
out=
if [ "${1:-}" = --out ]; then
    out=$(cd "$2" && pwd)
    shift 2
fi
tools/vscode_packages.sh
cd editors/vscode
if [ -z "$out" ]; then
    npm run --silent package
fi
for target; do
    npm run --silent package -- --target "$target" --out "$out/infill-ls-$target.vsix"
done
