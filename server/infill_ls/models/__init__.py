"""Model files: which are known, where they lie on this machine, and how they get there."""
