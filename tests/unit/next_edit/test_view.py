"""Tests of the features of a place that come from the syntax tree."""

from __future__ import annotations

import pytest

from infill_ls.next_edit.view import View
from infill_retrieval.syntax import TreeCache, language_named
from unit.next_edit.editing import proposed


@pytest.mark.parametrize(
    ("language", "text", "kind"),
    [
        ("python", 'x = f"{name}"', "code"),
        ("python", 'x = "name"', "string"),
        ("python", "# name", "comment"),
        ("typescript", "x = `${name(1)}`", "code"),
        ("typescript", "x = `a name`", "string"),
        ("javascript", "x = `${name}`", "code"),
        ("tsx", "x = <a b={`${name}`}>t</a>", "code"),
        ("cpp", "template <class T> int name(T t) { return 1; }", "code"),
        ("cpp", "std::vector<name> v;", "code"),
        ("cpp", "int x = f<name>(1);", "code"),
        ("cpp", 'auto x = "name";', "string"),
        ("csharp", 'class A { string s = $"{name}"; }', "code"),
        ("csharp", 'class A { string s = $"name"; }', "string"),
        ("ruby", 'x = "#{name}"', "code"),
        ("bash", 'x="$name"', "code"),
        ("bash", 'x="${name}"', "code"),
        ("bash", 'x="$(name 1)"', "code"),
        ("bash", 'x="name"', "string"),
        ("kotlin", 'val x = "${name(1)}"', "code"),
        ("php", '<?php $x = "$name";', "code"),
        ("php", '<?php $x = "name";', "string"),
        ("swift", 'let x = "\\(name)"', "code"),
        ("swift", 'let x = "name"', "string"),
        ("scala", 'val x = s"$name"', "code"),
        ("java", 'String s = STR."\\{name}";', "code"),
        ("elixir", 'x = "#{name}"', "code"),
    ],
)
def test_code_in_a_string_is_code(language: str, text: str, kind: str) -> None:
    found = language_named(language)
    assert found is not None
    view = View("file:///a", text, found, 0, TreeCache())
    at = text.index("name")
    assert view.facts(at, at + 4).kind == kind


@pytest.mark.parametrize(
    ("language", "before", "old", "new"),
    [
        (
            "typescript",
            (
                "function isInUse(model: string): boolean {\n  return models.has(model);\n}\n\n"
                "export function label(model: string): string {\n  return `${model}: ${isInUse(model)}`;\n}\n"
            ),
            "isInUse",
            "isChosen",
        ),
        (
            "cpp",
            (
                "struct Order { int total; };\n\nstd::vector<Order> all();\n"
                "int count(const std::vector<Order>& orders) { return orders.size(); }\n"
            ),
            "Order",
            "Invoice",
        ),
    ],
)
def test_a_renamed_name_is_followed_into_it(language: str, before: str, old: str, new: str) -> None:
    after = before.replace(old, new, 1)
    offers = proposed(before, after, language=language).offers
    assert [offer.old for offer in offers]
    text = after
    for offer in sorted(offers, key=lambda one: -one.start):
        text = offer.applied_to(text)
    assert text == before.replace(old, new)
