"""Written by ``bench/suggest/fit_worth.py``; not to be edited by hand."""

MODEL = ""
BIAS = 0.0
THRESHOLDS: tuple[tuple[float, float], ...] = ((0.0, 0.0), (1.0, 1.0))
WEIGHTS: dict[str, float] = {}
