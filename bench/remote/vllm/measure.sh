#!/bin/bash
# Measure vLLM, and SGLang beside it, on one NVIDIA GPU with the simulated team: the bundled model's answers beside the local engine's, what the
# remote engine relies on, a server that goes away, and editors at models in the shapes of DeepSeek-Coder with random weights.
# Each stage leaves its result at once; one that fails ends nothing else, and one that does not fit in the time is left out.
#
#     bench/remote/vllm/measure.sh RESULTS HOLES.json SECONDS
#
# HOLES.json is made beforehand by `python -m bench.remote.same_answers local`. From the environment: PYTHON (one that has
# torch), SITE (where vLLM is, if not in PYTHON: bench/remote/vllm/wheels.py fetches it for a machine without a network), SGLANG_SITE
# (where SGLang is, likewise), OURS (where this project's packages are, if not there: vLLM's may be of other versions), GPU (its number), WORK (a folder), CLIENTS
# (processes that type), TURNS_S (for how long a full server is counted: turns last minutes, and are not even in less), PLAN (what
# is measured, in order). Where others use the GPU before: servers start when the file BEGIN is there, measurements when MEASURE is.
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
ours() { (cd "$repository" && CUDA_VISIBLE_DEVICES= PYTHONPATH=$repository/server:$repository/retrieval:$repository:${OURS-$SITE} "$@"); }
wait_for() { until [ -z "$1" ] || [ -e "$1" ] || [ "$(left)" -le 0 ]; do sleep 0.5; done; }
free_gib() { echo $(($(nvidia-smi -i "$gpu" --query-gpu=memory.free --format=csv,noheader,nounits) >> 10)); }
serve() { # name folder port gib-of-kv-cache options...; a process group of its own
    local name=$1 folder=$2 port=$3 kv=$4 dummy=""
    shift 4
    [ "$folder" = mini ] || dummy="--load-format dummy"
    set -- --served-model-name "infill-$folder" --host 127.0.0.1 --port "$port" $dummy "$@"
    case $name in
        # Attention by Triton: with FlashAttention 3, SGLang's kernels are half a gigabyte.
        sglang-*) set -- env PYTHONPATH=$SGLANG_SITE ${SGLANG:-$python -m sglang.launch_server} --model-path "$work/$folder" --context-length 4096 \
            --attention-backend triton --sampling-backend pytorch --cuda-graph-backend-prefill disabled --enable-metrics --log-level-http warning "$@" ;;
        # Memory is named and not measured, so that servers can start beside each other.
        *) set -- env PYTHONPATH=$SITE ${VLLM:-$python -m vllm.entrypoints.cli.main serve} "$work/$folder" --max-model-len 4096 --gpu-memory-utilization 0.02 \
            --kv-cache-memory-bytes $((kv << 30)) --attention-backend FLASH_ATTN --disable-uvicorn-access-log "$@" ;;
    esac
    (CUDA_VISIBLE_DEVICES=$gpu exec setsid "$@" >> "$results/log/serve-$name" 2>&1 < /dev/null) &
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
    say "$1 is ready: $(grep -hoE 'GPU KV cache size: [0-9,]* tokens|max_total_num_tokens=[0-9]+' "$results/log/serve-$1" | tail -1)"
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
team() { # name seconds learning-seconds counted-seconds "editors..." more...
    local name=$1 most=$2 learning=$3 seconds=$4 levels=$5
    shift 5
    stage "$name" "$most" $python -m bench.remote.team editors --url http://127.0.0.1:8200 --editors $levels --processes "${CLIENTS:-16}" \
        --tokens 12 --whole-words --learning-seconds "$learning" --seconds "$seconds" --gpu "$gpu" \
        --hardware "$(nvidia-smi -i "$gpu" --query-gpu=name --format=csv,noheader)" \
        --server "$(server_of "$name"), ${name%-turns}" --out "$results/$name.json" "$@"
}
checks() { # name port seconds which...
    local name=$1 port=$2 most=$3
    shift 3
    case $name in *sglang*) set -- "$@" --counts-while-writing ;; esac
    stage "$name" "$most" $python -m bench.remote.checks "$holes" --url "http://127.0.0.1:$port" --only "$@" \
        --server "$(server_of "$name"), $name" --out "$results/$name.json"
}
server_of() { case $1 in *sglang*) echo SGLang ;; *) echo vLLM ;; esac; }
shape() { # name hidden feed-forward layers heads kv-heads more-json: a folder that the server fills with random weights
    mkdir -p "$work/$1" && cp "$work"/mini/tokenizer*.json "$work/$1/"
    cat > "$work/$1/config.json" <<JSON
{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": $2, "intermediate_size": $3,
 "num_hidden_layers": $4, "num_attention_heads": $5, "num_key_value_heads": $6, "max_position_embeddings": 16384, "rms_norm_eps": 1e-6,
 "rope_theta": 100000, "rope_scaling": {"rope_type": "linear", "type": "linear", "factor": 4.0}, "vocab_size": 32256, "bos_token_id": 0,
 "eos_token_id": 1, "attention_bias": false, "tie_word_embeddings": false, "torch_dtype": "${8:-bfloat16}"${7:-}}
JSON
}

processes_of() { case $1 in *-[0-9] | *-[0-9][0-9]) echo "${1##*-}" ;; *) echo 1 ;; esac; } # that do HTTP
begin() { # size: its server, unless it has been begun
    [ ! -e "$work/begun-$1" ] || return 0
    touch "$work/begun-$1"
    case $1 in
        mini) serve mini mini 8101 3 $keyed ;;
        6.7b-fp8) big $1 6.7b 8 $eight $fp8 ;;
        6.7b-fp8-rust) export VLLM_USE_RUST_FRONTEND=1; big $1 6.7b 8 $fp8; unset VLLM_USE_RUST_FRONTEND ;;
        6.7b-fp8-[0-9]*) big $1 6.7b 8 --api-server-count "${1##*-}" $fp8 ;;
        6.7b-bf16) big $1 6.7b 13 $eight ;;
        6.7b-awq) big $1 6.7b-awq 4 $eight ;;
        1.3b-bf16) big $1 1.3b 3 $eight ;;
        1.3b-fp8) big $1 1.3b 2 $eight $fp8 ;;
        33b-bf16) big $1 33b 64 $eight ;;
        33b-fp8) big $1 33b 34 $eight $fp8 ;;
        sglang-mini) serve $1 mini 8101 0 --mem-fraction-static 0.05 $keyed ;;
        sglang-6.7b-fp8*) serve $1 6.7b 8200 0 --mem-fraction-static 0.85 --quantization fp8 --kv-cache-dtype fp8_e4m3 --tokenizer-worker-num "$(processes_of "$1")" ;;
        *) say "what is $1?"; return 1 ;;
    esac
}
next_of() { # size: what comes after it in the plan
    local words=" $plan "
    words=${words#* $1 }
    echo "${words%% *}"
}
mini() { # the server that comes next starts beside it
    ready mini 240 || return
    checks checks-mini 8101 40 taking_back prefix_hits
    begin "$(next_of mini)"
    stage same-answers 90 $python -m bench.remote.same_answers remote "$holes" --url http://127.0.0.1:8101 --server "vLLM, mini" \
        --out "$results/same-answers.json"
    checks checks-mini-more 8101 60 fragments faults
}
sglang_mini() {
    begin sglang-mini
    ready sglang-mini 240 || { end sglang-mini; return 1; }
    checks checks-sglang-mini 8101 60 taking_back prefix_hits fragments faults
    stage same-answers-sglang 90 $python -m bench.remote.same_answers remote "$holes" --url http://127.0.0.1:8101 --server "SGLang, mini" \
        --out "$results/same-answers-sglang.json"
    end sglang-mini
}
away() { # the server of the bundled model; what starts meanwhile takes its time and does not wait
    declare -f say serve alive end > "$work/functions.sh"
    for name in repository results work python gpu keyed SITE VLLM; do declare -p $name 2> /dev/null; done >> "$work/functions.sh"
    begin "$(next_of away)"
    stage away 200 $python -m bench.remote.away --url http://127.0.0.1:8101 --editors 50 --server "vLLM, mini" --out "$results/away.json" \
        --end "bash -c '. $work/functions.sh; end mini'" --begin "bash -c '. $work/functions.sh; serve mini mini 8101 3 \$keyed'"
    end mini
}
editors() { # size
    begin "$1"
    ready "$1" 240 || { end "$1"; return 1; }
    case $1 in
        6.7b-fp8)
            team team-$1 150 18 14 "1 50 200"
            checks checks-$1 8200 40 taking_back prefix_hits
            # Twice what it carries: turns last minutes, and all come to work within two of them.
            team team-$1-turns $((190 + turns_s)) 10 "$turns_s" 400 --come-within-seconds 120
            ;;
        33b-bf16) team team-$1 120 18 14 "20 50" ;;
        33b-fp8) team team-$1 150 18 14 "20 50 100" ;;
        sglang-6.7b-fp8) team team-$1 150 18 14 "1 50 200" && checks checks-$1 8200 40 taking_back prefix_hits ;;
        sglang-*) checks checks-$1 8200 30 taking_back; team team-$1 120 18 14 "50 200" ;;
        6.7b-awq) team team-$1 120 18 14 "50 200" ;;
        1.3b-fp8) team team-$1 120 18 14 "50 200" ;;
        6.7b-fp8-rust) team team-$1 120 18 14 "50 200" ;;
        6.7b-fp8-*) team team-$1 70 18 14 200 ;;
        *) team team-$1 250 10 60 "200 400" --come-within-seconds 60 ;;
    esac
    end "$1"
}

turns_s=${TURNS_S:-60}
keyed="--api-key $INFILL_LS_REMOTE_KEY"
plan=${PLAN:-mini 6.7b-fp8 away 33b-bf16 6.7b-fp8-rust 6.7b-fp8-16 6.7b-fp8-4 6.7b-bf16 1.3b-bf16}
rm -f "$work"/begun-*
ours $python -m tools.gguf_to_safetensors "$repository/server/infill_ls/models/infill-ls-mini.gguf" "$work/mini" --dtype float16
say "the bundled model is converted: $?"
shape 1.3b 2048 5504 24 16 16
shape 6.7b 4096 11008 32 32 32
shape 33b 7168 19200 62 56 8
# Quantised as AWQ's files are: vLLM makes up such weights too.
shape 6.7b-awq 4096 11008 32 32 32 ', "quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": true, "version": "gemm"}' float16
wait_for "${BEGIN:-}"
begin "${plan%% *}"
wait_for "${MEASURE:-}"
for size in $plan; do
    [ "$(left)" -gt 40 ] || { say "no time for $size: $(left) s left"; continue; }
    say "$size, $(left) s left"
    case $size in mini | away) $size ;; sglang-mini) sglang_mini ;; *) editors $size ;; esac
done
for size in $plan; do [ ! -e "$work/pid-$size" ] || end $size; done
say "done"
