"""Follow types by name, from the text at the cursor to declarations in the workspace.

No compiler is asked: names are followed through what the index knows of each declaration (its types,
as words) and the text around the cursor, a few steps far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from infill_retrieval.indexing.analysis import Details
from infill_retrieval.searching.cursor import Chain, Cursor, Step
from infill_retrieval.searching.evidence import evidence_of
from infill_retrieval.searching.modules import ModuleTable
from infill_retrieval.searching.resolvers import resolve
from infill_retrieval.syntax import DeclarationKind, Import, Language, family_of, language_of
from infill_retrieval.syntax.type_names import CALLED

MAX_FILES_OF_TYPE = 4
MAX_TYPES = 6
"""Types that one expression is taken to have."""
MAX_BASES = 12
"""Types whose members are looked at for one type, itself included."""
MAX_DEPTH = 5
"""How often one name is followed to another."""
MAX_LOOKUPS = 200
"""Names that are looked up for one place, whatever a hostile workspace declares."""
MODULE = ""
"""Stands for the name of a type: what a file declares at its top."""
_SELF = frozenset({"self", "this", "Self", "cls", "super", "base", "static", "@this", "parent"})
_CONSTRUCTORS = frozenset(
    {"__init__", "constructor", "new", "New", "__construct", "initialize", "init"}
)

TypeAt = tuple[str, str]
"""A file and the name of a type in it."""


@dataclass(frozen=True, slots=True)
class Use:
    """A declaration that is about to be used, or would be if its name were typed."""

    key: str
    number: int
    depth: int
    """How many base classes away it is."""


class TypeFinder:
    """Finds the declarations that the names at one place refer to."""

    def __init__(
        self,
        path: str,
        language: Language,
        own: Details,
        table: ModuleTable,
        details_of: Callable[[str], Details | None],
        related: Iterable[str],
        cursor: Cursor,
        before: str,
        after: str,
    ) -> None:
        self._path = path
        self._language = language
        self._own = own
        self._table = table
        self._lookup = details_of
        self._related = tuple(related)
        self._cursor = cursor
        self._before = before
        self._after = after
        self.lookups = 0
        """Names that were looked up so far."""
        self._files_of: dict[str, list[TypeAt]] = {}

    # -- what is asked ---------------------------------------------------------------------

    def receiver_members(self) -> list[Use]:
        """Return what may follow the dot at the cursor."""
        chain = self._cursor.receiver
        return self._members(self._types_of(chain, 0), with_top=True) if chain else []

    def called(self) -> list[Use]:
        """Return the declarations of what is called at the cursor, or of the fields filled in."""
        chain = self._cursor.callee
        if not chain:
            return []
        if self._cursor.is_literal:
            types = self._types_of((*chain[:-1], Step(chain[-1].name)), 0)
            return [use for use in self._members(types) if self._is(use, DeclarationKind.FIELD)]
        *before, last = chain
        found: list[Use] = []
        if before:
            members = self._members(self._types_of(tuple(before), 0), with_top=True)
            found += [use for use in members if self._name(use) == last.name]
        else:
            found += self._functions(last.name)
        types = [(use.key, last.name) for use in found if self._is(use, DeclarationKind.TYPE)]
        types += self._named(last.name) if last.name[:1].isupper() else []
        made = [
            use
            for use in self._members(types[:MAX_TYPES])
            if self._name(use) in _CONSTRUCTORS or self._name(use) == last.name
        ]
        fields = [
            use for use in self._members(types[:MAX_TYPES]) if self._is(use, DeclarationKind.FIELD)
        ]
        return [*found, *(made or fields)]

    def overridden(self) -> list[Use]:
        """Return the members of the bases of the class in which one is about to be declared."""
        types = [type_at for name in self._cursor.overridden for type_at in self._named(name)]
        return self._members(types[:MAX_TYPES])

    # -- from expressions to types ---------------------------------------------------------

    def _types_of(self, chain: Chain, depth: int) -> list[TypeAt]:
        if not chain or depth > MAX_DEPTH:
            return []
        first, *rest = chain
        types = self._first_types(first, depth)
        for place, step in enumerate(rest):
            after_self = place == 0 and first.name in _SELF
            types = self._types_behind(types, step, after_self, depth)
        return types

    def _first_types(self, step: Step, depth: int) -> list[TypeAt]:
        name = step.name
        if name in _SELF:
            return self._around(step, depth)
        is_type = name[:1].isupper()
        if step.is_called:
            return (
                (self._named(name) if is_type else [])
                or self._results(self._functions(name), depth)
                or self._likely(name)
            )
        return (
            self._of_evidence(step, depth)
            or self._named(name)
            or self._modules(name)
            or self._results(self._functions(name), depth)
            or self._likely(name)
        )

    def _around(self, step: Step, depth: int) -> list[TypeAt]:
        """Return the class around the cursor, or its bases for ``super``."""
        around = self._cursor.enclosing
        if around is None:
            return self._of_evidence(step, depth) if step.name in {"self", "this"} else []
        bases = [found for base in around.bases for found in self._named(base)]
        if step.name in {"super", "base", "parent"}:
            return bases
        return self._named(around.name) or bases

    def _of_evidence(self, step: Step, depth: int, *, of_self: bool = False) -> list[TypeAt]:
        said = evidence_of(step.name, self._before, self._after, of_self=of_self)
        if of_self:
            said += evidence_of(step.name, self._before, self._after)
        for one in said:
            if one.types:
                types = [found for name in one.types for found in self._named(name)]
            elif one.value and one.value[0].name != step.name:
                types = self._types_of(one.value, depth + 1)
            else:
                types = []
            if types:
                return types[:MAX_TYPES]
        return []

    def _types_behind(
        self, types: list[TypeAt], step: Step, after_self: bool, depth: int
    ) -> list[TypeAt]:
        uses = [use for use in self._members(types, with_top=True) if self._name(use) == step.name]
        if found := self._results(uses, depth):
            return found
        if after_self and (found := self._of_evidence(step, depth, of_self=True)):
            return found
        if any(name == MODULE for _, name in types) or not types:
            if found := self._named(step.name):
                return found
            if found := self._modules(step.name):
                return found
        return self._likely(step.name)

    def _results(self, uses: Iterable[Use], depth: int) -> list[TypeAt]:
        """Return the types of the values that declarations have or return."""
        found: dict[TypeAt, None] = {}
        for use in uses:
            details = self._details(use.key)
            if details is None:
                continue
            one = details.declaration(use.number)
            if one.kind is DeclarationKind.TYPE:
                found[use.key, one.name] = None
                continue
            for name in one.types:
                if name == "Self":
                    around = self._owner(details, use.number)
                    found.update(dict.fromkeys(self._named(around) if around else ()))
                elif name.endswith(CALLED):
                    if depth < MAX_DEPTH:
                        called = name.removesuffix(CALLED)
                        around = self._owner(details, use.number)
                        inner = [
                            Use(use.key, number, 0)
                            for number in (*details.members.get(around, ()),
                                           *details.members.get(MODULE, ()))
                            if details.declaration(number).name == called
                        ]  # fmt: skip
                        found.update(dict.fromkeys(self._results(inner, depth + 1)))
                else:
                    found.update(dict.fromkeys(self._named(name)))
        return list(found)[:MAX_TYPES]

    def _owner(self, details: Details, number: int) -> str:
        one = details.declaration(number)
        return details.declaration(one.parent).name if one.parent >= 0 else one.owner

    # -- from names to declarations --------------------------------------------------------

    def _details(self, key: str) -> Details | None:
        return self._own if key == self._path else self._lookup(key)

    def _name(self, use: Use) -> str:
        details = self._details(use.key)
        return details.declaration(use.number).name if details is not None else ""

    def _is(self, use: Use, kind: DeclarationKind) -> bool:
        details = self._details(use.key)
        return details is not None and details.declaration(use.number).kind is kind

    def _named(self, name: str) -> list[TypeAt]:
        """Return the types of exactly this name, the nearest first."""
        if name not in self._files_of:
            self._files_of[name] = self._look_up(name, exact=True)
        return self._files_of[name]

    def _likely(self, name: str) -> list[TypeAt]:
        """Return the types that a variable of this name is likely to have."""
        if len(name.strip("_")) < 3:
            return []
        found = self._look_up(name, exact=False)
        return found[:2]

    def _look_up(self, name: str, *, exact: bool) -> list[TypeAt]:
        if self.lookups >= MAX_LOOKUPS:
            return []
        self.lookups += 1
        found: list[TypeAt] = []
        if exact and name in self._own.members and name != MODULE:
            found.append((self._path, name))
        family = family_of(self._language)
        folded = name.replace("_", "").lower()
        others = [
            (path, declared)
            for declared, path in self._table.types_called(folded, self._path)
            if (declared == name or not exact) and family_of(language_of(path)) == family
        ]
        others.sort(key=lambda pair: pair[0] not in self._related)
        return [*found, *others[:MAX_FILES_OF_TYPE]]

    def _modules(self, name: str) -> list[TypeAt]:
        """Return the files that a name stands for, as types of the name :data:`MODULE`."""
        found: dict[TypeAt, None] = {}
        for imported in self._own.outline.imports:
            local = (*imported.names, *imported.aliases)
            last = _last_word(imported.module)
            if name not in local and (local or name != last):
                continue
            for file in resolve(self._table, imported, self._path, self._language):
                if name in imported.names and not _is_called(file, name):
                    continue
                found[file, MODULE] = None
        if not found and self._cursor.is_path:
            words = ("crate", name)
            for file in resolve(self._table, Import("::".join(words)), self._path, self._language):
                found[file, MODULE] = None
        return list(found)[:24]

    def _functions(self, name: str) -> list[Use]:
        """Return functions and values of this name that the file can see."""
        found: list[Use] = []
        for key in (self._path, *self._related):
            details = self._details(key)
            if details is None:
                continue
            for number in details.named.get(name, ()):
                one = details.declaration(number)
                if one.parent < 0 and not one.owner:
                    found.append(Use(key, number, 0))
                    if len(found) == MAX_TYPES:
                        return found
        return found

    def _members(self, types: Sequence[TypeAt], *, with_top: bool = False) -> list[Use]:
        """Return the members of some types and of their bases, nearer ones first."""
        return list(self._walk(types, with_top))

    def _walk(self, types: Sequence[TypeAt], with_top: bool) -> Iterator[Use]:
        queue = [(type_at, 0) for type_at in types]
        seen: set[TypeAt] = set()
        while queue and len(seen) < MAX_BASES:
            type_at, depth = queue.pop(0)
            if type_at in seen:
                continue
            seen.add(type_at)
            key, name = type_at
            details = self._details(key)
            if details is None or (name == MODULE and not with_top):
                continue
            for number in details.members.get(name, ()):
                yield Use(key, number, depth)
                one = details.declaration(number)
                if (
                    one.kind is DeclarationKind.FIELD and one.name in one.types
                ):  # embedded, as in Go
                    queue += [(found, depth + 1) for found in self._named(one.name)]
            if name == MODULE:
                if depth < 2:
                    queue += [((file, MODULE), depth + 1) for file in self._passed_on(key, details)]
                continue
            for number in details.named.get(name, ()):
                one = details.declaration(number)
                if one.kind is DeclarationKind.TYPE:
                    bases = [found for base in one.types for found in self._named(base)]
                    queue += [(base, depth + 1) for base in bases]

    def _passed_on(self, key: str, details: Details) -> Iterator[str]:
        """Yield the files whose declarations a file passes on as its own."""
        for imported in details.outline.imports:
            if not imported.names and not imported.aliases and self.lookups < MAX_LOOKUPS:
                self.lookups += 1
                yield from resolve(self._table, imported, key, language_of(key))[:4]


def _last_word(module: str) -> str:
    word = ""
    for char in reversed(module):
        if char.isalnum() or char == "_":
            word = char + word
        elif word:
            break
    return word


def _is_called(file: str, name: str) -> bool:
    """Return whether a file is the module ``name``: a name may be taken from a package."""
    stem = file.rpartition("/")[2].partition(".")[0]
    return stem == name or file.endswith((f"/{name}/__init__.py", f"/{name}/index.ts"))
