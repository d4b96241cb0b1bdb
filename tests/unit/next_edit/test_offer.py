"""Tests of which next edits are offered: only sure ones, on the current text, within limits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infill_ls.next_edit import Document, History, propose
from infill_ls.next_edit.candidate import PROVED
from infill_ls.next_edit.history import difference
from infill_ls.next_edit.offer import MAX_CANDIDATES
from infill_ls.next_edit.view import WINDOW_CHARS, Facts, View
from infill_retrieval.syntax import Language, SyntaxTree, TreeCache, language_named
from unit.next_edit.editing import URI, applied, history_of, proposed

BEFORE = """\
def report(prices):
    print(compute_total(prices))
    return compute_total(prices)


def compute_total(prices):
    return sum(prices)  # compute_total
"""
AFTER = BEFORE.replace("def compute_total", "def compute_sum")


def test_the_uses_of_a_renamed_function_are_offered() -> None:
    offers = list(proposed(BEFORE, AFTER).offers)
    done = applied(AFTER, offers)
    assert "compute_total(" not in done
    assert all("compute_total` became" in offer.why for offer in offers)
    assert all(offer.verdict.reasons for offer in offers)


LOCALS = {
    "python": (
        "def f(items):\n    total = 0\n    for one in items:\n        total += one\n    return total\n",
        "total = 0",
    ),
    "python parameter": (
        "def f(items, total):\n    return [one * total for one in items]\n",
        "total)",
    ),
    "python loop": (
        "def f(items):\n    for total in items:\n        print(total.name)\n        total.close()\n",
        "total in",
    ),
    "javascript": (
        "function f(items) {\n  const total = sum(items);\n  log(total);\n  return total + 1;\n}\n",
        "total = ",
    ),
    "typescript": (
        "function f(items: number[]) {\n  let total = sum(items);\n  log(total);\n  return total;\n}\n",
        "total = ",
    ),
    "go": (
        "func f(items []int) int {\n\ttotal := sum(items)\n\tlog(total)\n\treturn total + 1\n}\n",
        "total := ",
    ),
    "rust": (
        "fn f(items: &[u32]) -> u32 {\n    let total = sum(items);\n    log(total);\n    total + 1\n}\n",
        "total = ",
    ),
    "java": (
        "class A {\n  int f(int[] items) {\n    int total = sum(items);\n    return total + 1;\n  }\n}\n",
        "total = ",
    ),
}


@pytest.mark.parametrize("case", LOCALS)
def test_all_uses_of_a_renamed_local_name_are_offered_also_on_the_next_line(case: str) -> None:
    text, declared = LOCALS[case]
    after = text.replace(declared, declared.replace("total", "amount"), 1)
    done = applied(after, list(proposed(text, after, language=case.partition(" ")[0]).offers))
    assert done == text.replace("total", "amount")


@pytest.mark.parametrize(
    ("language", "text", "declared"),
    [
        # It is still bound: in the function, around it, by an import, by a parameter.
        ("python", "def f(a):\n    total = 0\n    total = a\n    return g(total)\n", "total = 0"),
        ("python", "total = 1\n\n\ndef f(a):\n    total = a\n    return g(total)\n", "total = a"),
        ("python", "import total\n\n\ndef f(a):\n    total = a\n    return total.b\n", "total = a"),
        ("python", "def f(total):\n    total = total.b\n    g(total)\n", "total = total.b"),
        # It names something else: a member, an argument, what is in another function.
        ("python", "def f(a):\n    total = a\n    g(a.total)\n    g(total=a)\n", "total = a"),
        ("javascript", "function f(a) {\n  const total = a;\n  return { total, b: { total: a } };\n}\n", "total = "),
        ("go", "func f(a int) T {\n\ttotal := a\n\treturn T{total: a}\n}\n", "total := "),
        ("python", "def f(a):\n    total = a\n\n\ndef g(a):\n    return total\n", "total = a"),
    ],
)  # fmt: skip
def test_a_name_that_is_bound_elsewhere_or_names_something_else_is_not_proved(
    language: str, text: str, declared: str
) -> None:
    after = text.replace(declared, declared.replace("total", "amount"), 1)
    proposal = proposed(text, after, language=language)
    for one in (*proposal.offers, *proposal.declined):
        assert not any(name == PROVED for name, _ in one.verdict.reasons), one


def test_the_uses_are_offered_to_the_last_one_of_a_chain() -> None:
    text = BEFORE + "\n\n" + "compute_total([1])\n" * 6
    versions = [text, text.replace("def compute_total", "def compute_sum")]
    while offers := proposed(*versions).offers:
        assert {offer.new for offer in offers} == {"compute_sum"}
        versions.append(offers[0].applied_to(versions[-1]))
    assert len(versions) == 10
    assert "compute_total(" not in versions[-1]


def test_in_a_document_beside_the_change_of_the_last_one_is_repeated() -> None:
    beside = "file:///project/b"
    others = {beside: "from a import compute_total\n\nprint(compute_total([1]))\n"}
    history = history_of(BEFORE, AFTER)
    language = language_named("python")
    assert language is not None
    documents = {URI: Document(AFTER, language), beside: Document(others[beside], language)}
    proposal = propose(beside, documents, history.edits)
    both = (*proposal.offers, *proposal.declined)
    assert [one.uri for one in both] == [beside, beside]
    assert "compute_total" not in applied(others[beside], list(both))
    history.refuse([("compute_total", "compute_sum")])
    assert propose(beside, documents, history.edits, history.refused).asked == ()


def test_offers_come_in_the_order_of_the_text_from_the_edit_on() -> None:
    text = "\n".join(
        ["use(old_name)"] * 2 + ["def old_name(x):", "    pass"] + ["use(old_name)"] * 2
    )
    once = text.replace("def old_name", "def new_name")
    starts = [offer.start for offer in proposed(text, once).offers]
    edit = once.index("new_name")
    assert starts == sorted(starts, key=lambda start: (start < edit, start))


def test_nothing_is_offered_after_an_edit_that_is_like_nothing() -> None:
    assert proposed("a = 1\nb = 2\n", "a = 1\nb = 2\nc = d(e)\n").offers == ()
    assert proposed("a = 1\n").reason == "nothing was edited here"


def test_what_stands_only_in_comments_is_not_offered() -> None:
    text = "limit = 10\n# the limit is low\nprint('limit')\n"
    assert proposed(text, text.replace("limit", "bound", 1)).offers == ()


HOLES = {
    "typescript": "function {0}(model: Model): boolean {{\n  return model.used;\n}}\n\n"
    "const label = `${{{0}(model)}} ${{model.name}}`;\nconst first = {0}(models[0]);\n",
    "javascript": "function {0}(model) {{\n  return model.used;\n}}\n\n"
    "const label = `${{{0}(model)}} ${{model.name}}`;\nconst first = {0}(models[0]);\n",
    "python": "def {0}(model):\n    return model.used\n\n\n"
    "label = f'{{{0}(model)}} {{model.name}}'\nfirst = {0}(models[0])\n",
}


@pytest.mark.parametrize("language", HOLES)
def test_what_stands_in_the_hole_of_a_template_is_code(language: str) -> None:
    before, after = (HOLES[language].format(name) for name in ("isUsed", "isChosen"))
    once = before.replace("isUsed", "isChosen", 1)
    offers = list(proposed(before, once, language=language).offers)
    assert applied(once, offers) == after


def test_what_was_refused_is_not_offered() -> None:
    history = history_of(BEFORE, AFTER)
    history.refuse([("compute_total", "compute_sum")])
    language = language_named("python")
    assert language is not None
    documents = {URI: Document(AFTER, language)}
    assert propose(URI, documents, history.edits, history.refused).offers == ()


def test_an_edit_undone_half_way_is_not_half_offered() -> None:
    # "compute_total" is being typed anew: "compute_to" stands there now.
    half = BEFORE.replace("def compute_total", "def compute_to")
    for offer in proposed(BEFORE, AFTER, half).offers:
        assert offer.stands_in(half)
        assert offer.new == "compute_to"
    assert proposed(BEFORE, AFTER, BEFORE).offers == ()


def test_a_line_with_a_secret_is_neither_touched_nor_written() -> None:
    secret = "alpha_key = 'q9X2m4Lr8ZtV7wKpB3nY6cHsD1fGjE5a'\n"
    text = f"def alpha_key(x):\n    pass\nalpha_key(1)\n{secret}"
    once = text.replace("def alpha_key", "def beta_key")
    for offer in proposed(text, once).offers:
        start, end = once.rfind("\n", 0, offset := offer.start) + 1, once.index("\n", offset)
        assert "q9X2" not in once[start:end]


LINES = st.lists(
    st.sampled_from(
        [
            "foo(a, b)",
            "foo(b)",
            "x = foo(a)",
            "def foo(a):",
            "# foo",
            "",
            "  y = 'foo 🙂'",
            "import foo",
            "bar(foo)",
        ]
    ),
    min_size=1,
    max_size=14,
)
EOLS = st.sampled_from(["\n", "\r\n", "\r"])


@settings(deadline=None, max_examples=150)
@given(LINES, LINES, EOLS, st.sampled_from(["python", "go", "plaintext"]))
def test_an_offer_changes_exactly_its_range(
    one: list[str], two: list[str], eol: str, name: str
) -> None:
    before, after = eol.join(one), eol.join(two)
    proposal = proposed(before, after, language=name)
    for offer in (*proposal.offers, *proposal.declined):
        assert after[offer.start : offer.end] == offer.old
        done = offer.applied_to(after)
        assert done[: offer.start] == after[: offer.start]
        assert done[offer.start + len(offer.new) :] == after[offer.end :]
        assert offer.old != offer.new
    spans = sorted((offer.start, offer.end) for offer in proposal.offers)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))


@settings(deadline=None, max_examples=100)
@given(LINES, LINES, st.text("fo(a)\n ", max_size=4), st.integers(0, 200))
def test_an_offer_is_not_applied_to_text_that_has_changed(
    one: list[str], two: list[str], typed: str, at: int
) -> None:
    after = "\n".join(two)
    other = after[:at] + typed + after[at:]
    proposal = proposed("\n".join(one), after)
    for offer in (*proposal.offers, *proposal.declined):
        if other[offer.start : offer.end] != offer.old:
            with pytest.raises(ValueError, match="changed"):
                offer.applied_to(other)


HOSTILE = {
    "one name everywhere": ("foo foo foo foo\n" * 32_768, "foo", "bar", "python"),
    "one line without an end": ("foo(" * 131_072, "foo", "bar", "python"),
    "brackets": ("((((((((" * 65_536, "(", "[", "javascript"),
    "the same call": ("foo(a, b);\n" * 47_662, "b)", "b, c)", "c"),
    "the same declaration": ("int foo(int a, int b);\n" * 22_795, ", int b", "", "c"),
    "a line above each": ("def f():\n    pass\n" * 29_127, "def", "@g\ndef", "python"),
    "a binary": ("\x00\x01foo\x02" * 87_381, "foo", "bar", "python"),
    "the same line": ("    x = 1\n" * 52_428, "    x = 1\n", "", "python"),
}


class Counted:
    """Counts what is looked at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.places = self.matches = 0
        self.parsed: list[int] = []
        look, find, parse = View._look_at, View.find, TreeCache.parse

        def looked(view: View, start: int, end: int) -> Facts:
            self.places += 1
            return look(view, start, end)

        def found(view: View, pattern: str) -> Iterator[re.Match[str]]:
            for match in find(view, pattern):
                self.matches += 1
                yield match

        def parsed(trees: TreeCache, language: Language, text: str) -> SyntaxTree | None:
            self.parsed.append(len(text))
            return parse(trees, language, text)

        monkeypatch.setattr(View, "_look_at", looked)
        monkeypatch.setattr(View, "find", found)
        monkeypatch.setattr(TreeCache, "parse", parsed)


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_bounded_by_what_is_looked_at(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, old, new, name = HOSTILE[what]
    language = language_named(name)
    assert language is not None
    history = History()
    history.opened(URI, text)
    at = len(text) // 2
    for _ in range(2):
        at = text.index(old, at)
        text = text[:at] + new + text[at + len(old) :]
        history.changed(URI, text)
        at += len(new)
    documents = {URI: Document(text, language)}
    counted = Counted(monkeypatch)
    proposal = propose(URI, documents, history.edits)
    assert len(proposal.offers) + len(proposal.declined) <= MAX_CANDIDATES
    # What a run may cost; the times are in docs/next-edit.md (python -m bench.next_edit.hostile).
    assert counted.matches <= 1_500
    assert counted.places <= 800
    assert len(counted.parsed) <= 1
    assert sum(counted.parsed) <= 3 * WINDOW_CHARS


def test_a_hundred_thousand_lines() -> None:
    text = "".join(f"value_{number} = shared_name({number})\n" for number in range(100_000))
    at = text.index("shared_name", len(text) // 2)
    once = text[:at] + "common_name" + text[at + 11 :]
    start, old, new = difference(text, once)
    assert once[start : start + len(new)] == new
    assert text[start : start + len(old)] == old
    proposal = proposed(text, once)
    assert len(proposal.offers) + len(proposal.declined) <= MAX_CANDIDATES


def test_a_rename_with_five_hundred_documents_open() -> None:
    others = {f"file:///project/{n}": "from a import compute_total\n" for n in range(500)}
    proposal = proposed(BEFORE, AFTER, others=others)
    both = (*proposal.offers, *proposal.declined)
    assert len({offer.uri for offer in both}) <= 10
    assert any(offer.uri == URI for offer in proposal.offers)
