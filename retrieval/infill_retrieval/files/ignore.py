"""Ignore rules of a workspace folder: ``.gitignore`` and ``.infillignore``.

The rules are git's: a file nearer to the path wins over one further up, the last matching line
of a file wins over earlier ones, and nothing inside an excluded folder can be included again.
``.infillignore`` has the same syntax and is asked first.
"""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

from infill_retrieval.files.paths import inside, spelled
from infill_retrieval.files.regular_file import TooLargeError, read_regular

log = logging.getLogger(__name__)

IGNORE_FILES = (".infillignore", ".gitignore")
"""Asked in this order, in each folder."""
MAX_BYTES = 65_536
MAX_PATTERNS = 2000
"""A folder with more rules than this is not searched at all: half of them would not protect it."""
MAX_STARS = 3
"""Stars in a part of a pattern, and ``**`` in a pattern, beyond which less exact ones are used."""
MAX_COSTLY = 20
"""So many patterns of a file may have more than one star in a part; two thousand took 9 s a name."""
_WILD = re.compile(r"[*?\[\\]")
_HERE = re.compile(r"\A(?:\./+)+")
_HIDE_ALL = GitIgnoreSpec.from_lines(["*"])
_EXCLUDES_FILE = re.compile(
    r"^[ \t]*excludesfile[ \t]*=[ \t]*\"?([^\"\n]*[^\"\s])", re.IGNORECASE | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Rules:
    """The ignore rules that hold in a folder: its own, then those of the folders above it."""

    specs: tuple[tuple[str, GitIgnoreSpec], ...] = ()
    """Pairs of a folder (ending in ``/``) and its rules, in the order in which they are asked."""

    def below(self, folder: str) -> Rules:
        """Return the rules that hold in ``folder``, one level further down."""
        base = inside(folder)
        own = [(base, spec) for name in IGNORE_FILES if (spec := _read_spec(Path(base, name)))]
        return Rules((*own, *self.specs)) if own else self

    def ignores(self, path: str, *, is_folder: bool) -> bool:
        """Return whether an absolute path is ignored, provided that its folders are not."""
        for base, spec in self.specs:
            relative = path.removeprefix(base) + ("/" if is_folder else "")
            verdict = spec.check_file(relative).include
            if verdict is not None:
                return verdict
        return False


def rules_above(folder: Path, excluded: tuple[str, ...] = ()) -> Rules:
    """Return the rules that hold for ``folder`` without its own files.

    Those are the user's ``excluded`` patterns, the ignore files of the folders above it up to the
    root of the repository, the repository's ``info/exclude`` and git's global excludes.
    """
    above = [folder, *folder.parents]
    root = next((parent for parent in above if (parent / ".git").exists()), None)
    specs = list(rules_of(excluded, folder).specs)
    if root is not None:
        for parent in above[1 : above.index(root) + 1]:
            specs += Rules().below(str(parent)).specs
        if spec := _read_spec(_git_folder(root / ".git") / "info" / "exclude"):
            specs.append((inside(root), spec))
    global_file = _global_excludes()
    if global_file is not None and (spec := _read_spec(global_file)):
        specs.append((inside(root or folder), spec))
    return Rules(tuple(specs))


def rules_of(excluded: tuple[str, ...], folder: Path) -> Rules:
    """Return the rules of the user's ``excluded`` patterns for ``folder``.

    They are those of a ``.gitignore`` in there, and absolute paths. ``./a`` is what ``/a`` is.
    """
    if not excluded:
        return Rules()
    base = inside(folder)
    return Rules(((base, _compile([_as_gitignore(pattern, base) for pattern in excluded])),))


def is_pattern(line: str) -> bool:
    """Return whether a line means anything in a ``.gitignore``."""
    try:
        return GitIgnoreSpec.from_lines([line]).patterns[0].include is not None
    except (ValueError, LookupError):
        return False


def _as_gitignore(pattern: str, base: str) -> str:
    """Return what a user typed into a list of patterns as a line of a ``.gitignore``."""
    sign, pattern = ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)
    if pattern.startswith("~/"):
        pattern = str(Path(pattern).expanduser())
    if pattern.startswith("/") and (below := _inside(pattern, base)) is not None:
        pattern = f"/{below}"
    pattern = _HERE.sub("/", pattern)
    if pattern in ("/", ".", "/."):
        pattern = "*"
    return f"{sign}\\{pattern}" if pattern.startswith("#") else sign + pattern


def _inside(pattern: str, base: str) -> str | None:
    """Return the part of an absolute path below ``base``, whose links are resolved."""
    parts = pattern.split("/")
    literal = next((n for n, part in enumerate(parts) if _WILD.search(part)), len(parts) - 1)
    place = "/".join([os.path.realpath("/".join(parts[:literal]) or "/"), *parts[literal:]])
    for absolute in (pattern, place):
        if f"{absolute}/".startswith(base):
            return absolute.removeprefix(base.rstrip("/")).lstrip("/")
    return None


def is_ignored(path: Path, folder: Path, rules: Rules) -> bool:
    """Return whether ``path``, somewhere below ``folder``, is ignored by itself or by a folder.

    ``rules`` are those above ``folder``. A walk asks :class:`Rules` level by level instead.
    """
    rules = rules.below(str(folder))
    current = folder
    parts = path.relative_to(folder).parts
    for depth, part in enumerate(parts, start=1):
        current = current / part
        is_folder = depth < len(parts)
        if rules.ignores(spelled(current), is_folder=is_folder):
            return True
        if is_folder:
            rules = rules.below(str(current))
    return False


def _git_folder(dot_git: Path) -> Path:
    """Return the folder with ``info/exclude``: ``.git`` of a worktree or submodule is a file."""
    folder = dot_git
    try:
        if not dot_git.is_dir():
            line = _text(dot_git).partition("\n")[0]
            if not line.startswith("gitdir: "):
                return dot_git
            folder = dot_git.parent / line.removeprefix("gitdir: ").strip()
        common = folder / _text(folder / "commondir").strip()
        return common if common.is_dir() else folder
    except (OSError, ValueError):
        return folder


def _read_spec(path: Path) -> GitIgnoreSpec | None:
    try:
        lines = read_regular(path, MAX_BYTES).decode("utf-8", "replace").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except TooLargeError:
        lines = ["*"] * (MAX_PATTERNS + 1)
    except (OSError, ValueError):
        # Git has no rules in what it cannot read either; but ours is only there to protect.
        return _HIDE_ALL if path.name == ".infillignore" else None
    patterns = [line for line in lines if line.strip() and not line.startswith("#")]
    if len(patterns) > MAX_PATTERNS:
        log.warning("a folder is not searched: its %s is too large", path.name)
        return _HIDE_ALL
    return _compile(patterns) if patterns else None


def _all_tamed(lines: tuple[str, ...] | list[str]) -> list[str]:
    tamed = []
    costly = 0
    for line in lines:
        cheap = _tamed(line, 1)
        costly += cheap != line
        tamed.append(_tamed(line, MAX_STARS) if costly <= MAX_COSTLY else cheap)
    return tamed


def _tamed(pattern: str, most: int) -> str:
    """Return a pattern that hides at least as much and is matched in little time.

    Patterns become regular expressions, which try every way of sharing a name among the stars.
    """
    if pattern.startswith("!"):
        # More of what is hidden would be shown again: such a line may only be left out.
        return pattern if _tamed(pattern[1:], most) == pattern[1:] else ""
    parts = pattern.split("/")
    wild = [number for number, part in enumerate(parts) if part == "**"]
    if len(wild) <= most and all(_is_tame(part, most) for part in parts):
        return pattern
    if "\\" in pattern or "[" in pattern:
        return "*"
    if len(wild) > most:
        parts = [*parts[: wild[0] + 1], *parts[wild[-1] + 1 :]]
    return "/".join(part if _is_tame(part, most) else _shortened(part) for part in parts)


def _is_tame(part: str, most: int) -> bool:
    return part == "**" or part.count("*") <= most


def _shortened(part: str) -> str:
    return f"{part[: part.index('*')]}*{part[part.rindex('*') + 1 :]}"


def _compile(lines: tuple[str, ...] | list[str]) -> GitIgnoreSpec:
    lines = _all_tamed(lines)
    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError:
        # One bad line must not make us read what the others exclude.
        return GitIgnoreSpec.from_lines([line for line in lines if is_pattern(line)])


def _global_excludes() -> Path | None:
    """Return git's ``core.excludesFile``, or where git looks without one."""
    config_home = Path(os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser())
    for config in (Path("~/.gitconfig").expanduser(), config_home / "git" / "config"):
        try:
            match = _EXCLUDES_FILE.search(_text(config))
        except (OSError, ValueError):
            continue
        if match:
            return Path(match[1].strip()).expanduser()
    return config_home / "git" / "ignore"


def _text(path: Path) -> str:
    return read_regular(path, MAX_BYTES).decode("utf-8", "replace")
