"""Find the test file of a source file, by the conventions of its language."""

from __future__ import annotations

from pathlib import PurePosixPath

from infill_retrieval.syntax import Language

_PATTERNS: dict[str, tuple[str, ...]] = {
    "python": ("tests/test_{stem}.py", "tests/unit/test_{stem}.py", "{folder}/test_{stem}.py",
               "{folder}/tests/test_{stem}.py", "{folder}/{stem}_test.py"),
    "go": ("{folder}/{stem}_test.go",),
    "javascript": ("{folder}/{stem}.test{suffix}", "{folder}/{stem}.spec{suffix}",
                   "{folder}/__tests__/{stem}.test{suffix}", "test/{stem}.test{suffix}"),
    "rust": ("tests/{stem}.rs",),
    "ruby": ("spec/{stem}_spec.rb", "test/{stem}_test.rb", "test/test_{stem}.rb"),
    "php": ("tests/{Stem}Test.php",),
}  # fmt: skip
_LIKE = {"typescript": "javascript", "tsx": "javascript", "jsx": "javascript"}


def test_paths(name: str, language: Language) -> tuple[str, ...]:
    """Return where tests of the file ``name`` may stand, relative to the workspace, the usual place first.

    Empty for a language whose habits are not known here, and for what is a test itself.
    """
    path = PurePosixPath(name)
    patterns = _PATTERNS.get(_LIKE.get(language.name, language.name), ())
    if path.is_absolute() or ".." in path.parts or not path.stem:
        return ()
    found = (
        pattern.format(
            stem=path.stem,
            Stem=path.stem[:1].upper() + path.stem[1:],
            suffix=path.suffix,
            folder=path.parent,
        )
        for pattern in patterns
    )
    paths = tuple(dict.fromkeys(str(PurePosixPath(one)) for one in found))
    return () if name in paths else paths
