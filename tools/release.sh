#!/bin/sh
# Build what a release consists of, and check what is in it.
# usage: tools/release.sh [--check] [--without-vsix] [OUT]        (default: dist)
#
# OUT gets the sdist and the wheel, a .vsix for each platform, the Neovim plug-in (an archive and a rockspec), the
# Emacs package with a recipe for MELPA, and SHA256SUMS. --check builds nothing and only looks at what is there.
# --without-vsix is for machines without npm: it says loudly what is missing then.
# PYTHON is the interpreter (default: .venv/bin/python), RELEASE_URL where the sources will be found.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
targets="linux-x64 linux-arm64 darwin-x64 darwin-arm64 win32-x64 win32-arm64"
out=dist
builds=yes
has_vsix=yes
for argument; do
    case $argument in
    --check) builds= ;;
    --without-vsix) has_vsix= ;;
    -*) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    *) out=$argument ;;
    esac
done

if [ -n "$builds" ]; then
    rm -rf "$out"
    mkdir -p "$out"
    # The build frontend goes beside what it builds, and not into anybody's environment.
    [ -d build/release/build ] || "$python" -m pip install --quiet --disable-pip-version-check --target build/release build
    # The wheel is made from the sdist: what that lacks would be missing.
    PYTHONPATH=build/release "$python" -m build --outdir "$out" . >build/release/build.log 2>&1 || {
        tail -n 40 build/release/build.log >&2
        exit 1
    }
    "$python" -m tools.release pack "$out"
    if [ -n "$has_vsix" ]; then
        # shellcheck disable=SC2086 # several targets
        PYTHON=$python tools/vsix.sh --out "$out" $targets
    fi
    sums=$(cd "$out" && sha256sum -- *)
    printf '%s\n' "$sums" >"$out/SHA256SUMS"
fi
[ -n "$has_vsix" ] || printf '\n*** NOT BUILT, NOT CHECKED: the extension for VS Code (--without-vsix) ***\n\n' >&2
# shellcheck disable=SC2086
"$python" -m tools.release check "$out" ${has_vsix:+$targets}
