#!/bin/bash
# Measure vLLM on one NVIDIA GPU with the simulated team: the bundled model's answers beside the local engine's, what the
# remote engine relies on, a server that goes away, and editors at models in the shapes of DeepSeek-Coder with random weights.
# Each stage leaves its result at once; one that fails ends nothing else, and one that does not fit in the time is left out.
#
#     bench/remote/vllm/measure.sh RESULTS HOLES.json SECONDS
#
# HOLES.json is made beforehand by `python -m bench.remote.same_answers local`. From the environment: PYTHON (one that has
# torch), SITE (where vLLM and this project's packages are, if not in PYTHON: bench/remote/vllm/wheels.py fetches them for a
# machine without a network), GPU (its number), WORK (a folder), CLIENTS (processes that type), SIZES.
repository=$(cd "$(dirname "$0")/../../.." && pwd)
results=$(mkdir -p "$1" && cd "$1" && pwd)
holes=$(realpath "$2")
deadline=$(($(date +%s) + $3))
python=${PYTHON:-python3}
gpu=${GPU:-0}
work=${WORK:-/tmp/infill-ls-vllm}
mkdir -p "$work" "$results/log"
export HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1 TOKENIZERS_PARALLELISM=false OMP_NUM_THREADS=4
export VLLM_USE_FLASHINFER_SAMPLER=${VLLM_USE_FLASHINFER_SAMPLER:-0} VLLM_CACHE_ROOT=$work/cache
export INFILL_LS_REMOTE_KEY=the-key-of-the-servers
fp8="--quantization fp8 --kv-cache-dtype fp8"
eight="--api-server-count 8"

say() { echo "$(date +%T) $*"; }
left() { echo $((deadline - $(date +%s))); }
ours() { (cd "$repository" && CUDA_VISIBLE_DEVICES= PYTHONPATH=$repository/server:$repository/retrieval:$repository:$SITE "$@"); }
free_gib() { echo $(($(nvidia-smi -i "$gpu" --query-gpu=memory.free --format=csv,noheader,nounits) >> 10)); }
serve() { # name folder port gib-of-kv-cache options...; a process group of its own
    local name=$1 folder=$2 port=$3 kv=$4 dummy=""
    shift 4
    [ "$folder" = mini ] || dummy="--load-format dummy"
    # Memory is named and not measured, so that servers can start beside each other.
    (CUDA_VISIBLE_DEVICES=$gpu PYTHONPATH=$SITE exec setsid ${VLLM:-$python -m vllm.entrypoints.cli.main serve} "$work/$folder" $dummy \
        --served-model-name "infill-$folder" --host 127.0.0.1 --port "$port" --max-model-len 4096 --gpu-memory-utilization 0.02 \
        --kv-cache-memory-bytes $((kv << 30)) --attention-backend FLASH_ATTN --disable-uvicorn-access-log "$@" \
        >> "$results/log/serve-$name" 2>&1 < /dev/null) &
    echo $! > "$work/pid-$name"
    echo "$port" > "$work/port-$name"
    say "$name starts, $kv GiB for keys and values: $*"
}
alive() { ps -eo pgid=,stat= | awk -v g="$(cat "$work/pid-$1")" '$1 == g && $2 !~ /^Z/ {found = 1} END {exit !found}'; }
end() { # and wait until its memory is free
    alive "$1" || return 0
    kill -9 -- "-$(cat "$work/pid-$1")"
    for _ in $(seq 60); do alive "$1" || break; sleep 0.25; done
    sleep 1
}
ready() { # name seconds
    local until=$(($(date +%s) + $2)) port
    port=$(cat "$work/port-$1")
    until curl -sf -m 2 "http://127.0.0.1:$port/health" > /dev/null; do
        alive "$1" || { say "$1 has ended: see its log"; return 1; }
        [ "$(date +%s)" -lt $until ] && [ "$(left)" -gt 5 ] || { say "$1 is not ready in time"; return 1; }
        sleep 0.5
    done
    say "$1 is ready"
}
big() { # name folder gib-of-weights options...: with all the memory that is left
    local name=$1 folder=$2 weights=$3
    shift 3
    serve "$name" "$folder" 8200 $(($(free_gib) - weights - 7)) "$@"
}
stage() { # name seconds command...
    local name=$1 most=$2 began=$SECONDS status
    shift 2
    [ "$(left)" -ge $((most * 2 / 3)) ] || { say "no time for $name: $(left) s left"; return 1; }
    [ "$(left)" -ge "$most" ] || most=$(left)
    ours timeout -k 2 "$most" "$@" > "$results/log/$name" 2>&1
    status=$?
    say "$name: $status, $((SECONDS - began)) s"
    return $status
}
team() { # name seconds "editors..." more...
    local name=$1 most=$2 levels=$3
    shift 3
    stage "$name" "$most" $python -m bench.remote.team editors --url http://127.0.0.1:8200 --editors $levels --processes "${CLIENTS:-16}" \
        --tokens 12 --whole-words --learning-seconds 18 --seconds 14 --gpu "$gpu" --hardware "$(nvidia-smi -i "$gpu" --query-gpu=name --format=csv,noheader)" \
        --server "vLLM, $name" --out "$results/$name.json" "$@"
}
shape() { # name hidden feed-forward layers heads kv-heads: a folder that vLLM fills with random weights
    mkdir -p "$work/$1" && cp "$work"/mini/tokenizer*.json "$work/$1/"
    cat > "$work/$1/config.json" <<JSON
{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": $2, "intermediate_size": $3,
 "num_hidden_layers": $4, "num_attention_heads": $5, "num_key_value_heads": $6, "max_position_embeddings": 16384, "rms_norm_eps": 1e-6,
 "rope_theta": 100000, "rope_scaling": {"rope_type": "linear", "type": "linear", "factor": 4.0}, "vocab_size": 32256, "bos_token_id": 0,
 "eos_token_id": 1, "attention_bias": false, "tie_word_embeddings": false, "torch_dtype": "bfloat16"}
JSON
}

ours $python -m tools.gguf_to_safetensors "$repository/server/infill_ls/models/infill-ls-mini.gguf" "$work/mini" --dtype float16
shape 1.3b 2048 5504 24 16 16
shape 6.7b 4096 11008 32 32 32
shape 33b 7168 19200 62 56 8
keyed="--api-key $INFILL_LS_REMOTE_KEY"
serve mini mini 8101 3 $keyed
ready mini 240 && {
    stage same-answers 60 $python -m bench.remote.same_answers remote "$holes" --url http://127.0.0.1:8101 --out "$results/same-answers.json"
    stage checks 80 $python -m bench.remote.checks "$holes" --url http://127.0.0.1:8101 --out "$results/checks.json"
}
for size in ${SIZES:-6.7b-fp8 6.7b-rust 6.7b-bf16 1.3b-bf16 33b-bf16}; do
    [ "$(left)" -gt 120 ] || { say "no time for $size: $(left) s left"; continue; }
    case $size in
        6.7b-fp8) big $size 6.7b 8 $eight $fp8 ;;
        6.7b-rust) export VLLM_USE_RUST_FRONTEND=1; big $size 6.7b 8 $fp8; unset VLLM_USE_RUST_FRONTEND ;;
        6.7b-bf16) big $size 6.7b 13 $eight ;;
        1.3b-bf16) big $size 1.3b 3 $eight ;;
        33b-bf16) big $size 33b 64 $eight ;;
    esac
    if ready $size 240; then
        case $size in 33b*) team team-$size 150 "20 50 1" ;; *) team team-$size 240 "50 100 200 400 1" ;; esac
        stage checks-$size 40 $python -m bench.remote.checks "$holes" --url http://127.0.0.1:8200 --only taking_back prefix_hits --out "$results/checks-$size.json"
    fi
    end $size
done
declare -f say serve alive end > "$work/functions.sh"
for name in repository results work python gpu keyed SITE VLLM; do declare -p $name 2> /dev/null; done >> "$work/functions.sh"
stage away 200 $python -m bench.remote.away --url http://127.0.0.1:8101 --editors 50 --out "$results/away.json" \
    --end "bash -c '. $work/functions.sh; end mini'" --begin "bash -c '. $work/functions.sh; sleep 20; serve mini mini 8101 3 \$keyed'"
end mini
say "done"
