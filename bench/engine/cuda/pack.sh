#!/bin/bash
# Pack all that measure.sh needs into a folder, about 20 MB, for a machine with an NVIDIA GPU, CUDA's compiler,
# CMake, ninja and Python 3.12, but without a network: llama.cpp as the pinned llama-cpp-python has it (what its
# library, llama-server and llama-bench need), the Python packages as wheels, and this project.
#
#     bench/engine/cuda/pack.sh FOLDER
#
# TEXTS names what `python -m bench.engine.forced_speculation collect` wrote, if drafts are to be measured.
set -euo pipefail
out=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "$0")/../../.."
python=${PYTHON:-.venv/bin/python}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

version=$(sed -n 's/.*"llama-cpp-python==\([0-9.]*\)".*/\1/p' pyproject.toml)
$python -m pip download -q --no-deps --no-binary llama-cpp-python -d "$work" "llama-cpp-python==$version"
mkdir "$work/source"
tar xf "$work"/llama_cpp_python-*.tar.gz -C "$work/source" --strip-components 1
whole=$work/source/vendor/llama.cpp
cp "$whole/models/ggml-vocab-deepseek-coder.gguf" "$out/"

part=$work/llama.cpp
mkdir -p "$part"/{ggml/src,tools,scripts}
cp -r "$whole"/{CMakeLists.txt,cmake,common,include,src,vendor,LICENSE} "$part/"
cp -r "$whole"/ggml/{CMakeLists.txt,cmake,include} "$part/ggml/"
find "$whole/ggml/src" -maxdepth 1 -type f -exec cp {} "$part/ggml/src/" \;
cp -r "$whole"/ggml/src/ggml-{cpu,cuda} "$part/ggml/src/"
cp -r "$whole"/tools/{server,mtmd,ui,llama-bench} "$part/tools/"
cp "$whole/scripts/ui-assets.cmake" "$part/scripts/"
rm -rf "$part"/tools/{server/tests,server/bench,mtmd/tests*,mtmd/test-*,ui/src,ui/static,ui/tests}
cat > "$part/tools/CMakeLists.txt" <<'CMAKE'
find_package(Threads REQUIRED)
llama_add_compile_flags()
foreach(tool mtmd llama-bench ui server)
    add_subdirectory(${tool})
endforeach()
CMAKE
rm -rf "$work/source/llama_cpp/lib"
tar czf "$out/llama.cpp.tar.gz" -C "$work" llama.cpp
tar czf "$out/llama_cpp.tar.gz" -C "$work/source" llama_cpp
tar czf "$out/infill-ls.tar.gz" --exclude='*.gguf' --exclude=__pycache__ --exclude=bench/results server retrieval bench

# The wheels of what is installed here, less what is built there and grammars that the files typed do not need.
$python -m pip freeze --exclude-editable | grep -iE '^(annotated-types|anyio|attrs|cattrs|certifi|click|diskcache|filelock|fsspec|gguf|h11|hf-xet|httpcore2?|httpx2?|huggingface_hub|idna|jinja2|lsprotocol|markdown-it-py|markupsafe|mdurl|msgspec|packaging|pathspec|platformdirs|psutil|pydantic|pydantic_core|pygls|pygments|pyyaml|rank-bm25|rich|shtab|tqdm|tree-sitter|tree-sitter-(bash|c|javascript|json|python|toml|typescript)|typing-inspection|typing_extensions)==' > "$work/packages"
platforms=()
for name in 2_28 2_27 2_17 2_12 2_5; do platforms+=(--platform "manylinux_${name}_x86_64"); done
$python -m pip download -q --no-deps --only-binary=:all: --python-version 3.12 --implementation cp \
    --abi cp312 --abi abi3 --abi none "${platforms[@]}" --platform manylinux2014_x86_64 \
    --platform manylinux1_x86_64 -d "$out" -r "$work/packages"
cp bench/engine/cuda/measure.sh "$out/"
[ -z "${TEXTS:-}" ] || cp "$TEXTS" "$out/texts.json"
du -sm "$out"
