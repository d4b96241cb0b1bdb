#!/bin/sh
# Install the packages of npm that the VS Code extension is checked and packaged with, unless they are there.
set -eu
cd "$(dirname "$0")/../editors/vscode"
[ node_modules/.package-lock.json -nt package-lock.json ] ||
    npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
