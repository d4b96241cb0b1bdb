"""Tests of each rule's places in several languages, before the judge selects among them."""

from __future__ import annotations

import pytest

from infill_ls.next_edit.candidate import Rule
from unit.next_edit.editing import URI, applied, found_by

NAMES = {
    "python": ("def load(user_key):\n    return db[user_key] + user_key2\n", "user_key"),
    "javascript": ("function load(userKey) {\n  return db[userKey] + userKey2;\n}\n", "userKey"),
    "go": ("func Load(userKey string) int {\n\treturn db[userKey] + userKey2\n}\n", "userKey"),
    "rust": ("fn load(user_key: &str) -> u8 {\n    db[user_key] + user_key2\n}\n", "user_key"),
    "java": ("int load(String userKey) {\n  return db.get(userKey) + userKey2;\n}\n", "userKey"),
    "c": ("int load(int user_key) {\n  return db[user_key] + user_key2;\n}\n", "user_key"),
    "ruby": ("def load(user_key)\n  db[user_key] + user_key2\nend\n", "user_key"),
    "php": (
        "<?php\nfunction load($userKey) {\n  return $db[$userKey] + $userKey2;\n}\n",
        "userKey",
    ),
}


@pytest.mark.parametrize("language", NAMES)
def test_a_replaced_name_is_found_as_a_whole_word(language: str) -> None:
    text, name = NAMES[language]
    once = text.replace(name, "key", 1)
    offers = found_by(Rule.NAME, text, once, language=language)
    assert [(one.old, one.new) for one in offers] == [(name, "key")]
    assert applied(once, offers).count(f"{name}2") == 1


def test_a_name_is_found_in_its_other_spellings_and_names() -> None:
    text = "user_id = 1\nuserId = 2\nUSER_ID = 3\nget_user_id()\nuser = 4\n"
    once = text.replace("user_id", "account_id", 1)
    offers = found_by(Rule.CASING, text, once)
    assert applied(once, offers).splitlines() == [
        "account_id = 1",
        "accountId = 2",
        "ACCOUNT_ID = 3",
        "get_account_id()",
        "account = 4",
    ]


def test_a_name_is_found_in_other_open_documents_of_the_family() -> None:
    text = "def compute_total():\n    pass\n"
    offers = found_by(
        Rule.NAME,
        text,
        text.replace("compute_total", "compute_sum"),
        others={"file:///project/b": "from a import compute_total\n"},
    )
    assert [(one.uri, one.start) for one in offers] == [("file:///project/b", 14)]


@pytest.mark.parametrize(
    ("language", "line"), [("python", "x = {}"), ("go", "x := {}"), ("c", "x = {};")]
)
def test_a_changed_literal(language: str, line: str) -> None:
    text = "".join(line.format("86400") + "\n" for _ in range(3))
    once = text.replace("86400", "3600", 1)
    offers = found_by(Rule.LITERAL, text, once, language=language)
    assert applied(once, offers).count("3600") == 3


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("typescript", "function a(x: Amount): Amount {}\nfunction b(y: Amount) {}\n"),
        ("rust", "fn a(x: Amount) -> u8 { 1 }\nfn b(y: Amount) -> u8 { 2 }\n"),
        ("java", "class A { Amount a; Amount b; }\n"),
    ],
)
def test_a_changed_type(language: str, text: str) -> None:
    once = text.replace("Amount", "Money", 1)
    offers = found_by(Rule.TYPE, text, once, language=language)
    assert "Amount" not in applied(once, offers)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "def area(w, h, unit):\n    return w * h\n\nprint(area(1, 2, 'm'))\n"),
        ("javascript", "function area(w, h, unit) {}\nconsole.log(area(1, 2, 'm'));\n"),
        ("go", 'func area(w int, h int, unit string) {}\nvar x = area(1, 2, "m")\n'),
        (
            "java",
            'class A { int area(int w, int h, String unit) { return w; } int x = area(1, 2, "m"); }\n',
        ),
    ],
)
def test_a_parameter_that_was_removed_is_removed_from_calls(language: str, text: str) -> None:
    start = text.index(", ", text.index(", ") + 1)
    once = text[:start] + text[text.index(")", start) :]
    offers = found_by(Rule.SIGNATURE, text, once, language=language)
    assert "area(1, 2)" in applied(once, offers)


def test_parameters_in_another_order_and_new_ones() -> None:
    text = "def move(x, y):\n    pass\n\n\ndef go(speed):\n    move(1, f(2, 3))\n"
    offers = found_by(Rule.SIGNATURE, text, text.replace("(x, y)", "(y, x)"))
    assert [one.new for one in offers] == ["f(2, 3), 1"]
    offers = found_by(Rule.SIGNATURE, text, text.replace("(x, y)", "(x, y, speed)"))
    assert [one.new for one in offers] == [", speed"]
    # What to pass is not known where there is no such name, and need not be with a default.
    assert found_by(Rule.SIGNATURE, text, text.replace("(x, y)", "(x, y, colour)")) == []
    assert found_by(Rule.SIGNATURE, text, text.replace("(x, y)", "(x, y, speed=1)")) == []


def test_a_renamed_parameter_in_its_function() -> None:
    text = "def f(price):\n    return price * 2\n"
    once = text.replace("price", "cost", 1)
    assert applied(once, found_by(Rule.NAME, text, once)) == text.replace("price", "cost")


@pytest.mark.parametrize("language", ["python", "ruby", "javascript"])
def test_an_argument_added_to_calls(language: str) -> None:
    text = "fetch(a)\nfetch(b)\nfetch(c(1))\nfetchAll(d)\nfetch(e, timeout)\n"
    once = text.replace("(a)", "(a, timeout)")
    twice = once.replace("(b)", "(b, timeout)")
    offers = found_by(Rule.ARGUMENT, text, once, twice, language=language)
    assert applied(twice, offers) == (
        "fetch(a, timeout)\nfetch(b, timeout)\nfetch(c(1), timeout)\nfetchAll(d)\nfetch(e, timeout)\n"
    )


def test_something_put_in_between_the_same_tokens() -> None:
    text = "fn a() {}\nfn b() {}\nfn c() {}\npub fn d() {}\n"
    once = text.replace("fn a", "pub fn a")
    twice = once.replace("\nfn b", "\npub fn b")
    offers = found_by(Rule.INSERTION, text, once, twice, language="rust")
    assert applied(twice, offers) == "pub fn a() {}\npub fn b() {}\npub fn c() {}\npub fn d() {}\n"


def test_something_taken_out() -> None:
    text = "self.old.a\nself.old.b\nself.old.c\n"
    once = text.replace("old.a", "a")
    twice = once.replace("old.b", "b")
    assert applied(twice, found_by(Rule.DELETION, text, once, twice)) == "self.a\nself.b\nself.c\n"


@pytest.mark.parametrize("eol", ["\n", "\r\n"])
def test_lines_put_in_at_like_places(eol: str) -> None:
    lines = [
        "switch (x) {",
        "case A:",
        "  run();",
        "case B:",
        "  run();",
        "case C:",
        "    run();",
        "}",
        "",
    ]
    text = eol.join(lines)
    once = text.replace(f"case A:{eol}", f"case A:{eol}  log();{eol}")
    twice = once.replace(f"case B:{eol}", f"case B:{eol}  log();{eol}")
    offers = found_by(Rule.LINES_ADDED, text, once, twice, language="javascript")
    done = applied(twice, offers)
    assert done.replace("\r\n", "\n").count("log();\n") == 3
    assert eol == "\n" or "\n" not in done.replace("\r\n", "")


def test_lines_put_in_at_lines_that_begin_alike() -> None:
    text = "    fn one() {}\n\n    fn two() {}\n\n    fn three() {}\n"
    once = text.replace("    fn one", "    #[inline]\n    fn one")
    twice = once.replace("    fn two", "    #[inline]\n    fn two")
    offers = found_by(Rule.LINES_ADDED, text, once, twice, language="rust")
    assert applied(twice, offers).count("    #[inline]\n    fn") == 3


def test_lines_taken_out_at_like_places() -> None:
    text = "a()\n  debug(x)\nb()\ndebug(x)\nc()\ndebug(x);\n"
    once = text.replace("  debug(x)\n", "", 1)
    assert applied(once, found_by(Rule.LINES_REMOVED, text, once)) == "a()\nb()\nc()\ndebug(x);\n"


def test_a_line_copied_for_a_new_name_is_copied_where_the_old_one_is_listed() -> None:
    text = "RED = 1\nGREEN = 2\n\nNAMES = {\n    GREEN: 'green',\n}\n"
    once = text.replace("GREEN = 2\n", "GREEN = 2\nPURPLE = 3\n")
    offers = found_by(Rule.COPY, text, once)
    assert "    GREEN: 'green',\n    PURPLE: 'purple',\n" in applied(once, offers)


def test_a_call_put_around_and_taken_off() -> None:
    text = "a = os.path.join(x)\nb = f(os.path.join(y))\nc = os.path.join(z)\n"
    once = text.replace("os.path.join(x)", "Path(os.path.join(x))")
    twice = once.replace("os.path.join(y)", "Path(os.path.join(y))")
    assert applied(twice, found_by(Rule.WRAP, text, once, twice)).count("Path(os.path.join(") == 3
    text = "a = str(x)\nb = str(y(1))\n"
    once = text.replace("str(x)", "x")
    assert applied(once, found_by(Rule.UNWRAP, text, once)) == "a = x\nb = y(1)\n"


@pytest.mark.parametrize(
    ("language", "text", "gone", "left"),
    [
        (
            "python",
            "import os\nimport re\n\nx = re.sub(y)\nz = os.sep\n",
            "re.sub(y)",
            "import os\n\n",
        ),
        (
            "python",
            "from a import bee, cee\n\nx = bee(1)\nz = cee\n",
            "bee(1)",
            "from a import cee\n",
        ),
        (
            "typescript",
            "import { bee, cee } from 'a';\n\nx = bee(1);\nz = cee;\n",
            "bee(1)",
            "import { cee } from",
        ),
        (
            "java",
            "import a.Bee;\nimport a.Cee;\nclass X { Cee c = new Bee(1); }\n",
            "new Bee(1)",
            "import a.Cee;\nclass",
        ),
    ],
)
def test_an_import_whose_last_use_was_taken_out(
    language: str, text: str, gone: str, left: str
) -> None:
    once = text.replace(gone, "null")
    offers = found_by(Rule.IMPORT, text, once, language=language)
    assert left in applied(once, offers)


def test_an_import_that_another_document_shows() -> None:
    text = "import os\n\nx = 1\n"
    once = text.replace("1", "json.loads(s)")
    others = {"file:///project/b": "import json\n\njson.dumps(1)\n"}
    (offer,) = found_by(Rule.IMPORT, text, once, others=others)
    assert offer.uri == URI
    assert offer.applied_to(once) == "import os\nimport json\n\nx = json.loads(s)\n"


def test_a_call_put_around_one_argument_is_put_around_those_of_like_calls() -> None:
    text = "on_close(f.close)\non_close(f.flush, 1)\non_close(f.flush)\nshut(f.flush)\n"
    once = text.replace("on_close(f.close)", "on_close(safe(f.close))")
    (offer,) = found_by(Rule.WRAP, text, once)
    assert applied(once, [offer]) == once.replace(
        "on_close(f.flush)\n", "on_close(safe(f.flush))\n"
    )


def test_a_type_that_became_the_argument_of_another() -> None:
    text = "enum Kind {\n    Rope(Rope),\n}\nfn rope(self) -> Result<Rope, Bytes> {\n}\n"
    once = text.replace("Rope(Rope)", "Rope(Arc<Rope>)")
    done = applied(once, found_by(Rule.WRAP, text, once, language="rust"))
    assert "Result<Arc<Rope>, Bytes>" in done


def test_a_name_replaced_in_lines_that_were_broken_anew() -> None:
    text = "show(\n    item.get_content()\n        .strip()\n)\nprint(other.get_content())\n"
    once = text.replace("item.get_content()\n        .strip()", "item.get_value().strip()")
    done = applied(once, found_by(Rule.NAME, text, once))
    assert "print(other.get_value())" in done


def test_a_one_letter_name_in_a_long_file() -> None:
    words = "".join(f"iiii_{n} = {n}\n" for n in range(600))
    text = f"def f():\n    i = 0\n    return i\n\n\n{words}"
    once = text.replace("    i = 0", "    size = 0")
    (offer,) = found_by(Rule.NAME, text, once)
    assert offer.applied_to(once).count("size") == 2
