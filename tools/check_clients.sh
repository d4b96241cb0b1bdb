#!/bin/sh
# Check the editor clients without an editor: types, formatting, settings up to date.
# usage: tools/check_clients.sh [--fix]   With --fix the formatting is mended.
# Needs npm. Its packages go to build/clients and editors/vscode/node_modules.
set -eu
cd "$(dirname "$0")/.."
stylua=2.5.2
check=--check
[ "${1:-}" != --fix ] || check=

.venv/bin/python tools/vscode_settings.py $check

if [ ! -d "build/clients/stylua-$stylua" ]; then
    mkdir -p build/clients
    npm install --no-audit --no-fund --ignore-scripts --loglevel=error --no-save --prefix "build/clients/stylua-$stylua" \
        "@johnnymorganz/stylua@$stylua"
fi
node tools/stylua.mjs "build/clients/stylua-$stylua/node_modules/@johnnymorganz/stylua" $check \
    editors/neovim tests/editors/neovim

tools/vscode_packages.sh
cd editors/vscode
npm run --silent check
