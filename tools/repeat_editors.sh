#!/usr/bin/env bash
# Run the tests in one editor again and again, and say how often they passed: what races fails now and then.
# usage: tools/repeat_editors.sh TIMES neovim|emacs|helix|vscode [ARGUMENT OF ITS SCRIPT]...
#
# With BUSY=1 one core is kept busy meanwhile. Logs of runs that failed stay in build/editors/repeated.
set -euo pipefail
cd "$(dirname "$0")/.."
times=$1 editor=$2
shift 2
logs=build/editors/repeated
mkdir -p "$logs"
if [ -n "${BUSY:-}" ]; then
    taskset -c 0 sh -c 'while :; do :; done' &
    busy=$!
    trap 'kill "$busy"' EXIT
fi
failed=0
for number in $(seq "$times"); do
    log=$logs/$editor-$number.log started=$SECONDS
    if "tests/editors/$editor.sh" "$@" >"$log" 2>&1 </dev/null; then
        echo "$number: passed ($((SECONDS - started)) s): $(grep -hE '(: | )[0-9]+ passed' "$log" | tr '\n' ' ')"
        rm "$log"
    else
        failed=$((failed + 1))
        echo "$number: FAILED ($((SECONDS - started)) s), see $log: $(grep -hE '^(FAIL|FAILED) ' "$log" | tr '\n' ' ')"
    fi
done
echo "$editor: $((times - failed)) of $times runs passed"
[ "$failed" = 0 ]
