"""Truth: how often the right text would reach the user, if the model always wrote it.

Takes the rest of a line away at random places of real files, hands it to all that stands between
the model and the screen, and looks at what the user would have after accepting. Once with
nothing right of the cursor, once with the brackets and quotes that an editor puts there as one
types. No model is asked.

    python -m bench.suggest.truth FOLDER... --out bench/results/suggest/truth.json

A result is *right* if the line is then the true one, or on the way to it: a beginning of the
truth, with the closers that the editor would have there. It *contradicts* the truth if not.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.command import finish, parser_of

from infill_ls.document.cut import cut
from infill_ls.document.lines import with_lf
from infill_ls.suggesting.filters import Site, conclude, filters_of
from infill_ls.suggesting.triggers import why_not
from infill_ls.types import (
    Completion,
    EngineTimings,
    FilterStep,
    Snapshot,
    StopReason,
    Trigger,
)
from infill_retrieval.files.left_out import is_left_out
from infill_retrieval.syntax import PLAIN_TEXT, language_of

MAX_BYTES = 400_000
MAX_LINE_CHARS = 200
PAIRS = {"(": ")", "[": "]", "{": "}", '"': '"', "'": "'", "`": "`"}
TIMINGS = EngineTimings(0, 0, 0, 1, 1)


@dataclass(frozen=True, slots=True)
class TruePlace:
    """A cursor in a file's text, what was taken away there and what the editor put there."""

    file: str
    language: str
    text: str
    """The whole document as the editor has it: ``truth`` is not in it, ``closers`` are."""
    offset: int
    truth: str
    closers: str
    kind: str
    behind: str = ""
    """What else stands right of the cursor, behind the closers: blanks or a comment."""


@dataclass(frozen=True, slots=True)
class PlaceOutcome:
    """What came of a place."""

    place: TruePlace
    verdict: str
    """``whole``, ``right``, ``contradicts``, ``nothing`` or ``not asked``."""
    shown: str
    replaced: str
    steps: tuple[FilterStep, ...]

    @property
    def reason(self) -> str:
        """The filter that changed the text last."""
        return next((step.name for step in reversed(self.steps) if step.reason), "")


def main() -> None:
    """Measure, print the table, write the result."""
    parser = parser_of(__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--files", type=int, default=60, help="most files of a language")
    parser.add_argument("--holes", type=int, default=5, help="holes in each file, of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--language", default="", help="this one alone")
    parser.add_argument(
        "--worst", type=int, default=0, help="print so many losses of each language"
    )
    options = parser.parse_args()
    packages = sorted(
        path.name for folder in options.folders for path in folder.iterdir() if path.is_dir()
    )
    outcomes = [
        outcome_of(place)
        for place in places(
            options.folders, options.files, options.holes, options.seed, options.language
        )
    ]
    result = {kind: table(of) for kind, of in _by(outcomes, _closing).items()}
    places_of = _by([o for o in outcomes if not o.place.behind], lambda o: o.place.kind)
    result["by kind of place"] = {kind: shares(of) for kind, of in sorted(places_of.items())}
    print_tables(result)
    lost = Counter(
        (_closing(o), o.verdict, o.reason) for o in outcomes if o.verdict not in ("whole", "right")
    )
    for (kind, verdict, reason), count in lost.most_common(24):
        print(f"{count:6} {kind:16} {verdict:12} {reason}")
    print_worst(outcomes, options.worst)
    run = {"packages": packages, "seed": options.seed}
    finish(options.out, "truth", run=run, figures=result)


def places(
    folders: Sequence[Path], files: int, holes: int, seed: int, only: str = ""
) -> Iterator[TruePlace]:
    """Yield places in files of each language, the same ones for the same folders and seed."""
    for language, paths in sorted(paths_by_language(folders).items()):
        if only and only != language:
            continue
        chance = random.Random(f"{seed} {language}")
        chance.shuffle(paths)
        used = 0
        for path in paths:
            text = text_of(path)
            if text is None:
                continue
            own = [*_places_in(path, language, text, chance, holes)]
            yield from own
            used += bool(own)
            if used == files:
                break


def paths_by_language(folders: Sequence[Path]) -> dict[str, list[Path]]:
    """Return the source files in some folders, without dependencies and build output."""
    found: dict[str, list[Path]] = defaultdict(list)
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            language = language_label(path.name)
            is_own = not any(map(is_left_out, path.relative_to(folder).parts[:-1]))
            if language and is_own and path.is_file():
                found[language].append(path)
    return found


def language_label(name: str) -> str:
    """Return the name of a file's language, or ``""`` for one that the table does not have."""
    language = language_of(name)
    return language.name if language is not PLAIN_TEXT else ""


def text_of(path: Path) -> str | None:
    """Return the text of a file, with LF line ends; ``None`` if nobody would have written it."""
    try:
        if not 200 < path.stat().st_size < MAX_BYTES:
            return None
        text = with_lf(path.read_bytes().decode("utf-8"))
    except (OSError, UnicodeDecodeError):
        return None
    lines = text.split("\n")
    is_minified = max(map(len, lines)) > 1000 or len(text) / len(lines) > 120
    return None if is_minified else text


def _places_in(
    path: Path, language: str, text: str, chance: random.Random, holes: int
) -> Iterator[TruePlace]:
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    usable = [n for n, line in enumerate(lines) if line.strip() and len(line) <= MAX_LINE_CHARS]
    for number in chance.sample(usable, min(holes * 4, len(usable)))[:holes]:
        line = lines[number].rstrip()
        first = len(line) - len(line.lstrip())
        column = chance.randrange(first, len(line))
        if not line[column:].strip():
            continue
        cursor = starts[number] + column
        end = starts[number] + len(lines[number])
        yield TruePlace(
            str(path),
            language,
            text[:cursor] + text[end:],
            cursor,
            line[column:],
            "",
            "rest of line",
        )
    # Behind an opening mark that closes again on its line: where people type most.
    pairs = []
    for number in usable:
        line = lines[number].rstrip()
        for column, char in enumerate(line):
            closers = _closers_at(line, column + 1) if char in PAIRS else ""
            if closers and char in PAIRS and closers[0] == PAIRS[char]:
                pairs.append((number, column + 1))
    for number, first in chance.sample(pairs, min(holes, len(pairs))):
        line = lines[number].rstrip()
        stop = _matching(line, first)
        ahead = chance.randrange(0, max(stop - first, 1)) if chance.random() < 0.5 else 0
        column = first + ahead
        closers = _closers_at(line, column)
        if not closers or not any(map(str.isalnum, line[column:])):
            continue  # nothing is left to write
        cursor = starts[number] + column
        end = starts[number] + len(lines[number])
        document = text[:cursor] + closers + text[end:]
        kind = _kind(line, column, closers)
        place = TruePlace(str(path), language, document, cursor, line[column:], closers, kind)
        yield place
        comment = language_of(path.name).comment
        for behind in ("  ", f"  {comment} note"):
            longer = text[:cursor] + closers + behind + text[end:]
            yield replace(place, text=longer, behind=behind)


def _kind(line: str, column: int, closers: str) -> str:
    before = line[:column]
    if before.rfind("<") > before.rfind(">") and closers[0] in "\"'":
        return "inside a tag"
    return "string" if closers[0] in "\"'`" else "argument"


def _open_at(line: str, column: int) -> list[tuple[str, int]]:
    """Return the marks that an editor takes to be open at ``column``, by its simple rule.

    Editors pair brackets, and quotes that do not follow a word; a pair within a string too.
    """
    found: list[tuple[str, int]] = []
    escaped = False
    for place, char in enumerate(line[:column]):
        if escaped:
            escaped = False
            continue
        if char == "\\":
            escaped = True
        elif found and char == found[-1][0]:
            found.pop()
        elif char in PAIRS:
            in_string = bool(found) and found[-1][0] in "\"'`"
            is_quote = char in "\"'`"
            if is_quote and (in_string or (place and (line[place - 1].isalnum()) and char == "'")):
                continue
            if in_string and char != "{":
                continue
            found.append((PAIRS[char], place))
    return found


def _closers_at(line: str, column: int) -> str:
    """Return the closers that the editor would have right of the cursor at ``column``.

    Empty if the rest of the line does not close them all in that order: then they are not its own.
    """
    closers = "".join(mark for mark, _ in reversed(_open_at(line, column)))
    position = column
    for closer in closers:
        position = _close(line, position, closer)
        if position < 0:
            return ""
    return closers


def _close(line: str, position: int, closer: str) -> int:
    """Return the offset behind the ``closer`` that closes what is open at ``position``, or -1."""
    depth: list[str] = []
    while position < len(line):
        char = line[position]
        if char == "\\":
            position += 2
            continue
        if depth and char == depth[-1]:
            depth.pop()
        elif not depth and char == closer:
            return position + 1
        elif closer not in "\"'`" and char in PAIRS and not (depth and depth[-1] in "\"'`"):
            depth.append(PAIRS[char])
        elif closer not in "\"'`" and not depth and char in ")]}":
            return -1
        position += 1
    return -1


def _matching(line: str, column: int) -> int:
    closers = _closers_at(line, column)
    return _close(line, column, closers[0]) - 1 if closers else column


def outcome_of(place: TruePlace) -> PlaceOutcome:
    """Return what a user would see at ``place`` if the model wrote the truth."""
    name = Path(place.file).name
    snapshot = Snapshot(
        uri=f"file:///{name}", path=f"/{name}", name=name, language_id="", text=place.text,
        offset=place.offset, trigger=Trigger.AUTOMATIC,
    )  # fmt: skip
    hole = cut(snapshot)
    if why_not(hole) is not None and not place.behind.strip():
        return PlaceOutcome(place, "not asked", "", "", ())
    completion = Completion(place.truth, StopReason.LINES, -0.01, TIMINGS)
    site = Site.of(hole)
    steps = filters_of(completion, site)
    suggestion, _ = conclude(steps, site)
    if suggestion is None:
        return PlaceOutcome(place, "nothing", "", "", steps)
    replaces = suggestion.replaced
    replaced = place.closers[:replaces]
    line = suggestion.text + (place.closers + place.behind)[replaces:]
    if place.behind and line.endswith(place.behind):
        line = line[: -len(place.behind)]
    return PlaceOutcome(
        place, _verdict(place, suggestion.text, line), suggestion.text, replaced, steps
    )


def _verdict(place: TruePlace, shown: str, line: str) -> str:
    truth = place.truth.rstrip()
    if line.rstrip() == truth:
        return "whole"
    if not place.closers:
        return "right" if truth.startswith(shown.rstrip()) and shown.strip() else "contradicts"
    # On the way: a beginning of the truth, and right of it the closers that are still open there.
    if not truth.startswith(shown):
        return "contradicts"
    start = len(place.text[: place.offset].rpartition("\n")[2])
    whole_line = place.text[: place.offset].rpartition("\n")[2] + place.truth
    wanted = "".join(mark for mark, _ in reversed(_open_at(whole_line, start + len(shown))))
    return "right" if line[len(shown) :] == wanted else "contradicts"


def _closing(outcome: PlaceOutcome) -> str:
    if not outcome.place.closers:
        return "without closers"
    if outcome.place.behind:
        return (
            "with closers and a comment"
            if outcome.place.behind.strip()
            else "with closers and blanks"
        )
    return "with closers"


def _by(
    outcomes: Sequence[PlaceOutcome], key: Callable[[PlaceOutcome], str]
) -> dict[str, list[PlaceOutcome]]:
    found: dict[str, list[PlaceOutcome]] = defaultdict(list)
    for outcome in outcomes:
        found[key(outcome)].append(outcome)
    return found


def table(outcomes: Sequence[PlaceOutcome]) -> dict[str, dict[str, float]]:
    """Return the row of each language, and of all."""
    rows = {"all": shares(outcomes)}
    for language, of in sorted(_by(outcomes, lambda o: o.place.language).items()):
        rows[language] = shares(of)
    return rows


def shares(outcomes: Sequence[PlaceOutcome]) -> dict[str, float]:
    """Return how many holes there are, and percent of each verdict."""
    counts = Counter(outcome.verdict for outcome in outcomes)
    total = len(outcomes)
    percent = {
        "right": counts["whole"] + counts["right"],
        "whole": counts["whole"],
        "contradicts": counts["contradicts"],
        "nothing": counts["nothing"],
        "notAsked": counts["not asked"],
    }
    return {"holes": total} | {key: round(100 * n / total, 2) for key, n in percent.items()}


def print_tables(result: dict[str, dict[str, dict[str, float]]]) -> None:
    """Print a table of each kind."""
    for kind, rows in result.items():
        columns = list(next(iter(rows.values())))
        print(f"\n{kind}\n{'':16}" + "".join(f"{column:>13}" for column in columns))
        for name, row in rows.items():
            print(f"{name:16}" + "".join(f"{row[column]:13g}" for column in columns))


def print_worst(outcomes: Sequence[PlaceOutcome], number: int) -> None:
    """Print some losses of each language and verdict."""
    lost = [o for o in outcomes if o.verdict not in ("whole", "right")]
    for language, of in sorted(_by(lost, lambda o: o.place.language).items()):
        for outcome in of[:number]:
            place = outcome.place
            line = place.text[: place.offset].rpartition("\n")[2]
            rest = place.text[place.offset :].partition("\n")[0]
            print(f"\n{language} {outcome.verdict} {outcome.reason} {place.file}")
            print(f"  {line.strip()}‸{rest}   truth {place.truth!r}")
            print(f"  shown {outcome.shown!r} replacing {outcome.replaced!r}")


if __name__ == "__main__":
    main()
