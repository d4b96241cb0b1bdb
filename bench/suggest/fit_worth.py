"""Learn which suggestions are worth showing unasked, and measure that against the mean probability alone.

usage: python -m bench.suggest.fit_worth ROWS [--write] [--out FILE]

``ROWS`` is what ``bench.suggest.typed`` has kept. A logistic regression and, to compare, boosted trees are
fitted by cross-validation over projects: each is asked of the projects that it has not learnt from. At the share of right
suggestions that each threshold of the mean probability keeps, how many wrong ones are shown, by the one and by the
other? A text that is typed along counts once, however many keys that takes. Then the edits are typed by somebody who
accepts what is right, and what he sees is counted. The intervals are those of a bootstrap over projects. With ``--write`` the weights
from all rows go to ``suggesting/worth_weights.py``, with the worth that keeps as many right ones as each value of
``minProbability``. *As shipped* is what the weights that ship make of the rows: how well they still fit a new model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from bench.command import finish, parser_of
from bench.suggest.replayed import KeyRow, read_rows, seen_with, weights_of
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from infill_ls.suggesting import worth

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
PENALTY = 0.01
FOLDS = 10
STEPS = 20
LEASTS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.8)
DEFAULT_LEAST = 0.6
SAMPLES = 1000
WEIGHTS = Path(worth.__file__).with_name("worth_weights.py")


class Rows:
    """The rows that have something to show, as arrays."""

    def __init__(self, edits: Sequence[Sequence[KeyRow]]) -> None:
        self.edits = edits
        shown = [row for rows in edits for row in rows if row.shown]
        self.names = sorted({name for row in shown for name in row.features})
        self.features: Floats = np.array(
            [[row.features[name] for name in self.names] for row in shown]
        )
        self.is_right: Bools = np.array([row.right_chars > 0 for row in shown])
        self.weights: Floats = np.array(weights_of(edits))
        self.projects = np.array([row.project for row in shown])
        self.probability: Floats = np.exp(self.features[:, self.names.index("mean")])


def regression() -> Pipeline:
    """Return what is shipped."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=PENALTY, max_iter=3000))


def trees() -> Pipeline:
    """Return what it is compared with."""
    boosted = GradientBoostingClassifier(
        n_estimators=120, max_depth=3, learning_rate=0.06, subsample=0.7, min_samples_leaf=15,
        max_features=0.4, random_state=0,
    )  # fmt: skip
    return make_pipeline(boosted)


def fitted(model: Pipeline, rows: Rows, on: Bools) -> Pipeline:
    """Return the model, fitted on some rows."""
    step = model.steps[-1][0]
    weights = {f"{step}__sample_weight": rows.weights[on]}
    return model.fit(rows.features[on], rows.is_right[on], **weights)


def held_out_scores(rows: Rows, model: Callable[[], Pipeline]) -> Floats:
    """Return what a model says of each row that has learnt from other projects only."""
    scores = np.zeros(len(rows.is_right))
    folds = GroupKFold(min(FOLDS, len(set(rows.projects))), shuffle=True, random_state=0)
    for learn, held in folds.split(rows.features, rows.is_right, rows.projects):
        on = np.zeros(len(scores), bool)
        on[learn] = True
        scores[held] = fitted(model(), rows, on).predict_proba(rows.features[held])[:, 1]
    return scores


def threshold_keeping(scores: Floats, right_weights: Floats, kept: float) -> float:
    """Return the highest threshold that keeps right ones of such a weight; ``right_weights`` is 0 for wrong ones."""
    order = np.argsort(-scores, kind="stable")
    so_far = np.cumsum(right_weights[order])
    return float(scores[order][min(int(np.searchsorted(so_far, kept - 1e-9)), len(order) - 1)])


def fewer_wrong(
    probability: Floats, scores: Floats, is_right: Bools, weights: Floats, least: float
) -> tuple[float, float, float, float]:
    """Return the share of right texts kept, the wrong texts by mean and by worth, and percent fewer."""
    right = weights * is_right
    by_mean = probability >= least
    threshold = threshold_keeping(scores, right, float(right[by_mean].sum()))
    wrong = weights * ~is_right
    mean, learnt = float(wrong[by_mean].sum()), float(wrong[scores >= threshold].sum())
    kept = 100 * float(right[by_mean].sum()) / max(float(right.sum()), 1e-9)
    return kept, mean, learnt, 100 * (1 - learnt / max(mean, 1e-9))


def interval(rows: Rows, scores: Floats, weights: Floats, least: float) -> list[float]:
    """Return the 95 % interval of how many percent fewer, by a bootstrap over projects."""
    chance = np.random.default_rng(0)
    places = [np.flatnonzero(rows.projects == project) for project in sorted(set(rows.projects))]
    found = []
    for _ in range(SAMPLES):
        some = np.concatenate(
            [places[one] for one in chance.integers(len(places), size=len(places))]
        )
        found.append(
            fewer_wrong(
                rows.probability[some], scores[some], rows.is_right[some], weights[some], least
            )[3]
        )
    return [round(float(one), 1) for one in np.percentile(found, (2.5, 97.5))]


def compared(rows: Rows, scores: Floats) -> dict[str, Any]:
    """Return the comparison along the curve, by texts and by keys."""
    result: dict[str, Any] = {
        "auc": round(float(roc_auc_score(rows.is_right, scores, sample_weight=rows.weights)), 3)
    }
    for least in LEASTS:
        at: dict[str, Any] = {}
        for unit, weights in (("texts", rows.weights), ("keys", np.ones(len(scores)))):
            kept, mean, learnt, fewer = fewer_wrong(
                rows.probability, scores, rows.is_right, weights, least
            )
            at[unit] = {
                "right_kept_percent": round(kept, 1),
                "wrong_by_mean": round(mean),
                "wrong_by_worth": round(learnt),
                "fewer_wrong_percent": round(fewer, 1),
                "interval": interval(rows, scores, weights, least),
            }
        result[f"minProbability {least}"] = at
    return result


def typed_again(rows: Rows, scores: Floats) -> dict[str, Any]:
    """Return what somebody sees who types the edits, by the mean and by what keeps as many right texts."""
    right = rows.weights * rows.is_right
    result = {}
    for least in LEASTS:
        kept = float(right[rows.probability >= least].sum())
        threshold = threshold_keeping(scores, right, kept)
        result[f"minProbability {least}"] = {
            "mean": asdict(seen_with(rows.edits, list(rows.probability >= least))),
            "worth": asdict(seen_with(rows.edits, list(scores >= threshold))),
        }
    return result


def as_shipped(rows: Rows) -> dict[str, Any]:
    """Return what the weights that ship show of these rows, which may be another model's, beside the mean.

    Texts, and what somebody sees who types the edits; each value of ``minProbability`` with its own bar.
    """
    scores = np.array(
        [worth.worth_of(dict(zip(rows.names, row, strict=True))) for row in rows.features]
    )
    right, wrong = rows.weights * rows.is_right, rows.weights * ~rows.is_right
    result: dict[str, Any] = {
        "auc": round(float(roc_auc_score(rows.is_right, scores, sample_weight=rows.weights)), 3)
    }
    for least in LEASTS:
        shown = {"mean": rows.probability >= least, "worth": scores >= worth.least_worth(least)}
        result[f"minProbability {least}"] = {
            name: {
                "right_texts": round(float(right[on].sum()), 1),
                "wrong_texts": round(float(wrong[on].sum()), 1),
                **asdict(seen_with(rows.edits, list(on))),
            }
            for name, on in shown.items()
        }
    return result


def written_module(rows: Rows, scores: Floats, model_name: str) -> str:
    """Return the module with the weights from all rows."""
    model = fitted(regression(), rows, np.ones(len(scores), bool))
    scaler, regressed = model[0], model[1]
    weights = regressed.coef_[0] / scaler.scale_
    bias = float(regressed.intercept_[0] - (weights * scaler.mean_).sum())
    right = rows.weights * rows.is_right
    thresholds = []
    for step in range(STEPS + 1):
        least = step / STEPS
        kept = float(right[rows.probability >= least].sum())
        everything = kept > float(right.sum()) - 1e-9
        at = 0.0 if everything else threshold_keeping(scores, right, kept) if kept > 0 else 1.0
        thresholds.append((least, round(at, 4)))
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
    rows = Rows(read_rows(arguments.rows))
    scores = held_out_scores(rows, regression)
    figures = {
        "projects": len(set(rows.projects)),
        "edits": len({row.edit for some in rows.edits for row in some}),
        "suggestions": len(rows.is_right),
        "right": int(rows.is_right.sum()),
        "texts": round(float(rows.weights.sum())),
        "right_texts": round(float(rows.weights[rows.is_right].sum())),
        "auc_of_the_mean": round(
            float(roc_auc_score(rows.is_right, rows.probability, sample_weight=rows.weights)), 3
        ),
        "regression": compared(rows, scores),
        "typed_again": typed_again(rows, scores),
        "as_shipped": as_shipped(rows),
        "trees": compared(rows, held_out_scores(rows, trees)),
    }
    if arguments.write:
        WEIGHTS.write_text(written_module(rows, scores, arguments.model_name), "utf-8")
    run = {"penalty": PENALTY, "folds": FOLDS}
    finish(arguments.out, "worth", run=run, figures=figures)


if __name__ == "__main__":
    main()
