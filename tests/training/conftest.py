"""Collection rules: these tests need what `make test-training` installs, and are skipped without it."""

from __future__ import annotations

import os
from importlib.util import find_spec

# Toys are too small for two threads, which wait for each other: on a busy machine eight times as long.
os.environ["OMP_NUM_THREADS"] = "1"

collect_ignore_glob = [] if find_spec("torch") else ["test_*.py"]
