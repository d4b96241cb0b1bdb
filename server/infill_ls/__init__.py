"""infill-ls: local, private, fast code completion for every editor."""

__version__ = "0.1.0"
