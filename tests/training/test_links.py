"""Tests of finding lines that use a declaration of another file for the first time."""

from __future__ import annotations

from training.links import declared_in, foreign_uses

SHAPES = """\
class Circle(Shape):
    def area_of(self, scale):
        return scale

PRECISION = 3
EMPTY: dict[str, int] = {}
def f():
    pass
""".splitlines()
USES = """\
from shapes import Circle, PRECISION
# Circle is imported
def measure(thing):
    first = Circle(thing)
    second = Circle(thing)
    return round(second.area_of(2), PRECISION)
""".splitlines()


def test_functions_classes_and_constants_are_declared() -> None:
    assert declared_in(SHAPES) == {"Circle", "area_of", "PRECISION", "EMPTY"}
    script = ["export async function fetchAll() {", "const Limit = 3;", "let other = 4;", "a == b"]
    assert declared_in(script) == {"fetchAll", "Limit"}


def test_the_first_use_outside_of_imports_and_comments_counts() -> None:
    found = foreign_uses({"shapes.py": SHAPES, "uses.py": USES})
    assert found == {"shapes.py": [], "uses.py": [3, 5]}


def test_what_many_files_declare_or_the_file_itself_tells_nothing() -> None:
    same = ["def everywhere():", "    pass"]
    many = {f"{number}.py": same for number in range(4)}
    assert foreign_uses({**many, "uses.py": ["everywhere()"]})["uses.py"] == []
    few = {f"{number}.py": same for number in range(3)}
    assert foreign_uses({**few, "uses.py": ["everywhere()"]})["uses.py"] == [0]
    assert foreign_uses({**few, "uses.py": ["everywhere()", *same]})["uses.py"] == []
