#!/bin/sh
# Run the tests that start no editor and no server on every Python that the project supports.
# usage: tools/test_pythons.sh [VERSION...]        (default: those that pyproject.toml names)
#
# An interpreter is looked for on the PATH and among pyenv's. One that is missing is named at the end,
# loudly; with REQUIRE_ALL=1 it is a failure.
set -eu
versions=${*:-$(sed -n 's/.*"Programming Language :: Python :: \(3\.[0-9]*\)".*/\1/p' pyproject.toml)}
missing=
failed=

# pyenv puts a name for every version on the PATH, which only works for the chosen one: ask each.
find_python() {
    for found in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
        "$found" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2>/dev/null || continue
        echo "$found"
        return
    done
    return 1
}

for version in $versions; do
    if ! python=$(find_python "$version"); then
        missing="$missing $version"
        continue
    fi
    venv=build/pythons/$version
    if [ ! -f "$venv/.installed" ] || [ pyproject.toml -nt "$venv/.installed" ]; then
        # llama-cpp-python is the same for every Python 3: compiled once, by the development environment.
        [ -d build/pythons/wheels ] || .venv/bin/python -m pip wheel --quiet --no-deps \
            --wheel-dir build/pythons/wheels "$(grep -o 'llama-cpp-python==[0-9.]*' pyproject.toml | head -n 1)"
        INFILL_LS_WHEELS=off PIP_FIND_LINKS=$(pwd)/build/pythons/wheels \
            tools/install.sh "$python" "$venv"
        touch "$venv/.installed"
    fi
    echo "=== $("$venv/bin/python" --version)"
    "$venv/bin/python" -m pytest -q -n 2 --dist loadfile -p no:cacheprovider \
        tests/unit tests/retrieval tests/golden || failed="$failed $version"
done
[ -z "$missing" ] || printf '\n*** NOT TESTED: no interpreter found for Python%s ***\n' "$missing" >&2
[ -z "$failed" ] || printf '\n*** FAILED on Python%s ***\n' "$failed" >&2
[ -z "$failed" ] && { [ -z "$missing" ] || [ -z "${REQUIRE_ALL:-}" ]; }
