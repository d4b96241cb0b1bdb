"""Snippets as the server finds them: its own search over the files of one package."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Self

import numpy as np

from infill_ls.document.embedded import region_at
from infill_ls.measuring.notebook_files import SUFFIX as NOTEBOOK
from infill_retrieval import Query, RetrievalSettings
from infill_retrieval.index import WorkspaceIndex
from infill_retrieval.render import render_snippet
from infill_retrieval.syntax import language_of
from training.tokens import Encoder, Ids

WINDOW_CHARS = 6_000
"""More of the text before the hole would change no search, and take time to look at."""


NO_EDITS: Mapping[str, Sequence[str]] = MappingProxyType({})


class PackageSearch:
    """Searches some files of a package, written to a folder that goes with this object."""

    def __init__(
        self,
        files: Sequence[tuple[str, str]],
        encode: Encoder,
        edits: Mapping[str, Sequence[str]] = NO_EDITS,
    ) -> None:
        """Read ``files``. Of those in ``edits``, by their names, these were the texts one by one.

        As when they are edited in an editor: what was changed counts as recently edited.
        """
        self._encode = encode
        self._folder = tempfile.TemporaryDirectory(prefix="infill-train-")
        self._root = Path(self._folder.name).resolve()
        for name, text in files:
            path = self._root / name
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            except OSError:  # a file where another one has a folder
                continue
        self._index = WorkspaceIndex([self._root], RetrievalSettings(crawl_in_process=False))
        self._index.crawl()
        for name, texts in edits.items():
            for text in texts:
                self._index.open_buffer(self._root / name, text, language_of(name).name)

    def context(self, name: str, before: str, after: str, budget_tokens: int) -> Ids:
        """Return the ids of the snippets for a hole in the file ``name``, as a prompt has them."""
        path = self._root / name
        self._index.close_buffer(path)  # its text is the query's: there is a hole in it
        document = language_of(name, "python" if name.endswith(NOTEBOOK) else "")
        query = Query(
            path=str(path),
            language_id=region_at(document, name, before + after, len(before)).language.name,
            prefix=before[-WINDOW_CHARS:],
            suffix=after[:WINDOW_CHARS],
        )
        found = self._index.retrieve(query, budget_tokens, self._count)
        text = "".join(render_snippet(snippet.path, snippet.text) for snippet in found.snippets)
        ids = self._encode(text)
        # A marker's spelling in some file: the count of lines would be wrong, as in `SourceFile`.
        return np.empty(0, np.uint16) if bool((ids < 6).any()) else ids

    def _count(self, texts: Sequence[str]) -> list[int]:
        return [len(self._encode(text)) for text in texts]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._index.close()
        self._folder.cleanup()
