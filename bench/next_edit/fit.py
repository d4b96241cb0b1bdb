"""Learn the judge's weights on the tuning half of a bank of episodes.

usage: python -m bench.next_edit.fit BANK [--write]

``BANK`` is what ``infill-ls eval edits PATH... --bank BANK`` has kept. A logistic regression with an L2
penalty, all features in 0 to 1 or nearly so; each episode counts like one edit, however many are proposed
in it, and more for negatives. The threshold is the lowest at which, on the same half by cross-validation
over commits, the precision of proposed edits and the silence on negatives are what is asked for. With
``--write`` the result goes to ``weights.py``; the held-out half is never read.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from infill_ls.evaluation.edit_episodes import Episode, Kind, in_any_order
from infill_ls.evaluation.edits import read_bank, right_in
from infill_ls.next_edit import Document, History
from infill_ls.next_edit import offer as offers
from infill_ls.next_edit.candidate import Candidate
from infill_ls.next_edit.judge import Verdict, features_of
from infill_retrieval.syntax import language_of

PENALTY = 2.0
FOLDS = 5
PRECISION = 0.8
SILENCE = 0.98
NEGATIVE_WEIGHT = 1.5
WEIGHTS = Path(offers.__file__).with_name("weights.py")

Floats = npt.NDArray[np.float64]


class Taken:
    """Stands in for the judge and takes down the features of what it is asked about."""

    def __init__(self) -> None:
        self.features: dict[tuple[int, str, str, str], dict[str, float]] = {}

    def __call__(self, candidate: Candidate) -> Verdict:
        """Note a candidate, and decline it."""
        key = candidate.start, candidate.old, candidate.new, candidate.rule.value
        self.features[key] = features_of(candidate)
        return Verdict(0.0, ())


def candidates_of(episode: Episode) -> list[tuple[dict[str, float], bool]]:
    """Return the features of each candidate, and whether the author made it."""
    taken = Taken()
    offers.judge = taken  # type: ignore[attr-defined]
    history = History()
    uri = f"file:///{episode.path}"
    history.opened(uri, episode.versions[0])
    for version in episode.versions[1:]:
        history.changed(uri, version)
    text = episode.versions[-1]
    document = Document(text, language_of(episode.path))
    offers.MAX_DECLINED = 10_000
    proposal = offers.propose(uri, {uri: document}, history.edits, history.refused)
    is_right = right_in(episode)
    return [
        (taken.features[one.start, one.old, one.new, one.rule.value], is_right(one))
        for one in proposal.declined
    ]


def fit(x: Floats, y: Floats, weight: Floats, penalties: Floats) -> Floats:
    """Return the weights, the bias last, by Newton's method."""
    x = np.hstack([x, np.ones((len(x), 1))])
    beta = np.zeros(x.shape[1])
    penalty = np.full(len(beta), PENALTY)
    penalty[:-1] = penalties
    penalty[-1] = 1e-6
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        gradient = x.T @ (weight * (p - y)) + penalty * beta
        curvature = (x * (weight * p * (1 - p))[:, None]).T @ x + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        beta -= step
        if np.abs(step).max() < 1e-6:
            break
    return beta


def main() -> None:
    """Learn, print what was learnt, and write it if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("bank", type=Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--fresh", action="store_true", help="look at the episodes again")
    options = parser.parse_args()
    episodes = [one for one in read_bank(options.bank) if not one.is_held_out]
    episodes += [
        other
        for one in episodes
        if one.kind is Kind.POSITIVE and (other := in_any_order(one)) is not None
    ]
    rows: list[tuple[dict[str, float], bool]] = []
    owner: list[int] = []
    kept = options.bank.with_suffix(".features")
    if kept.is_file() and not options.fresh:
        all_found = json.loads(kept.read_text("utf-8"))
    else:
        with ProcessPoolExecutor(2) as pool:
            all_found = list(pool.map(candidates_of, episodes, chunksize=20))
        kept.write_text(json.dumps(all_found), "utf-8")
    for number, found in enumerate(all_found):
        rows += found
        owner += [number] * len(found)
    names = sorted({name for features, _ in rows for name in features})
    x = np.array([[features.get(name, 0.0) for name in names] for features, _ in rows])
    y = np.array([float(right) for _, right in rows])
    # What a kind of rule has of its own must be better founded.
    penalties = np.array([PENALTY * (3.0 if "," in name else 1.0) for name in names])
    counts = np.bincount(owner, minlength=len(episodes))
    negative = np.array([one.kind is not Kind.POSITIVE for one in episodes])
    weight = np.array([1 / np.sqrt(counts[one]) for one in owner])
    weight *= np.where(negative[owner], NEGATIVE_WEIGHT, 1.0)
    fold = np.array(
        [
            int(hashlib.sha256(episodes[one].commit.encode()).hexdigest()[8:12], 16) % FOLDS
            for one in owner
        ]
    )
    p = np.zeros(len(y))
    for number in range(FOLDS):
        test = fold == number
        beta = fit(x[~test], y[~test], weight[~test], penalties)
        p[test] = 1 / (1 + np.exp(-np.clip(x[test] @ beta[:-1] + beta[-1], -30, 30)))
    beta = fit(x, y, weight, penalties)
    owners = np.array(owner)
    print(f"{len(episodes)} episodes, {len(y)} candidates, {y.mean():.1%} of them right")
    by_rule = defaultdict(list)
    for (features, right), one in zip(rows, p, strict=True):
        by_rule[next(name for name in features if name.startswith("rule "))].append((one, right))
    chosen = 0.99
    for threshold in np.arange(0.4, 0.99, 0.02)[::-1]:
        figures = figures_at(threshold, p, y, owners, episodes)
        print(
            f"{threshold:.2f} " + ", ".join(f"{key} {value:.3f}" for key, value in figures.items())
        )
        if figures["precision"] >= PRECISION and figures["silent"] >= SILENCE:
            chosen = float(threshold)
    for rule, judged in sorted(by_rule.items()):
        above = [right for one, right in judged if one >= chosen]
        share = sum(above) / len(above) if above else 0.0
        base = sum(right for _, right in judged) / len(judged)
        print(
            f"  {rule}: {len(judged)} candidates, {base:.0%} right; {len(above)} above, {share:.0%}"
        )
    lines = [
        '"""Written by ``bench/next_edit/fit.py``; not to be edited by hand."""\n',
        f"BIAS = {beta[-1]:.3f}",
        f"THRESHOLD = {chosen:.2f}",
        "WEIGHTS: dict[str, float] = {",
        *(f'    "{name}": {one:.3f},' for name, one in zip(names, beta[:-1], strict=True)),
        "}\n",
    ]
    print("\n".join(lines))
    if options.write:
        WEIGHTS.write_text("\n".join(lines), "utf-8")


def figures_at(
    threshold: float, p: Floats, y: Floats, owner: npt.NDArray[np.int64], episodes: list[Episode]
) -> dict[str, float]:
    """Return what a threshold gives."""
    shown = p >= threshold
    right: dict[int, list[bool]] = defaultdict(list)
    for one, is_right in zip(owner[shown], y[shown], strict=True):
        right[int(one)].append(bool(is_right))
    positives = [n for n, one in enumerate(episodes) if one.kind is Kind.POSITIVE]
    repeating = [n for n in positives if episodes[n].is_repeating]
    negatives = [n for n, one in enumerate(episodes) if one.kind is not Kind.POSITIVE]
    of_positives = [one for n in positives for one in right.get(n, ())]
    return {
        "precision": float(np.mean(of_positives)) if of_positives else 1.0,
        "edits": len(of_positives),
        "answered of repeating": float(np.mean([n in right and all(right[n]) for n in repeating])),
        "answered": float(np.mean([n in right and all(right[n]) for n in positives])),
        "silent": float(np.mean([n not in right for n in negatives])),
    }


if __name__ == "__main__":
    main()
