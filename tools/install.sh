#!/bin/sh
# Install the project with everything it needs to be developed into a virtual environment.
# usage: tools/install.sh PYTHON VENV
#
# llama-cpp-python is taken as a prebuilt wheel where there is one (tools/prebuilt_llama.sh says from where, and
# how to switch that off). Else it is compiled from source, which takes minutes and prints nothing by itself:
# a line every 20 seconds tells that it goes on. pip keeps that wheel for the next time.
set -eu
python=$1
venv=$2
log=$venv/install.log
tools=$(dirname "$0")

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "infill-ls needs Python 3.11 or newer; this is $("$python" --version). Set PYTHON=." >&2
    exit 2
}
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
echo "Installing into $venv."
waited=0

# Run pip with these arguments, and tell that it goes on.
pip_install() {
    "$venv/bin/python" -m pip install --disable-pip-version-check "$@" >"$log" 2>&1 &
    pip=$!
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
}

# In some compilers (GCC 12) the function that loads the shapes of AMX's tiles says that it reads 8 bytes, not 64. The
# optimiser then drops the rest of them, and llama.cpp crashes at its first prompt on a processor with AMX.
if echo '#include <immintrin.h>' | ${CXX:-c++} -E -x c++ - 2>/dev/null | grep -A 4 '_tile_loadconfig' |
    grep -q 'ldtilecfg.*(\*((const void \*\*)'; then
    export CFLAGS="${CFLAGS:-} -U__AMX_INT8__" CXXFLAGS="${CXXFLAGS:-} -U__AMX_INT8__"
fi
# A third of the files that would be compiled make a library for llama.cpp's own programs.
parts=$(cd "$tools" && pwd)/llama_parts.cmake
export CMAKE_ARGS="-DCMAKE_PROJECT_INCLUDE='$parts' ${CMAKE_ARGS:-}"
is_prebuilt=yes
"$tools/prebuilt_llama.sh" "$venv/bin/python" || is_prebuilt=
# Python compiles what is imported when it first is, a fraction of all that comes along.
pip_install --no-compile -e '.[dev,all-languages,editors]'
if [ -n "$is_prebuilt" ] && ! "$venv/bin/python" -c 'import llama_cpp' >>"$log" 2>&1; then
    echo "The prebuilt llama.cpp does not run on this machine: it is compiled, about five minutes on two cores."
    pip_install --force-reinstall --no-deps --no-binary llama-cpp-python \
        "$(sed -n 's/^ *"\(llama-cpp-python==[0-9.]*\)".*/\1/p' pyproject.toml | head -n 1)"
    is_prebuilt=
fi
if [ -n "$is_prebuilt" ]; then
    echo "llama.cpp: prebuilt. infill-ls doctor says whether one compiled for this processor would be faster."
elif grep -q 'Building wheel for llama.cpp.python' "$log"; then
    echo "llama.cpp: compiled on this machine."
else
    echo "llama.cpp: as it was installed or compiled before."
fi
echo "Installed after $waited s."
