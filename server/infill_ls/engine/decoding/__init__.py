"""The decoding loop, its KV cache and its stop rules. Pure: knows no model library."""
