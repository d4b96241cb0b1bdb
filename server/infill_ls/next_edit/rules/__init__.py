"""The rules that find places which may need the same change. The judge decides among them.

A rule looks at tokens and nodes and finds much; nothing is left out here because it is unlikely,
only because it would be no such change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from infill_ls.next_edit.candidate import EditCandidate, Pattern
from infill_ls.next_edit.rules import (
    calls,
    imports,
    kinds,
    lines,
    names,
    rewrites,
    shapes,
    signatures,
    wraps,
)

RULES: tuple[Callable[[Pattern], Iterator[EditCandidate]], ...] = (
    names.casings_of,
    rewrites.replaced,
    rewrites.inserted,
    shapes.by_shape,
    kinds.inserted_by_shape,
    kinds.inserted_by_kind,
    calls.added_argument,
    signatures.changed_signature,
    lines.added,
    lines.added_by_shape,
    kinds.added_before_kin,
    lines.removed,
    lines.copied,
    wraps.wrapped,
    wraps.wrapped_in_calls,
    wraps.unwrapped,
    imports.unused,
    imports.missing,
)
