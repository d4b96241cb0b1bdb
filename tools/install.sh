#!/bin/sh
# Install the project with everything it needs to be developed into a virtual environment.
# usage: tools/install.sh PYTHON VENV
#
# llama-cpp-python is compiled from source, which takes minutes and prints nothing by itself:
# a line every 20 seconds tells that it goes on. pip keeps the wheel for the next time.
set -eu
python=$1
venv=$2
log=$venv/install.log

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "infill-ls needs Python 3.11 or newer; this is $("$python" --version). Set PYTHON=." >&2
    exit 2
}
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
echo "Installing into $venv. The first time llama.cpp is compiled: about five minutes on two cores."
"$venv/bin/python" -m pip install --disable-pip-version-check -e '.[dev,all-languages]' >"$log" 2>&1 &
pip=$!
waited=0
while kill -0 "$pip" 2>/dev/null; do
    sleep 1
    waited=$((waited + 1))
    [ $((waited % 20)) -ne 0 ] || echo "  ... $waited s: $(tail -n 1 "$log" | cut -c 1-100)"
done
wait "$pip" || {
    tail -n 40 "$log" >&2
    echo "The installation failed; all of its output is in $log." >&2
    exit 1
}
echo "Installed after $waited s."
