"""Learn the judge's trees on the tuning half of the commits of repositories.

usage: python -m bench.next_edit.fit REPOSITORY... [--positives N] [--bank FILE] [--features FILE] [--write]

Takes episodes as ``infill-ls eval edits`` does, but only of commits of the tuning half, and more of them
(``--positives`` of a repository). Gradient boosting (scikit-learn), each episode counts less than its
candidates would by themselves, and more if it is a negative. The threshold is the lowest at which, by
cross-validation over commits, the precision of proposed edits and the silence on negatives are what is
asked for. With ``--write`` the result goes to ``judge.json``. ``--bank`` keeps the episodes (with source
text: not to be shared) and ``--features`` what was seen of the candidates (no source text); both are read
instead if the file exists.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier

from infill_ls.evaluation.edit_episodes import (
    MOST_OF_A_KIND,
    Episode,
    EpisodeKind,
    episodes_of,
    in_any_order,
    is_held_out,
    with_others,
)
from infill_ls.evaluation.edits import episode_from, opened, order_of, right_in
from infill_ls.next_edit import offer as offers
from infill_ls.next_edit.candidate import NOT_OPEN, PROVED, EditCandidate
from infill_ls.next_edit.forest import DIGITS, FILE, Forest, kept_form
from infill_ls.next_edit.judge import EditVerdict

COMMITS, SEED = 12_000, 0
POSITIVES = 110
TREES, LEAVES, RATE = 160, 12, 0.08
LEAST_IN_A_LEAF = 30
PENALTY = 5.0
FOLDS = 5
PRECISION = 0.8
SILENCE = 0.98
NEGATIVE_WEIGHT = 1.5
NOT_LEARNT = frozenset({PROVED, NOT_OPEN})
JUDGE = Path(offers.__file__).with_name(FILE)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SeenEpisode:
    """An episode as the judge sees it."""

    commit: str
    kind: EpisodeKind
    is_repeating: bool
    order: str
    """``document``, ``any`` or ``others``."""
    features: tuple[dict[str, float], ...]
    right: tuple[bool, ...]
    spans: tuple[tuple[int, int], ...]


class Taken:
    """Stands in for the judge and takes down the features of what it is asked about."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, int, str, str], dict[str, float]] = {}

    def __call__(self, candidates: Sequence[EditCandidate]) -> list[EditVerdict]:
        """Note the candidates, and decline them."""
        for one in candidates:
            self.found[one.uri, one.start, one.old, one.new] = one.features
        return [EditVerdict(0.0, (), is_offered=False) for _ in candidates]


def seen(episode: Episode) -> SeenEpisode:
    """Return the features of each candidate, and whether the author made it."""
    taken = Taken()
    offers.judge = taken  # type: ignore[attr-defined]
    offers.MAX_DECLINED = 10_000
    uri, history, documents = opened(episode)
    declined = offers.propose(uri, documents, history.edits, history.refused).declined
    if episode.others:
        declined = tuple(one for one in declined if one.uri != uri)  # the others are known already
    is_right = right_in(episode)
    # No two places of two documents are one.
    base = {one: number * 10_000_000 for number, one in enumerate(documents)}
    return SeenEpisode(
        episode.commit,
        episode.kind,
        episode.is_repeating,
        order_of(episode),
        tuple(
            {name: round(v, DIGITS) for name, v in some.items() if v}
            for one in declined
            for some in (taken.found[one.uri, one.start, one.old, one.new],)
        ),
        tuple(is_right(one) for one in declined),
        tuple((base[one.uri] + one.start, base[one.uri] + one.end) for one in declined),
    )


def all_episodes(repositories: Sequence[Path], positives: int) -> Iterator[Episode]:
    """Yield the episodes of the tuning half of all repositories."""
    share = positives / MOST_OF_A_KIND[EpisodeKind.POSITIVE]
    most = {kind: round(count * share) for kind, count in MOST_OF_A_KIND.items()}
    for repository in repositories:
        found = episodes_of(
            repository.resolve(), COMMITS, SEED, most, lambda commit: not is_held_out(commit)
        )
        print(repository.parent.name, Counter(one.kind.value for one in found), flush=True)
        for episode in found:
            yield episode
            other = in_any_order(episode) if episode.kind is EpisodeKind.POSITIVE else None
            if other is not None:
                yield other
        yield from with_others(repository.resolve(), found, COMMITS)


def kept_in(bank: Path, episodes: Iterator[Episode]) -> Iterator[Episode]:
    """Yield the episodes, and write them to a file: to be seen again when a rule has changed."""
    part = bank.with_name(f"{bank.name}.part")
    with gzip.open(part, "wt", encoding="utf-8", compresslevel=1) as lines:
        for episode in episodes:
            lines.write(json.dumps(asdict(episode)) + "\n")
            yield episode
    part.replace(bank)


def from_bank(bank: Path) -> Iterator[Episode]:
    """Yield the episodes that :func:`kept_in` has written."""
    with gzip.open(bank, "rt", encoding="utf-8") as lines:
        yield from map(episode_from, lines)


def read(file: Path) -> list[SeenEpisode]:
    """Return what :func:`write` has kept."""
    found = []
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            commit, kind, repeating, order, features, right, spans = json.loads(line)
            pairs = tuple((first, last) for first, last in spans)
            found.append(
                SeenEpisode(
                    commit,
                    EpisodeKind(kind),
                    repeating,
                    order,
                    tuple(features),
                    tuple(right),
                    pairs,
                )
            )
    return found


def write(file: Path, episodes: Sequence[SeenEpisode]) -> None:
    """Keep what was seen."""
    with gzip.open(file, "wt", encoding="utf-8", compresslevel=4) as lines:
        for one in episodes:
            row = [
                one.commit, one.kind.value, one.is_repeating, one.order,
                one.features, one.right, one.spans,
            ]  # fmt: skip
            lines.write(json.dumps(row) + "\n")


def episodes_from(
    repositories: Sequence[Path], positives: int, bank: Path | None, features: Path | None
) -> list[SeenEpisode]:
    """Return what is seen of the episodes, from the file that has kept the most of it."""
    if features is not None and features.is_file():
        return read(features)
    if bank is not None and bank.is_file():
        found = from_bank(bank)
    else:
        found = all_episodes(repositories, positives)
        found = kept_in(bank, found) if bank is not None else found
    episodes = [seen(one) for one in found]
    if features is not None:
        write(features, episodes)
    return episodes


def learner() -> HistGradientBoostingClassifier:
    """Return what learns."""
    return HistGradientBoostingClassifier(
        max_iter=TREES,
        learning_rate=RATE,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=LEAST_IN_A_LEAF,
        l2_regularization=PENALTY,
        early_stopping=False,
        random_state=0,
    )


def forest_from(
    model: HistGradientBoostingClassifier, names: Sequence[str], threshold: float
) -> Forest:
    """Return what was learnt as arrays."""
    roots: list[int] = []
    feature: list[int] = []
    limit: list[float] = []
    left: list[int] = []
    right: list[int] = []
    value: list[float] = []
    depth = 0
    for (predictor,) in model._predictors:  # scikit-learn has no public way to its trees
        nodes = predictor.nodes
        base = len(feature)
        roots.append(base)
        depth = max(depth, int(nodes["depth"].max()))
        worth = np.array(nodes["value"], np.float64)
        for number in range(len(nodes) - 1, -1, -1):
            node = nodes[number]
            if not node["is_leaf"]:
                one, other = int(node["left"]), int(node["right"])
                counts = float(nodes[one]["count"]), float(nodes[other]["count"])
                worth[number] = np.average([worth[one], worth[other]], weights=counts)
        for number, node in enumerate(nodes):
            is_leaf = bool(node["is_leaf"])
            feature.append(0 if is_leaf else int(node["feature_idx"]))
            limit.append(0.0 if is_leaf else float(node["num_threshold"]))
            left.append(base + (number if is_leaf else int(node["left"])))
            right.append(base + (number if is_leaf else int(node["right"])))
            value.append(float(worth[number]))
    bias = float(np.ravel(model._baseline_prediction)[0])
    return Forest(
        tuple(names), threshold, bias, depth, np.array(roots), np.array(feature),
        np.array(limit), np.array(left), np.array(right), np.array(value),
    )  # fmt: skip


def main() -> None:
    """Learn, print what was learnt, and write it if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("repositories", type=Path, nargs="*")
    parser.add_argument("--positives", type=int, default=POSITIVES)
    parser.add_argument("--bank", type=Path)
    parser.add_argument("--features", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    episodes = episodes_from(
        options.repositories, options.positives, options.bank, options.features
    )
    names = sorted(
        {name for one in episodes for some in one.features for name in some} - NOT_LEARNT
    )
    column = {name: number for number, name in enumerate(names)}
    owner = np.array([n for n, one in enumerate(episodes) for _ in one.right])
    x = np.zeros((len(owner), len(names)))
    for place, some in enumerate(some for one in episodes for some in one.features):
        for name, value in some.items():
            if name in column:
                x[place, column[name]] = value
    y = np.array([float(right) for one in episodes for right in one.right])
    counts = np.bincount(owner, minlength=len(episodes))
    negative = np.array([one.kind is not EpisodeKind.POSITIVE for one in episodes])
    weight = 1 / np.sqrt(counts[owner]) * np.where(negative[owner], NEGATIVE_WEIGHT, 1.0)
    fold = np.array([_fold(one.commit) for one in episodes])[owner]
    p = np.zeros(len(y))
    for number in range(FOLDS):
        test = fold == number
        model = learner().fit(x[~test], y[~test], sample_weight=weight[~test])
        p[test] = model.predict_proba(x[test])[:, 1]
    print(f"{len(episodes)} episodes, {len(y)} candidates, {y.mean():.1%} of them right")
    by_episode: list[list[float]] = [[] for _ in episodes]
    for one, probability in zip(owner, p, strict=True):
        by_episode[one].append(float(probability))
    chosen = 0.99
    for threshold in np.arange(0.4, 0.99, 0.01)[::-1]:
        found = figures_at(float(threshold), by_episode, episodes)
        print(f"{threshold:.2f} " + ", ".join(f"{key} {one:.3f}" for key, one in found.items()))
        if found["precision"] >= PRECISION and found["silent"] >= SILENCE:
            chosen = float(threshold)
    _print_by_rule(episodes, by_episode, chosen)
    model = learner().fit(x, y, sample_weight=weight)
    forest = forest_from(model, names, chosen)
    text = kept_form(forest)
    print(f"threshold {chosen:.2f}, {len(forest.roots)} trees, {len(text)} bytes")
    if options.write:
        JUDGE.write_text(text, "utf-8")


def _fold(commit: str) -> int:
    return int(hashlib.sha256(commit.encode()).hexdigest()[8:12], 16) % FOLDS


def _print_by_rule(
    episodes: Sequence[SeenEpisode], by_episode: Sequence[Sequence[float]], threshold: float
) -> None:
    judged: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for one, probabilities in zip(episodes, by_episode, strict=True):
        for some, right, p in zip(one.features, one.right, probabilities, strict=True):
            rule = next(name for name in some if name.startswith("rule "))
            judged[rule].append((p, right))
    for rule, rows in sorted(judged.items()):
        above = [right for p, right in rows if p >= threshold]
        base = sum(right for _, right in rows) / len(rows)
        share = sum(above) / len(above) if above else 0.0
        print(f"  {rule}: {len(rows)}, {base:.0%} right; {len(above)} above, {share:.0%}")


def shown(one: SeenEpisode, probabilities: Sequence[float], threshold: float) -> list[bool]:
    """Return whether each edit that would be offered is right; of two that overlap, the likelier."""
    taken: list[tuple[int, int]] = []
    found = []
    for place in sorted(range(len(probabilities)), key=lambda number: -probabilities[number]):
        if probabilities[place] < threshold:
            break
        start, end = one.spans[place]
        if all(start != first and (start >= last or first >= end) for first, last in taken):
            taken.append((start, end))
            found.append(one.right[place])
    return found


def figures_at(
    threshold: float, by_episode: Sequence[Sequence[float]], episodes: Sequence[SeenEpisode]
) -> dict[str, float]:
    """Return what a threshold gives."""
    pairs = [
        (one, shown(one, some, threshold)) for one, some in zip(episodes, by_episode, strict=True)
    ]
    positives = [pair for pair in pairs if pair[0].kind is EpisodeKind.POSITIVE]
    plain = [found for one, found in positives if one.order == "document"]
    repeating = [f for one, f in positives if one.is_repeating and one.order == "document"]
    shuffled = [f for one, f in positives if one.is_repeating and one.order == "any"]
    beside = [f for one, f in positives if one.order == "others"]
    negatives = [found for one, found in pairs if one.kind is not EpisodeKind.POSITIVE]
    edits = [right for found in plain for right in found]
    others = [right for one, found in positives if one.order == "any" for right in found]
    there = [right for found in beside for right in found]
    return {
        "precision": float(np.mean(edits)) if edits else 1.0,
        "edits": len(edits),
        "in any order": float(np.mean(others)) if others else 1.0,
        "other documents": float(np.mean(there)) if there else 1.0,
        "edits there": len(there),
        "repeating": _share_answered(repeating),
        "repeating in any order": _share_answered(shuffled),
        "all": _share_answered(plain),
        "silent": float(np.mean([not found for found in negatives])),
    }


def _share_answered(found: Sequence[Sequence[bool]]) -> float:
    return float(np.mean([bool(one) and all(one) for one in found])) if found else 0.0


if __name__ == "__main__":
    main()
