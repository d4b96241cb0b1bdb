"""From a hole and its snippets to the token ids that a model reads."""
