#!/bin/bash
# Build llama.cpp for CUDA out of what pack.sh packed, make models in the shapes of DeepSeek-Coder, and measure
# this engine and llama-server on one GPU, then llama-server as a team's. Every stage leaves its result even if the
# next fails.
#
#     PACKAGE/measure.sh RESULTS [FILE]      waits for FILE before it uses the GPU, if one is named
#
# From the environment: CUDA_VISIBLE_DEVICES, PYTHON, WORK (a folder with 20 GB of room), JOBS, CMAKE_FLAGS, MODELS
# (SHAPE:QUANTIZATION...), LAYERS (fewer, to try this), LIMIT_S (for the measurements in all), MEASURES (which, in this
# order, each for all models), ROUNDS of typing, TEAM_MODELS (empty for none). RESULTS/last is there as soon as the last of
# MEASURES begins, RESULTS/done when all is done.
package=$(cd "$(dirname "$0")" && pwd)
results=$(mkdir -p "$1" && cd "$1" && pwd)
wait_for=${2:-}
work=${WORK:-/tmp/infill-ls-cuda}
python=${PYTHON:-python3}
jobs=${JOBS:-$(nproc)}
models=${MODELS:-6.7b:Q4_K_M 1.3b:Q4_K_M 1.3b:Q4_0}
measures=${MEASURES:-first-token forced-speculation cancel doctor llama-bench}
flags=${CMAKE_FLAGS:--DGGML_CUDA=ON -DCMAKE_CUDA_ARCHITECTURES=90-real}
# Without VMM nothing is linked against the driver, which a machine that only builds does not have.
flags="-G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON -DGGML_CUDA_NCCL=OFF -DGGML_CUDA_NO_VMM=ON
    -DGGML_CCACHE=OFF -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF
    -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF $flags"
mkdir -p "$work"/{models,packages} "$work/run"
chmod 700 "$work/run"
cd "$work" || exit
exec >> "$results/log" 2>&1
export PATH=/usr/local/cuda/bin:$PATH INFILL_LS_RUNTIME_DIR=$work/run XDG_CACHE_HOME=$work/cache

# Where the compiler puts a libstdc++ of its own into each library, one beside that of numpy breaks std::regex.
export LD_PRELOAD=${LD_PRELOAD-$(g++ -print-file-name=libstdc++.so.6)}

say() { echo "$(date +%T) $*"; }
infill='import sys; from infill_ls.cli import main; sys.exit(main())'
llama_cpp_with() { mkdir -p "$1" && tar xf "$package/llama_cpp.tar.gz" -C "$1" && ln -sfn "$2" "$1/llama_cpp/lib"; }
make_models() { # quantised by llama.cpp for the CPU alone, which is built long before that for CUDA
    for shape in $(printf '%s\n' $models | cut -d: -f1 | sort -ru); do
        nice $python -m bench.engine.synthetic_model "$shape" "models/$shape.gguf" ${LAYERS:+--layers $LAYERS} \
            --vocabulary "$package/ggml-vocab-deepseek-coder.gguf"
        say "$shape: $?"
    done &
    cmake -S llama.cpp -B build-cpu $flags -DGGML_CUDA=OFF > "$results/build-cpu.log" 2>&1
    nice ninja -C build-cpu -j "$jobs" llama >> "$results/build-cpu.log" 2>&1
    say "built for the CPU: $?"
    wait
    llama_cpp_with "$work/cpu" "$work/build-cpu/bin"
    export PYTHONPATH=$work/cpu:$PYTHONPATH
    for model in $models; do
        nice $python -c "$infill" model quantize "models/${model%:*}.gguf" "${model#*:}" --output "models/${model/:/-}.gguf"
        say "$model: $?"
    done
}
measure() { # at most this many seconds, for this file, this command
    local left=$((end - SECONDS)) most=$1 name=$2
    shift 2
    [ $left -gt 3 ] || { say "no time left for $name"; return; }
    timeout $((left < most ? left : most)) "$@" > "$results/$name.json" 2> "$results/$name.log"
    say "$name: $?"
}
team() { # llama-server with a slot for each of 50 editors: a few that type, all that type, and what it carries
    local model=$1 url=http://127.0.0.1:18123 rate
    build/bin/llama-server -m "models/$model.gguf" -ngl 999 -np 50 -c 102400 --port 18123 > "$results/serve-$model.log" 2>&1 &
    local server=$!
    for _ in $(seq 120); do curl -sf $url/health > /dev/null && break; sleep 0.5; done
    local about=(--url $url --hardware "$(nvidia-smi --query-gpu=name --format=csv,noheader | head -1)" --server "llama-server, $model" --tokens 12)
    for editors in 4 50; do
        measure 60 "editors-$editors-$model-printed" $python -m bench.remote.team editors "${about[@]}" \
            --whole-words --editors $editors --seconds 20 --out "$results/editors-$editors-$model.json"
    done
    rate=$($python -c 'import json, sys; row = json.load(open(sys.argv[1]))["figures"]["rows"][0]; print(row["answered_pauses_per_s"] / row["editors"])' "$results/editors-4-$model.json")
    measure 120 "capacity-$model-printed" $python -m bench.remote.team capacity "${about[@]}" --user-rate "$rate" \
        --levels 1 2 4 8 16 32 48 --seconds 6 --out "$results/capacity-$model.json"
    kill $server
    wait $server
}

say start
nvidia-smi --query-gpu=index,name,driver_version,memory.total --format=csv | tee "$results/nvidia-smi.csv"
nvcc --version | tail -2
for archive in llama.cpp infill-ls; do tar xf "$package/$archive.tar.gz"; done
$python -m pip install -q --no-index --no-deps --no-compile --upgrade --target packages "$package"/*.whl
say "packages: $?"
export PYTHONPATH=$work/packages:$work/server:$work/retrieval
make_models &
(cmake -S llama.cpp -B build $flags && nice ninja -C build -j "$jobs" llama llama-server llama-bench mtmd) > "$results/build.log" 2>&1
say "built: $?"
tail -n 3 "$results/build.log"
wait
llama_cpp_with "$work/gpu" "$work/build/bin"
export PYTHONPATH=$work/gpu:$PYTHONPATH
while [ -n "$wait_for" ] && [ ! -e "$wait_for" ]; do sleep 0.5; done
say measures
end=$((SECONDS + ${LIMIT_S:-720}))
for what in $measures; do
    for model in $models; do
        name=${model/:/-}
        file=$work/models/$name.gguf
        [ "$what $model" != "${measures##* } ${models##* }" ] || touch "$results/last"
        case $what in
            first-token) measure 120 "first-token-$name" $python -m bench.engine.first_token "$file" --threads 8 --suggestions 12 100 \
                --rounds "${ROUNDS:-3}" --llama-server "$work/build/bin/llama-server -ngl 999" ;;
            forced-speculation) [ ! -e "$package/texts.json" ] || measure 60 "forced-speculation-$name" \
                $python -m bench.engine.forced_speculation measure "$file" --texts "$package/texts.json" ;;
            cancel) measure 40 "cancel-$name" $python -m bench.engine.cancel "$file" --rounds 20 ;;
            doctor) measure 40 "doctor-$name" $python -c "$infill" doctor --json --model "$file" ;;
            llama-bench) measure 30 "llama-bench-$name" build/bin/llama-bench -m "$file" -ngl 999 -p 384 -n 64 -d 1024 -fa 1 -r 3 -o json ;;
        esac
    done
done
for model in ${TEAM_MODELS-6.7b-Q4_K_M 1.3b-Q4_K_M}; do team $model; done
say "done"
touch "$results/done"
