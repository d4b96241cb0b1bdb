#!/usr/bin/env bash
# Test infill.el in a real Emacs, and check it with the tools that package archives use.
# usage: emacs.sh [PYTEST OPTION]...
set -euo pipefail
cd "$(dirname "$0")/../.."
tests/editors/install.sh emacs
tests/editors/terminal.sh
folders=()
for folder in build/editors/emacs/root/usr/share/emacs/site-lisp/elpa-src/*; do
    folders+=(-L "$folder")
done
build/editors/emacs/emacs -Q --batch "${folders[@]}" -l tests/editors/emacs/lint.el \
    editors/emacs/infill.el
. tests/warm/serve.sh
WARM_SERVER=$warm_server .venv/bin/pytest tests/editors/emacs/*_tests.py "$@"
