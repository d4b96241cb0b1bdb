"""Learn which suggestions are worth showing unasked, and measure that against the mean probability alone.

usage: python -m bench.suggest.fit_worth ROWS [--write] [--out FILE]

``ROWS`` is what ``bench.suggest.written --rows`` has kept. A logistic regression is fitted on the packages
of one half and looked at on those of the other: at the share of right suggestions that each threshold of
the mean probability keeps there, how many wrong ones are shown, by the one and by the other. With
``--write`` the weights from all rows go to ``suggesting/worth_weights.py``, with the worth that keeps, by
cross-validation over packages, as many right ones as each value of ``minProbability``.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bench.command import finish, parser_of
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from infill_ls.suggesting import worth

Floats = npt.NDArray[np.float64]
PENALTY = 0.03
FOLDS = 5
STEPS = 20
WEIGHTS = Path(worth.__file__).with_name("worth_weights.py")


class Rows:
    """The rows that show something, as arrays."""

    def __init__(self, rows: Sequence[dict[str, Any]]) -> None:
        shown = [row for row in rows if row["features"]]
        self.names = sorted({name for row in shown for name in row["features"]})
        self.features: Floats = np.array(
            [[row["features"].get(name, 0.0) for name in self.names] for row in shown]
        )
        self.is_right = np.array([row["is_right"] for row in shown])
        self.packages = np.array([row["folder"] for row in shown])
        self.probability: Floats = np.exp(self.features[:, self.names.index("mean")])

    def halves(self) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Return which rows are for learning and which held out, by package."""
        held = np.array([hashlib.sha256(str(p).encode()).digest()[0] % 2 for p in self.packages])
        return held == 0, held == 1


def regression() -> Any:
    """Return what is fitted."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=PENALTY, max_iter=2000))


def threshold_keeping(scores: Floats, is_right: npt.NDArray[np.bool_], kept: float) -> float:
    """Return the highest threshold that keeps such a share of the right ones."""
    right = np.sort(scores[is_right])
    lost = min(round((1 - kept) * len(right)), len(right) - 1)
    return float(right[lost])


def shown_at(scores: Floats, is_right: npt.NDArray[np.bool_], threshold: float) -> dict[str, Any]:
    """Return what is shown from a threshold on."""
    shown = scores >= threshold
    right = int((shown & is_right).sum())
    return {
        "shown": int(shown.sum()),
        "right_kept_percent": round(100 * right / max(int(is_right.sum()), 1), 1),
        "wrong": int(shown.sum()) - right,
        "right_of_shown_percent": round(100 * right / max(int(shown.sum()), 1), 1),
    }


def held_out(rows: Rows) -> dict[str, Any]:
    """Return the comparison on packages that nothing was learnt from."""
    learn, held = rows.halves()
    model = regression().fit(rows.features[learn], rows.is_right[learn])
    scores = model.predict_proba(rows.features[held])[:, 1]
    is_right, probability = rows.is_right[held], rows.probability[held]
    result: dict[str, Any] = {"rows": int(held.sum()), "right": int(is_right.sum())}
    for least in (0.5, 0.6, 0.7, 0.8):
        by_mean = shown_at(probability, is_right, least)
        kept = by_mean["right_kept_percent"] / 100
        by_worth = shown_at(scores, is_right, threshold_keeping(scores, is_right, kept))
        fewer = 100 * (1 - by_worth["wrong"] / max(by_mean["wrong"], 1))
        result[f"minProbability {least}"] = {
            "mean": by_mean,
            "worth": by_worth,
            "fewer_wrong_percent": round(fewer, 1),
        }
    return result


def written_module(rows: Rows, model_name: str) -> str:
    """Return the module with the weights from all rows."""
    scores = cross_val_predict(
        regression(),
        rows.features,
        rows.is_right,
        groups=rows.packages,
        cv=GroupKFold(FOLDS),
        method="predict_proba",
    )[:, 1]
    model = regression().fit(rows.features, rows.is_right)
    scaler, fitted = model[0], model[1]
    weights = fitted.coef_[0] / scaler.scale_
    bias = float(fitted.intercept_[0] - (weights * scaler.mean_).sum())
    thresholds = []
    for step in range(STEPS + 1):
        least = step / STEPS
        kept = float((rows.probability[rows.is_right] >= least).mean())
        at = threshold_keeping(scores, rows.is_right, kept) if kept < 1 else 0.0
        thresholds.append((least, round(at if kept > 0 else 1.0, 4)))
    lines = [
        '"""Written by ``bench/suggest/fit_worth.py``; not to be edited by hand."""',
        "",
        f'MODEL = "{model_name}"',
        f"BIAS = {bias:.4f}",
        "THRESHOLDS: tuple[tuple[float, float], ...] = (",
        *(f"    ({least:.2f}, {at:.4f})," for least, at in thresholds),
        ")",
        '"""For each value of ``minProbability`` the worth that keeps as many right suggestions."""',
        "WEIGHTS: dict[str, float] = {",
        *(
            f'    "{name}": {weight:.4f},'
            for name, weight in zip(rows.names, weights, strict=True)
            if not math.isclose(weight, 0.0, abs_tol=1e-6)
        ),
        "}",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Learn, measure, and write what is asked for."""
    parser = parser_of(__doc__)
    parser.add_argument("rows", type=Path, metavar="ROWS")
    parser.add_argument("--model-name", default="infill-ls-mini", help="as the engine says it")
    parser.add_argument("--write", action="store_true", help="write suggesting/worth_weights.py")
    arguments = parser.parse_args()
    rows = Rows(json.loads(arguments.rows.read_text("utf-8")))
    figures = held_out(rows)
    if arguments.write:
        WEIGHTS.write_text(written_module(rows, arguments.model_name), "utf-8")
    finish(arguments.out, "worth", run={"penalty": PENALTY}, figures=figures)


if __name__ == "__main__":
    main()
