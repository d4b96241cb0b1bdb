"""Written by ``bench/next_edit/fit.py``; not to be edited by hand."""

BIAS = 0.0
THRESHOLD = 0.5
WEIGHTS: dict[str, float] = {}
