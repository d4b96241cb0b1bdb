"""The decoding loop, its KV cache and its ends. Pure: knows no model library."""
