"""What the file being edited imports, as declarations of other files with a weight each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from infill_retrieval.indexing.analysis import Details
from infill_retrieval.indexing.words import identifiers
from infill_retrieval.searching.modules import ModuleTable
from infill_retrieval.searching.query import SearchQuery
from infill_retrieval.searching.resolvers import resolve
from infill_retrieval.syntax import Import, Language, Outline, language_of

UNUSED_WEIGHT = 0.4
"""Weight of a name that is imported but not used near the cursor. It may well come next."""
MODULE_WEIGHT = 0.15
"""Weight of what a module has that is imported as a whole and not named near the cursor."""
SIBLING_WEIGHT = 0.0
"""Weight of what a file of the same package has that is not named near the cursor."""
REEXPORT_DEPTH = 3
MAX_RECEIVER_TYPES = 4
MAX_RELATED_FILES = 40


@dataclass(slots=True)
class Related:
    """What is wanted of a file that is imported. Weights are between 0 and 1."""

    names: dict[str, float] = field(default_factory=dict)
    """Weight of single declarations, by name."""
    base: float = 0.0
    """Weight of every declaration."""
    receivers: set[str] = field(default_factory=set)
    """Types of which a member is about to be named."""
    is_receiver: bool = False
    """Whether something of the module itself is about to be named."""

    def weight(self, name: str) -> float:
        """Return the weight of a top-level declaration."""
        return max(self.names.get(name, 0.0), self.base)


def related_files(
    outline: Outline,
    path: str,
    language: Language,
    table: ModuleTable,
    details_of: Callable[[str], Details | None],
    search: SearchQuery,
) -> dict[str, Related]:
    """Return the files that ``path`` imports and what of each is wanted, nearest use first.

    A name that a file does not declare but imports itself, as an ``__init__.py`` or ``index.ts``
    does, is followed to where it is declared.
    """
    nearness = search.words
    found: defaultdict[str, Related] = defaultdict(Related)
    for imported in sorted(outline.imports, key=lambda i: -_use(i, nearness)):
        for file in resolve(table, imported, path, language):
            if len(found) >= MAX_RELATED_FILES and file not in found:
                break
            _want(found, file, imported, nearness, table, details_of, REEXPORT_DEPTH)
            if search.receiver and search.receiver in _local_names(imported):
                found[file].receivers.add(search.receiver)
                found[file].is_receiver = search.receiver not in imported.names or (
                    _is_called(file, search.receiver)
                )
    for file in table.siblings(path, language, outline.package):
        if file not in found and len(found) < MAX_RELATED_FILES:
            _want_named(found[file], nearness, SIBLING_WEIGHT)
    found.pop(path, None)  # a package that is imported may pass on what this file declares
    return dict(found)


def receiver_types(
    search: SearchQuery, names: Callable[[str], Sequence[tuple[str, str]]]
) -> list[tuple[str, str]]:
    """Return the types, with their files, of which a member may be named at the cursor.

    The evidence is lexical: an annotation or a constructor call in sight, or a variable that is
    called as its class is (``console.`` of a ``Console``, ``self._options.`` of ``RunOptions``).
    ``names`` finds declared types, with their files, by the folded name or its last word.
    """
    found: dict[tuple[str, str], None] = {}
    for name in (*search.receiver_types, search.receiver):
        if len(name.strip("_")) > 1 and name not in {"self", "this", "super", "cls"}:
            found.update(dict.fromkeys(names(fold(name))))
    return list(found)[:MAX_RECEIVER_TYPES]


def fold(name: str) -> str:
    """Return ``name`` in the one form in which variables and their classes look the same."""
    return name.replace("_", "").lower()


def _is_called(file: str, name: str) -> bool:
    """Return whether a file is the module ``name``: a name may be taken from a package."""
    stem = file.rpartition("/")[2].partition(".")[0]
    return stem == name or file.endswith((f"/{name}/__init__.py", f"/{name}/index.ts"))


def _use(imported: Import, nearness: Mapping[str, float]) -> float:
    return max((nearness.get(word, 0.0) for word in _local_names(imported)), default=0.0)


def _local_names(imported: Import) -> Sequence[str]:
    return (*imported.names, *imported.aliases) or identifiers(imported.module)[-1:]


def _want(
    found: defaultdict[str, Related],
    file: str,
    imported: Import,
    nearness: Mapping[str, float],
    table: ModuleTable,
    details_of: Callable[[str], Details | None],
    depth: int,
) -> None:
    related = found[file]
    use = _use(imported, nearness)
    last = identifiers(imported.module)[-1:]
    if not imported.names:
        # The module as a whole: what is named after it near the cursor is what is wanted of it.
        _want_named(related, nearness, max(MODULE_WEIGHT, MODULE_WEIGHT * 2 * use))
    for name in imported.names or last:
        weight = max(nearness.get(name, 0.0), use if len(imported.names) == 1 else 0.0)
        related.names[name] = max(related.names.get(name, 0.0), weight, UNUSED_WEIGHT)
    details = details_of(file)
    if details is None or depth == 0:
        return
    declared = {declaration.name for declaration in details.outline.declarations}
    missing = set(imported.names) - declared
    if not missing and (imported.names or declared):
        return
    for inner in details.outline.imports:
        taken = tuple(name for name in (*inner.names, *inner.aliases) if name in missing)
        if not taken and (inner.names or (imported.names and not missing)):
            continue
        again = Import(inner.module, taken or tuple(sorted(missing)), ())
        for target in resolve(table, inner, file, language_of(file)):
            if target not in found and len(found) < MAX_RELATED_FILES:
                _want(found, target, again, nearness, table, details_of, depth - 1)


def _want_named(related: Related, nearness: Mapping[str, float], base: float) -> None:
    related.base = max(related.base, base)
    for name, weight in nearness.items():
        if len(name) > 1:
            related.names[name] = max(related.names.get(name, 0.0), weight)
