// The least that generates text with llama.cpp: what the engine's own loop is measured against.
//
// Built against the very library that the engine uses, and run in its process on its context, so that
// weights, threads, cache and clock are the same. The declarations are those of llama.h.
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct llama_batch {
    int32_t n_tokens;
    int32_t *token;
    float *embd;
    int32_t *pos;
    int32_t *n_seq_id;
    int32_t **seq_id;
    int8_t *logits;
};

int32_t llama_decode(void *context, struct llama_batch batch);
float *llama_get_logits_ith(void *context, int32_t index);
void *llama_get_memory(const void *context);
bool llama_memory_seq_rm(void *memory, int32_t sequence, int32_t from, int32_t to);

enum { MOST = 4096 };

static double now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int32_t decode(void *context, const int32_t *tokens, int32_t count, int32_t position) {
    static int32_t token[MOST], pos[MOST], n_seq[MOST], zero = 0;
    static int32_t *seq[MOST];
    static int8_t logits[MOST];
    for (int32_t i = 0; i < count; i++) {
        token[i] = tokens[i];
        pos[i] = position + i;
        n_seq[i] = 1;
        seq[i] = &zero;
        logits[i] = i == count - 1;
    }
    struct llama_batch batch = {count, token, 0, pos, n_seq, seq, logits};
    return llama_decode(context, batch);
}

// Decode a prompt in chunks into the empty sequence 0; return the milliseconds, negative on failure.
double prefill(void *context, const int32_t *prompt, int32_t length, int32_t chunk) {
    llama_memory_seq_rm(llama_get_memory(context), 0, 0, -1);
    double started = now_ms();
    for (int32_t at = 0; at < length; at += chunk) {
        int32_t count = length - at < chunk ? length - at : chunk;
        if (decode(context, prompt + at, count, at) != 0) return -1;
    }
    llama_get_logits_ith(context, -1);
    return now_ms() - started;
}

// Go on greedily behind `position` tokens, whose logits are the last ones; return the milliseconds.
double generate(void *context, int32_t position, int32_t vocabulary, int32_t steps, int32_t *out) {
    double started = now_ms();
    for (int32_t step = 0; step < steps; step++) {
        const float *logits = llama_get_logits_ith(context, -1);
        int32_t best = 0;
        for (int32_t i = 1; i < vocabulary; i++)
            if (logits[i] > logits[best]) best = i;
        out[step] = best;
        if (step + 1 < steps && decode(context, &best, 1, position + step) != 0) return -1;
    }
    return now_ms() - started;
}
