#!/bin/sh
# Build editors/vscode/infill-ls.vsix: the extension, and the server as a wheel for the environment
# that the extension offers to create. Needs npm.
set -eu
cd "$(dirname "$0")/.."
server=editors/vscode/server
rm -rf "$server"
.venv/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$server" .
cd editors/vscode
[ node_modules/.package-lock.json -nt package-lock.json ] ||
    npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
npm run --silent package
