#!/usr/bin/env bash
# Test the Neovim plugin in Neovim 0.12, which has ghost text, and in 0.10, which has not.
# usage: neovim.sh [PATTERN]   Only the tests with PATTERN in their names.
set -euo pipefail
cd "$(dirname "$0")/../.."
server=$PWD/.venv/bin/infill-ls
driver=$PWD/build/editors/neovim/nvim
tests/editors/install.sh neovim
tests/editors/install.sh neovim-old
for nvim in "$driver" "$PWD/build/editors/neovim-old/nvim"; do
    "$driver" -l tests/editors/neovim/run.lua "$nvim" "$server" "$@"
done
