#!/usr/bin/env bash
# Test the clients in the real editors: install them side by side, then test in two lanes.
# usage: run.sh [fetch]   With "fetch" nothing is tested: what comes from Debian and npm is installed, without .venv.
#
# Editors go to build/editors and stay there; only Chromium is installed as a system package.
# Needs Debian with Node and npm and, the first time, root. Logs are in build/editors/logs.
set -euo pipefail
cd "$(dirname "$0")/../.."
logs=$PWD/build/editors/logs
mkdir -p "$logs"

# step NAME COMMAND...: run a command with its output in a log; show its end if it fails.
step() {
    local name=$1 started=$SECONDS
    shift
    if "$@" >"$logs/$name.log" 2>&1 </dev/null; then
        echo "ok   $name ($((SECONDS - started)) s)"
    else
        echo "FAIL $name ($((SECONDS - started)) s); the end of $logs/$name.log:"
        tail -n 60 "$logs/$name.log"
        return 1
    fi
}

# together JOB...: run functions or commands at once; fail if any of them fails.
together() {
    local job pids=() failed=0
    for job in "$@"; do
        $job &
        pids+=($!)
    done
    for job in "${pids[@]}"; do wait "$job" || failed=1; done
    return $failed
}

# The engine measures a model once on a machine, which would hold up the first test of each editor.
measure() {
    XDG_CACHE_HOME=$PWD/build/editors/cache step "measure the bundled model" \
        .venv/bin/infill-ls complete examples/shop/shop/orders.py:4
}
terminal_packages() { step "install the terminal emulator" tests/editors/terminal.sh; }
install() { step "install $1" tests/editors/install.sh "$1"; }
quick_lane() {
    local failed=0
    step neovim tests/editors/neovim.sh || failed=1
    step helix tests/editors/helix.sh || failed=1
    step emacs tests/editors/emacs.sh || failed=1
    return $failed
}

if [ "${1:-}" = fetch ]; then
    together "install neovim" "install neovim-0.10" "install emacs" "install helix" "install vscode" \
        "step vscode-packages tools/vscode_packages.sh"
    exit
fi
together "install neovim" "install neovim-0.11" "install neovim-0.10" "install lua-checker" \
    "install emacs" "install helix" "install vscode" terminal_packages
measure
together quick_lane "step vscode tests/editors/vscode.sh"
grep -hE '^(NVIM|\*\*\* NOT RUN|annotations:|VS Code:|.* passed)' "$logs"/{neovim,helix,emacs,vscode}.log
