r"""Samples whose hole is a change between two releases of a package, with other changes of it in front.

    python -m training.hunks --before corpora/old/corpus.jsonl.zst --after corpora/new/corpus.jsonl.zst \
        --held-out corpora/new/held-out.json.gz --out rows/hunks

Both corpora are made by ``training.corpus`` of equally named packages in two versions: that looks up
licences and leaves out what is held out by name. Here goes what `corpus.clean` refuses in the newer text
and `filters.refusal` in the older, and the packages by whose releases the next edit is measured.

Of a file some hunks are made and others not yet; the hole is one that comes next, in the new lines'
place. In front stand the hunks that were made (``infill_ls.measuring.edit_snippets``), those with a change
in common with the hole last, and what the server's search finds while the package's other files have just
been edited. In some samples the hole is a line that holds what was replaced elsewhere and that the author
left: a model that is to judge an edit must know these, too.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from infill_ls.evaluation.edit_episodes import Hunk, hunks_between, shared, versions
from infill_ls.measuring.edit_snippets import LinesEdited, edit_snippets
from infill_retrieval.render import render_snippet
from training import corpus
from training.filters import HeldOut, language, refusal
from training.retrieved import PackageSearch
from training.rows import ROWS_OF_A_FILE, mark_complete, write
from training.samples import SampleMaker, SourceFile, pack
from training.tokens import Encoder, Ids
from training.train import encoder

MEASURED = Path(__file__).parents[1] / "bench" / "next_edit" / "releases.toml"
"""Names the packages by whose releases the next edit is measured."""
MOST_HUNKS = 40
"""Of a file; one with more was written anew."""
MOST_LINES = 12
"""Of the old and of the new lines of a hunk that is a hole or stands in front of one."""
MOST_HOLES_OF_A_FILE = 6
MOST_EDITED_FILES = 6
"""Other files of the package that count as just edited; the server keeps track of eight."""
MOST_FILES = 60
"""Of a package that are searched, those that changed first."""
ALIKE_SHARE, OTHER_SHARE = 1.0, 0.35
"""How often a hunk is a hole: one that has a change in common with another, and any other."""
LEFT_SHARE = 0.3
"""Of the holes, lines that were left as they are."""
WITH_OLD_SHARE = 0.7
"""Of the samples, those that show the edits' lines as they were, too."""
EDITS_TOKENS = 256

_WORD = re.compile(r"[A-Za-z_]\w{2,}")


@dataclass(frozen=True)
class Release:
    """A package in two versions: its files now, and those that were otherwise before."""

    package: str
    after: Mapping[str, str]
    before: Mapping[str, str]
    """Texts of the changed files alone."""


def releases_of(
    before: Sequence[corpus.File], after: Sequence[corpus.File], held_out: HeldOut
) -> list[Release]:
    """Return the packages of which some files have two texts; ``after`` has been cleaned."""
    olds = {(file.package, file.path): file.text for file in before}
    news: defaultdict[str, dict[str, str]] = defaultdict(dict)
    changed: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for file in after:
        news[file.package][file.path] = file.text
        old = olds.get((file.package, file.path))
        if old is None or old == file.text or refusal(old) is not None or held_out.holds(old):
            continue
        if 1 <= len(hunks_between(old, file.text)) <= MOST_HUNKS:
            changed[file.package][file.path] = old
    return [Release(name, news[name], some) for name, some in sorted(changed.items())]


def samples_of(release: Release, encode: Encoder, rng: random.Random) -> Iterator[Ids]:
    """Yield the samples of one package."""
    changed = rng.sample(sorted(release.before), len(release.before))
    others = sorted(set(release.after) - set(changed))
    paths = [*changed, *rng.sample(others, len(others))][:MOST_FILES]
    edits = {
        path: versions(
            release.before[path], hunks_between(release.before[path], release.after[path])
        )
        for path in changed[:MOST_EDITED_FILES]
    }
    maker = SampleMaker(encode, rng)
    with PackageSearch([(path, release.after[path]) for path in paths], encode, edits) as search:
        for path in changed:
            yield from _of_file(path, release.before[path], release.after[path], maker, search)


def _of_file(
    path: str, before: str, after: str, maker: SampleMaker, search: PackageSearch
) -> Iterator[Ids]:
    rng = maker.rng
    hunks = hunks_between(before, after)
    small = [one for one in hunks if max(len(one.old), len(one.new)) <= MOST_LINES]
    count = 0
    for hunk in rng.sample(small, len(small)):
        rest = [one for one in small if one is not hunk]
        alike = [one for one in rest if shared([hunk], [one])]
        if rng.random() >= (ALIKE_SHARE if alike else OTHER_SHARE):
            continue
        made = rng.sample(rest, rng.randint(min(1, len(rest)), len(rest)))
        made.sort(key=lambda one: (one in alike, rng.random()))
        if rng.random() < LEFT_SHARE:
            place = _line_left(before, made, hunks, rng)
        else:
            place = _place_of(hunk, before, made)
        if place is None:
            continue
        text, first, last = place
        file = SourceFile.of(path, text, maker.encode)
        if file is not None:
            context = _context(path, before, made, file, (first, last), maker, search)
            sample = maker.lines_hole(file, first, last, context)
            if sample is not None:
                yield sample
                count += 1
        if count >= MOST_HOLES_OF_A_FILE:
            break


def _place_of(hunk: Hunk, before: str, made: Sequence[Hunk]) -> tuple[str, int, int] | None:
    """Return a text with ``made`` and ``hunk`` in it, and the lines of the hunk's new text."""
    if not "".join(hunk.new).strip():
        return None
    done = sorted([*made, hunk], key=lambda one: one.start)
    above = [one for one in done if one.start < hunk.start]
    first = hunk.start + sum(len(one.new) - len(one.old) for one in above)
    return versions(before, done)[-1], first, first + len(hunk.new)


def _line_left(
    before: str, made: Sequence[Hunk], hunks: Sequence[Hunk], rng: random.Random
) -> tuple[str, int, int] | None:
    """Return a text with ``made`` in it, and a line that has what they replaced and stays as it is."""
    olds = {word for one in made for word in _WORD.findall("".join(one.old))}
    news = {word for one in made for word in _WORD.findall("".join(one.new))}
    gone = olds - news or olds
    taken = {line for one in hunks for line in range(one.start, max(one.end, one.start + 1))}
    lines = before.split("\n")[:-1]
    found = [
        number
        for number, line in enumerate(lines)
        if number not in taken and gone.intersection(_WORD.findall(line))
    ]
    if not found:
        return None
    at = rng.choice(found)
    done = sorted(made, key=lambda one: one.start)
    moved = sum(len(one.new) - len(one.old) for one in done if one.start <= at)
    return versions(before, done)[-1], at + moved, at + moved + 1


def _context(
    path: str,
    before: str,
    made: Sequence[Hunk],
    file: SourceFile,
    lines: tuple[int, int],
    maker: SampleMaker,
    search: PackageSearch,
) -> Ids:
    """Return what stands in front: what the search finds, then the edits, the likest last."""
    rng, encode = maker.rng, maker.encode
    olds = tuple(f"{line}\n" for line in before.split("\n")[:-1])
    edits = [LinesEdited(path, olds, one.start, one.end, one.new) for one in made]
    snippets = edit_snippets(
        edits,
        EDITS_TOKENS,
        lambda texts: [len(encode(text)) for text in texts],
        with_old=rng.random() < WITH_OLD_SHARE,
    )
    own = encode("".join(render_snippet(one.path, one.text) for one in snippets))
    if bool((own < 6).any()):
        own = own[:0]  # a marker's spelling
    first, last = lines
    budget = rng.choice(maker.budgets.context) - len(own)
    found = search.context(
        path,
        "".join(f"{line}\n" for line in file.lines[:first]),
        "\n" + "\n".join(file.lines[last:]),
        max(0, budget),
    )
    return np.concatenate((found, own)).astype(np.uint16)


def make_rows(releases: Sequence[Release], out: Path, length: int, workers: int, seed: int) -> None:
    """Write the rows of all packages into the folder ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    jobs = [
        (releases[number::workers], out, length, seed * 1_000 + number) for number in range(workers)
    ]
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        counts = pool.map(_write_rows, jobs)
    mark_complete(out)
    print(sum(counts), "rows of", length, "of", len(releases), "packages", flush=True)


def _write_rows(entry: tuple[Sequence[Release], Path, int, int]) -> int:
    releases, out, length, seed = entry
    rng, encode = random.Random(seed), encoder()
    samples = (sample for release in releases for sample in samples_of(release, encode, rng))
    rows = list(pack(samples, length + 1, rng))
    for at in range(0, len(rows), ROWS_OF_A_FILE):
        write(out, f"{at:06d}-{seed:06d}", np.stack(rows[at : at + ROWS_OF_A_FILE]))
    return len(rows)


def measured_packages() -> set[str]:
    """Return the packages by whose releases the next edit is measured."""
    names = tomllib.loads(MEASURED.read_text("utf-8"))
    return {name.lower() for some in names.values() for name in some}


def main() -> None:
    """Make the rows that training.train reads beside others."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--before", type=Path, nargs="+", required=True, help="older releases")
    parser.add_argument("--after", type=Path, nargs="+", required=True, help="newer releases")
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--context", type=int, default=4_096, help="tokens a row")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    refused = measured_packages()

    def read(paths: Sequence[Path]) -> list[corpus.File]:
        files = [file for path in paths for file in corpus.read(path)]
        return [
            file for file in files if language(file.path) and file.package.lower() not in refused
        ]

    held_out = HeldOut.load(args.held_out)
    after = corpus.clean(read(args.after), held_out, args.workers)
    releases = releases_of(read(args.before), after, held_out)
    make_rows(releases, args.out, args.context, args.workers, args.seed)


if __name__ == "__main__":
    main()
