#!/bin/sh
# Install what tests/editors/terminal.py needs, the terminal emulator and more, unless it is there.
set -eu
cd "$(dirname "$0")/../.."
.venv/bin/python -c 'import PIL, pyte' 2>/dev/null ||
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -e '.[editors]'
