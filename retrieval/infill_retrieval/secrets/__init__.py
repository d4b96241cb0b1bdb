"""Secrets that must never reach a model: by file name, by form and by place."""
