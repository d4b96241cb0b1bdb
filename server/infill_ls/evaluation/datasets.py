"""Read the public JSONL files. Report faulty lines, and read the rest."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from infill_ls.errors import UsageError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Dataset(Generic[T]):
    """The cases of a file, and its faulty lines."""

    cases: tuple[T, ...]
    problems: tuple[str, ...]
    sha256: str


def read_jsonl(path: Path, case_of: Callable[[dict[str, Any]], T]) -> Dataset[T]:
    """Read a ``.jsonl`` or ``.jsonl.gz`` file; ``case_of`` makes a case of an object.

    A line on which ``case_of`` raises ``KeyError`` (a missing field) or ``ValueError`` is a
    problem. Raises :class:`UsageError` if the file cannot be read or has no case at all.
    """
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    except (EOFError, zlib.error):
        raise UsageError(f"{path} is damaged: it cannot be unpacked to its end") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text") from None
    cases: list[T] = []
    problems: list[str] = []
    # Not splitlines(): JSON strings may hold U+2028 as it is.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            if not isinstance(record, dict):
                raise ValueError("not an object")  # noqa: TRY004, TRY301 - one message for all
            cases.append(case_of(record))
        except KeyError as error:
            problems.append(f"{path.name}:{number}: there is no field {error}; left out")
        except ValueError as error:
            problems.append(f"{path.name}:{number}: {error}; left out")
    if not cases:
        why = f" ({problems[0]})" if problems else ""
        raise UsageError(f"{path} has no case that can be used{why}")
    return Dataset(tuple(cases), tuple(problems), hashlib.sha256(data).hexdigest())


def text_field(record: dict[str, Any], name: str) -> str:
    """Return a field that must be a string. Raises ``KeyError`` or ``ValueError``."""
    value = record[name]
    if not isinstance(value, str):
        raise ValueError(f"field {name!r} is no string")  # noqa: TRY004 - see read_jsonl
    return value


def sample(cases: Sequence[T], count: int | None, seed: int) -> list[T]:
    """Return ``count`` cases chosen by chance, in their order; all for ``None``.

    A smaller sample with the same seed is a part of a larger one.
    """
    places = list(range(len(cases)))
    random.Random(seed).shuffle(places)  # noqa: S311 - a sample, not a secret
    return [cases[place] for place in sorted(places[:count])]
