#!/usr/bin/env bash
# Test the Neovim plugin in Neovim 0.12, which has ghost text, and in 0.11 and 0.10, which have not.
# usage: neovim.sh [PATTERN]   Only the tests with PATTERN in their names.
set -euo pipefail
cd "$(dirname "$0")/../.."
editors=$PWD/build/editors
for editor in neovim neovim-0.11 neovim-0.10 lua-checker; do
    tests/editors/install.sh "$editor"
done
"$editors/neovim/nvim" -l tests/editors/neovim/annotations.lua \
    "$editors/lua-checker/emmylua_ls" editors/neovim
# The plug-in as a release lays it out, which the tests install.
rm -rf "$editors/release"
mkdir "$editors/release"
.venv/bin/python -m tools.release pack "$editors/release"
. tests/warm/serve.sh
# All at once, as they mostly wait.
logs=$(mktemp -d)
running=()
for version in neovim neovim-0.11 neovim-0.10; do
    "$editors/neovim/nvim" -l tests/editors/neovim/run.lua "$editors/$version/nvim" \
        "$PWD/.venv/bin/infill-ls" "$warm_server" "$@" >"$logs/$version" 2>&1 &
    running+=($!)
done
failed=0
for process in "${running[@]}"; do wait "$process" || failed=1; done
cat "$logs/neovim" "$logs/neovim-0.11" "$logs/neovim-0.10"
rm -r "$logs"
exit $failed
