"""Episodes of editing from a repository's history, to measure the next edit.

A *positive* is a file of a commit with three hunks or more: the first two are made in the editor, the
others are held out. *Negatives* are states in which the author changed nothing more of the file:

- ``exhausted``: all hunks of such a commit are made,
- ``comments``: the same, where a name that was replaced is left in comments and strings only,
- ``unlike``: both hunks of a commit that has two in the file, which have nothing in common,
- ``reverted``: the first two hunks are made and undone again.

Hunks are made from top to bottom. What is in an episode does not depend on any rule of ours, nor
what is called repeating: that a held-out hunk does what one of the first two did, token by token.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from infill_ls.document.lines import split_lines
from infill_ls.errors import UsageError
from infill_ls.measuring import git
from infill_ls.measuring.git_history import (
    MOST_FILES_OF_A_COMMIT,
    ChangedFile,
    changed_files,
    with_blobs,
)
from infill_retrieval.common_length import common_ends
from infill_retrieval.syntax import family_of, language_of, parse

MOST_FILE_CHARS = 100_000
MOST_HUNKS = 40
MOST_LINES_OF_A_HUNK = 12
"""Of the first two hunks: more is not one edit."""
LEAST_LINES, MOST_LINES = 3, 300
"""Added and removed in a file, as git counts."""
BATCH = 40
"""Changes after which is looked whether there are enough positives."""
MOST_FILES_TAKEN = 2
"""Positives of one commit."""
MOST_OTHERS = 3
"""Documents beside: so many that the commit changed, and so many that it did not."""
MOST_FILES_OF_A_RELEASE = 8
LEAST_ALIKE = 3
"""Hunks of a release that make one change."""
_DATA = frozenset({"css", "html", "json", "toml", "yaml"})
_WORD = re.compile(r"\w+|[^\w\s]")
_LARGEST_COMMON = 8


ANY_ORDER = ":any order"
"""Ends the id of an episode whose first two hunks are not the topmost."""


class EpisodeKind(StrEnum):
    """What an episode is."""

    POSITIVE = "positive"
    EXHAUSTED = "exhausted"
    COMMENTS = "comments"
    UNLIKE = "unlike"
    REVERTED = "reverted"


MOST_OF_A_KIND = {
    EpisodeKind.POSITIVE: 40,
    EpisodeKind.EXHAUSTED: 14,
    EpisodeKind.COMMENTS: 6,
    EpisodeKind.UNLIKE: 12,
    EpisodeKind.REVERTED: 4,
}
"""In one repository."""


class Other(NamedTuple):
    """Another document that is open: as it was before the commit, and after."""

    path: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Episode:
    """Successive versions of a file in an editor, and the author's final version."""

    id: str
    kind: EpisodeKind
    repository: str
    commit: str
    path: str
    versions: tuple[str, ...]
    final: str
    """The file after the commit; equal to the last version where nothing more was changed."""
    is_repeating: bool = False
    others: tuple[Other, ...] = ()
    """Other documents that are open."""

    @property
    def is_held_out(self) -> bool:
        """Whether the episode belongs to the half that nothing is tuned on: chance decides."""
        return is_held_out(self.commit)


def is_held_out(commit: str) -> bool:
    """Tell whether nothing is tuned on what a commit did."""
    return int(hashlib.sha256(commit.encode()).hexdigest()[:8], 16) % 2 == 1


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines ``start..end`` of the old file and what they became."""

    start: int
    end: int
    old: tuple[str, ...]
    new: tuple[str, ...]


def episodes_of(
    repository: Path,
    commits: int,
    seed: int,
    most: Mapping[EpisodeKind, int] = MOST_OF_A_KIND,
    is_wanted: Callable[[str], bool] | None = None,
    *,
    releases: bool = False,
) -> list[Episode]:
    """Return the episodes of the newest ``commits``, at most so many of a kind, by chance.

    ``is_wanted`` chooses among the ids of commits. With ``releases`` each commit is a release, which
    has done many things at once: a file is a positive only if three of its hunks make one change, and
    the first two of these are made. Raises :class:`UsageError` if there is no history.
    """
    counts: Counter[EpisodeKind] = Counter()
    found: list[Episode] = []
    seen_files: Counter[str] = Counter()
    most_files = MOST_FILES_OF_A_RELEASE if releases else MOST_FILES_TAKEN
    changes = [
        change
        for change in changed_files(
            repository, commits, _is_code, most_files=10_000 if releases else MOST_FILES_OF_A_COMMIT
        )
        if LEAST_LINES <= change.lines <= MOST_LINES
        and (is_wanted is None or is_wanted(change.commit))
    ]
    # By chance, but the same each time: commits that follow one another are alike.
    changes.sort(
        key=lambda change: hashlib.sha256(f"{seed}{change.commit}{change.path}".encode()).digest()
    )
    for first in range(0, len(changes), BATCH):
        for change, old, new in with_blobs(repository, changes[first : first + BATCH]):
            if seen_files[change.commit] >= most_files:
                continue
            for episode in _episodes(_name(repository), change, old, new, releases=releases):
                if counts[episode.kind] < most[episode.kind]:
                    counts[episode.kind] += 1
                    seen_files[change.commit] += episode.kind is EpisodeKind.POSITIVE
                    found.append(episode)
        if counts[EpisodeKind.POSITIVE] >= most[EpisodeKind.POSITIVE]:
            break
    if not found:
        raise UsageError(f"{repository}: no commit makes two edits in one source file")
    return found


def _is_code(path: str) -> bool:
    language = language_of(path)
    generated = ".min." in path or "vendor/" in path or "node_modules/" in path
    return language.grammar is not None and language.name not in _DATA and not generated


def _episodes(
    name: str, change: ChangedFile, old: bytes, new: bytes, *, releases: bool = False
) -> Iterator[Episode]:
    commit, path = change.commit, change.path
    both = _texts(old, new)
    if both is None:
        return
    before, after = both
    hunks = hunks_between(before, after)
    if not 2 <= len(hunks) <= MOST_HUNKS:
        return
    one = f"{name}:{commit[:10]}:{path}"
    if len(hunks) == 2:
        two = versions(before, hunks)
        if all(map(_is_one_edit, hunks)) and not shared(hunks[:1], hunks[1:]):
            yield Episode(
                f"{one}:unlike", EpisodeKind.UNLIKE, name, commit, path, tuple(two), after
            )
        return
    made = _alike(hunks) if releases else hunks[:2]
    if not made or not all(map(_is_one_edit, made)):
        return
    rest = [hunk for hunk in hunks if hunk not in made]
    two = versions(before, made)
    repeating = bool(shared(made, rest))
    yield Episode(one, EpisodeKind.POSITIVE, name, commit, path, tuple(two), after, repeating)
    undone = (*two, two[1], two[0])
    yield Episode(f"{one}:reverted", EpisodeKind.REVERTED, name, commit, path, undone, before)
    all_of_them = tuple(versions(before, hunks))
    kind = EpisodeKind.COMMENTS if _left_in_comments(path, hunks, after) else EpisodeKind.EXHAUSTED
    yield Episode(f"{one}:{kind}", kind, name, commit, path, all_of_them, after)


def _is_one_edit(hunk: Hunk) -> bool:
    return len(hunk.old) + len(hunk.new) <= 2 * MOST_LINES_OF_A_HUNK


def _alike(hunks: Sequence[Hunk]) -> list[Hunk]:
    """Return the first two hunks that make the change which most make; none if too few do."""
    acts = [_acts(hunk) if _is_one_edit(hunk) else set() for hunk in hunks]
    counts = Counter(act for some in acts for act in some)
    if not counts:
        return []
    act, count = max(counts.items(), key=lambda pair: (pair[1], len(" ".join(pair[0])), pair[0]))
    made = [hunk for hunk, some in zip(hunks, acts, strict=True) if act in some]
    return made[:2] if count >= LEAST_ALIKE else []


def in_any_order(episode: Episode) -> Episode | None:
    """Return a positive in which two hunks are made first that chance chose, not the topmost two.

    ``None`` where another choice is not possible.
    """
    before = episode.versions[0]
    hunks = hunks_between(before, episode.final)
    digest = hashlib.sha256(episode.id.encode()).digest()
    small = [n for n, one in enumerate(hunks) if _is_one_edit(one)]
    if len(small) < 2:
        return None
    first = small.pop(digest[0] % len(small))
    second = small.pop(digest[1] % len(small))
    made = [hunks[first], hunks[second]]
    after_one = versions(before, made[:1])[1]
    after_two = versions(before, sorted(made, key=lambda hunk: hunk.start))[2]
    rest = [one for number, one in enumerate(hunks) if number not in {first, second}]
    return replace(
        episode,
        id=episode.id + ANY_ORDER,
        versions=(before, after_one, after_two),
        is_repeating=bool(shared(made, rest)),
    )


def with_others(repository: Path, episodes: Sequence[Episode], commits: int) -> Iterator[Episode]:
    """Yield the positives beside other documents: files of the commit, and files it left alone.

    Those of which there is no other file in the family of languages that the commit changed are left out.
    """
    changed: dict[str, list[ChangedFile]] = {}
    for change in changed_files(repository, commits, _is_code):
        changed.setdefault(change.commit, []).append(change)
    for episode in episodes:
        if episode.kind is not EpisodeKind.POSITIVE:
            continue
        family = family_of(language_of(episode.path))
        beside = [
            one
            for one in changed.get(episode.commit, ())
            if one.path != episode.path and family_of(language_of(one.path)) == family
        ]
        others = [
            Other(one.path, *texts)
            for one, old, new in with_blobs(repository, beside[:MOST_OTHERS])
            if (texts := _texts(old, new)) is not None
        ]
        if others:
            alone = _left_alone(repository, episode, {one.path for one in changed[episode.commit]})
            yield replace(episode, id=f"{episode.id}:others", others=(*others, *alone))


def _left_alone(repository: Path, episode: Episode, changed: set[str]) -> list[Other]:
    """Return files of the language that a commit did not change, those of the folder first."""
    tree = git.read(repository, "ls-tree", "-r", "-z", "--full-tree", f"{episode.commit}^")
    language = language_of(episode.path)
    rows = [row.partition("\t") for row in tree.decode("utf-8", "replace").split("\0") if row]
    blobs = {
        path: head.split()[2]
        for head, _, path in rows
        if path not in changed and path != episode.path and head.split()[1] == "blob"
        and _is_code(path) and language_of(path) == language
    }  # fmt: skip
    folder = episode.path.rpartition("/")[0]
    by_chance = sorted(
        blobs,
        key=lambda path: (
            path.rpartition("/")[0] != folder,
            hashlib.sha256(f"{episode.id}{path}".encode()).digest(),
        ),
    )
    found = git.blobs(repository, [blobs[path] for path in by_chance[:MOST_OTHERS]])
    kept = []
    for path in by_chance[:MOST_OTHERS]:
        data = found.get(blobs[path])
        texts = _texts(data, data) if data is not None else None
        if texts is not None:
            kept.append(Other(path, *texts))
    return kept


def _texts(old: bytes, new: bytes) -> tuple[str, str] | None:
    try:
        before, after = old.decode("utf-8"), new.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if max(len(before), len(after)) > MOST_FILE_CHARS or "\0" in before or "\r" in before:
        return None
    return before, after


def hunks_between(before: str, after: str) -> list[Hunk]:
    """Return the stretches of lines that differ."""
    olds, news = split_lines(before), split_lines(after)
    head, tail = common_ends(olds, news)
    one, two = olds[head : len(olds) - tail], news[head : len(news) - tail]
    matcher = difflib.SequenceMatcher(None, one, two, autojunk=False)
    return [
        Hunk(head + i1, head + i2, tuple(one[i1:i2]), tuple(two[j1:j2]))
        for kind, i1, i2, j1, j2 in matcher.get_opcodes()
        if kind != "equal"
    ]


def versions(before: str, hunks: Sequence[Hunk]) -> list[str]:
    """Return the text before, and after each hunk made from top to bottom."""
    lines = split_lines(before)
    moved = 0
    found = [before]
    for hunk in hunks:
        lines[hunk.start + moved : hunk.end + moved] = hunk.new
        moved += len(hunk.new) - len(hunk.old)
        found.append("".join(lines))
    return found


def shared(one: Sequence[Hunk], other: Sequence[Hunk]) -> set[tuple[str, ...]]:
    """Return what some hunks do to tokens or lines that others do too."""
    return {act for hunk in one for act in _acts(hunk)} & {
        act for hunk in other for act in _acts(hunk)
    }


def _acts(hunk: Hunk) -> set[tuple[str, ...]]:
    acts: set[tuple[str, ...]] = set()
    if len(hunk.old) == len(hunk.new):
        pairs = list(zip(hunk.old, hunk.new, strict=True))
    elif hunk.old and hunk.new:
        pairs = [(" ".join(hunk.old), " ".join(hunk.new))]
    else:
        pairs = []
        sign = "+" if hunk.new else "-"
        acts = {
            (sign, line.strip())
            for line in (*hunk.old, *hunk.new)
            if _WORD.search(line) and len(line.strip()) > 3
        }
    for old, new in pairs:
        olds, news = _WORD.findall(old), _WORD.findall(new)
        if max(len(olds), len(news)) > 300:
            continue
        matcher = difflib.SequenceMatcher(None, olds, news, autojunk=False)
        for kind, i1, i2, j1, j2 in matcher.get_opcodes():
            took, put = olds[i1:i2], news[j1:j2]
            if kind == "equal" or max(len(took), len(put)) > _LARGEST_COMMON:
                continue
            if any(token[0].isalnum() or token[0] == "_" for token in (*took, *put)):
                acts.add((" ".join(took), "→", " ".join(put)))
    return acts


def _left_in_comments(path: str, hunks: Sequence[Hunk], after: str) -> bool:
    """Tell whether a word that was replaced is left, and in comments and strings only."""
    words = {act[0] for hunk in hunks[:2] for act in _acts(hunk) if len(act) == 3 and act[2]}
    for word in words:
        if not re.fullmatch(r"[^\W\d]\w{2,}", word):
            continue
        places = [match.start() for match in re.finditer(rf"\b{re.escape(word)}\b", after)]
        if not places or len(places) > 50:
            continue
        tree = parse(language_of(path), after)
        if tree is None:
            return False
        kinds = [
            " ".join(node.type for node in list(tree.ancestors(tree.node_at(place)))[:4])
            for place in places
        ]
        if all("comment" in kind or "string" in kind for kind in kinds):
            return True
    return False


def _name(repository: Path) -> str:
    """Return a name that tells repositories apart; bare ones may all be called ``repo``."""
    return f"{repository.parent.name}/{repository.name}"
