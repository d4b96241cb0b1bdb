#!/bin/sh
# Install llama-cpp-python as a wheel that somebody else has compiled, if there is one: seconds, not minutes.
# usage: tools/prebuilt_llama.sh PYTHON        Exit status 1: there is none, so it has to be compiled.
#
# Its project publishes wheels on an index of its own, one for each backend. From there comes this one
# package in the pinned version, and nothing else.
#
#   INFILL_LS_WHEELS    that index; "off" where no other index than pip's own may be asked (so do
#                       pip's own settings to use no index, or an index of your own, if this is not set)
#   INFILL_LS_BACKEND   cpu, metal, cu124 ...; default: metal on a Mac with Apple's processor, else cpu
# What was compiled on this machine before, and is in pip's cache, goes first: it fits the processor better.
set -eu
python=$1
pinned=$(sed -n 's/^ *"\(llama-cpp-python==[0-9.]*\)".*/\1/p' "$(dirname "$0")/../pyproject.toml" | head -n 1)
[ -n "$pinned" ] || { echo "pyproject.toml pins no llama-cpp-python." >&2; exit 2; }

index=${INFILL_LS_WHEELS:-}
if [ -z "$index" ]; then
    index=https://abetlen.github.io/llama-cpp-python/whl
    own=$("$python" -m pip config list 2>/dev/null | grep -E "\.(index-url|no-index)=" || true)
    [ -z "$own" ] || index=off
fi
if [ "$index" = off ]; then
    echo "llama.cpp: prebuilt wheels are switched off. If it has to be compiled, that takes about five minutes."
    exit 1
fi

version=${pinned##*=}
if "$python" -c 'import importlib.metadata, sys; sys.exit(importlib.metadata.version(*sys.argv[1:2]) != sys.argv[2])' \
    llama-cpp-python "$version" 2>/dev/null; then
    echo "llama.cpp: $pinned is installed already."
    exit 1
fi
if "$python" -m pip cache list --format abspath "llama_cpp_python-$version-*" 2>/dev/null | grep -q .; then
    echo "llama.cpp: this machine has compiled $pinned before; that is taken."
    exit 1
fi

backend=${INFILL_LS_BACKEND:-}
if [ -z "$backend" ]; then
    backend=cpu
    [ "$(uname -s) $(uname -m)" != "Darwin arm64" ] || backend=metal
fi
report=$(mktemp)
trap 'rm -f "$report"' EXIT
# An index that is out of reach costs seconds.
if ! said=$("$python" -m pip install --disable-pip-version-check --no-input --quiet --timeout 4 --retries 0 \
    --no-deps --only-binary :all: --index-url "$index/$backend" --report "$report" "$pinned" 2>&1); then
    echo "llama.cpp: no prebuilt wheel for $backend ($(printf '%s' "$said" | tail -n 1 | cut -c 1-120))."
    echo "  If it has to be compiled, that takes about five minutes on two cores."
    exit 1
fi
from=$("$python" -c 'import json, sys; print(json.load(open(sys.argv[1]))["install"][0]["download_info"]["url"])' \
    "$report")
echo "llama.cpp: installed prebuilt for $backend, $from"
