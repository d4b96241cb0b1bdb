"""Which files a workspace folder wants to be left alone: ``.gitignore`` and ``.infillignore``.

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

log = logging.getLogger(__name__)

IGNORE_FILES = (".infillignore", ".gitignore")
"""Asked in this order, in each folder."""
_EXCLUDES_FILE = re.compile(
    r"^\s*excludesfile\s*=\s*\"?([^\"\n]+?)\"?\s*$", re.IGNORECASE | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Rules:
    """The ignore rules that hold in a folder: its own, then those of the folders above it."""

    specs: tuple[tuple[str, GitIgnoreSpec], ...] = ()
    """Pairs of a folder (ending in ``/``) and its rules, in the order in which they are asked."""

    def below(self, folder: str) -> Rules:
        """Return the rules that hold in ``folder``, one level further down."""
        base = folder.rstrip("/") + "/"
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
    base = f"{folder}/".replace("//", "/")
    specs: list[tuple[str, GitIgnoreSpec]] = []
    if excluded:
        specs.append((base, _compile(excluded)))
    if root is not None:
        for parent in above[1 : above.index(root) + 1]:
            specs += Rules().below(str(parent)).specs
        if spec := _read_spec(root / ".git" / "info" / "exclude"):
            specs.append((f"{root}/", spec))
    global_file = _global_excludes()
    if global_file is not None and (spec := _read_spec(global_file)):
        specs.append((f"{root or folder}/", spec))
    return Rules(tuple(specs))


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
        if rules.ignores(str(current), is_folder=is_folder):
            return True
        if is_folder:
            rules = rules.below(str(current))
    return False


def _read_spec(path: Path) -> GitIgnoreSpec | None:
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    return _compile(lines) if any(lines) else None


def _compile(lines: tuple[str, ...] | list[str]) -> GitIgnoreSpec:
    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError:
        # One bad line must not make us read what the others exclude.
        return GitIgnoreSpec.from_lines([line for line in lines if _is_pattern(line)])


def _is_pattern(line: str) -> bool:
    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        log.debug("an ignore pattern is not valid and was skipped")
        return False
    return True


def _global_excludes() -> Path | None:
    """Return git's ``core.excludesFile``, or where git looks without one."""
    config_home = Path(os.environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser())
    for config in (Path("~/.gitconfig").expanduser(), config_home / "git" / "config"):
        try:
            match = _EXCLUDES_FILE.search(config.read_text("utf-8", "replace"))
        except OSError:
            continue
        if match:
            return Path(match[1].strip()).expanduser()
    return config_home / "git" / "ignore"
