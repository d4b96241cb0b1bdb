# To be sourced by bash: start a fork server (forkserver.py), and set $warm_server to a command that stands for
# infill-ls and has servers started by it. The fork server ends with the script.
warm_folder=$(mktemp -d) # a short path, as it holds a socket
.venv/bin/python -P tests/warm/forkserver.py "$warm_folder/socket" >"$warm_folder/log" 2>&1 </dev/null &
warm_pid=$!
stop_warm_server() {
    kill "$warm_pid" 2>/dev/null || true
    rm -rf "$warm_folder"
}
trap stop_warm_server EXIT
warm_server=$warm_folder/infill-ls
printf '#!/bin/sh\nexec "%s" -S -E "%s" "%s" "$@"\n' \
    "$PWD/.venv/bin/python" "$PWD/tests/warm/start.py" "$warm_folder/socket" >"$warm_server"
chmod +x "$warm_server"
until [ -S "$warm_folder/socket" ]; do
    kill -0 "$warm_pid" 2>/dev/null || {
        cat "$warm_folder/log" >&2
        exit 1
    }
    sleep 0.1
done
