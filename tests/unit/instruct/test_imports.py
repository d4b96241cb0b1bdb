"""Tests of imports in an answer: added to the file's own if the code needs them and the file lacks them."""

from __future__ import annotations

import pytest

from infill_ls.instruct.answer import read_answer
from infill_ls.instruct.edit import appended_tests, edit_of
from infill_ls.instruct.place import find_place
from infill_ls.instruct.task import OutlineUse, Task
from infill_retrieval.syntax import language_named


def implemented(language: str, text: str, code: str, task: Task = Task.IMPLEMENT) -> str:
    at = text.index("f(")
    place = find_place(text, "", language, at, at, task)
    edit = edit_of(read_answer(f"```{language}\n{code}```"), place, task, OutlineUse.OFF)
    assert edit.fits(text)
    return edit.of(text)


CASES = {
    "beside the file's imports": (
        "python",
        '"""Doc."""\n\nimport os\n\nimport sys\n\n\ndef f(x):\n    pass\n',
        "import math\nfrom typing import Any\n\ndef f(x: Any):\n    return math.sin(x)\n",
        '"""Doc."""\n\nimport os\n\nimport sys\nimport math\n\n\ndef f(x):\n    return math.sin(x)\n',
    ),
    "below a description": (
        "python",
        '#!/usr/bin/env python3\n"""Doc."""\n\n\ndef f(x):\n    pass\n',
        "import math\ndef f(x):\n    return math.sin(x)\n",
        '#!/usr/bin/env python3\n"""Doc."""\n\nimport math\n\n\ndef f(x):\n    return math.sin(x)\n',
    ),
    "above all, but not between a function and its comment": (
        "python",
        "# About f.\ndef f(x):\n    pass\n",
        "import math\ndef f(x):\n    return math.sin(x)\n",
        "import math\n\n\n# About f.\ndef f(x):\n    return math.sin(x)\n",
    ),
    "what is known, or of the file itself, is left out": (
        "python",
        "from a import b, c\n\nclass Own:\n    pass\n\ndef f(x):\n    pass\n",
        "from a import b\nfrom this import Own\nfrom a import c, d as e\ndef f(x):\n    return b + c + e + Own()\n",
        "from a import b, c\nfrom a import d as e\n\nclass Own:\n    pass\n\ndef f(x):\n    return b + c + e + Own()\n",
    ),
    "one of several in brackets": (
        "go",
        'package a\n\nimport "fmt"\n\nfunc f(x int) {\n}\n',
        'package a\n\nimport (\n\t"fmt"\n\t"os"\n\t"strings"\n)\n\nfunc f(x int) {\n\tfmt.Println(strings.Repeat("a", x))\n}\n',
        'package a\n\nimport "fmt"\nimport "strings"\n\nfunc f(x int) {\n    fmt.Println(strings.Repeat("a", x))\n}\n',
    ),
    "below the package": (
        "go",
        "package a\n\nfunc f(x int) {\n}\n",
        'package a\n\nimport "fmt"\n\nfunc f(x int) {\n\tfmt.Println(x)\n}\n',
        'package a\n\nimport "fmt"\n\nfunc f(x int) {\n    fmt.Println(x)\n}\n',
    ),
    "names of which some are known": (
        "typescript",
        'import { a, b } from "./m";\n\nfunction f(x: number) {\n}\n',
        'import { a, c as d } from "./m";\nimport "./e";\nfunction f(x: number) {\n  return a(d(x));\n}\n',
        'import { a, b } from "./m";\nimport { c as d } from "./m";\nimport "./e";\n\nfunction f(x: number) {\n    return a(d(x));\n}\n',
    ),
    "of a class": (
        "java",
        "package p;\n\nclass A {\n    int f(int x) {\n    }\n}\n",
        "import java.util.List;\nimport java.util.Map;\n\nclass A {\n    int f(int x) {\n        return List.of(x).size();\n    }\n}\n",
        "package p;\n\nimport java.util.List;\n\nclass A {\n    int f(int x) {\n        return List.of(x).size();\n    }\n}\n",
    ),
    "a trait is used by no word": (
        "rust",
        "use std::fs;\n\nfn f(x: i32) {\n}\n",
        'use std::fs;\nuse std::io::Read;\n\nfn f(x: i32) {\n    fs::File::open("a").read(x);\n}\n',
        'use std::fs;\nuse std::io::Read;\n\nfn f(x: i32) {\n    fs::File::open("a").read(x);\n}\n',
    ),
    "headers": (
        "c",
        "#include <stdio.h>\n\nint f(int x) {\n}\n",
        "#include <math.h>\n#include <stdio.h>\n\nint f(int x) {\n    return abs(x);\n}\n",
        "#include <stdio.h>\n#include <math.h>\n\nint f(int x) {\n    return abs(x);\n}\n",
    ),
    "a name in PHP": (
        "php",
        "<?php\n\nfunction f($x) {\n}\n",
        "use A\\B;\nuse C\\D;\nfunction f($x) {\n    return new B($x);\n}\n",
        "<?php\n\nuse A\\B;\n\nfunction f($x) {\n    return new B($x);\n}\n",
    ),
}


@pytest.mark.parametrize(("language", "text", "code", "expected"), CASES.values(), ids=list(CASES))
def test_imports_come_with_the_code_that_needs_them(
    language: str, text: str, code: str, expected: str
) -> None:
    assert implemented(language, text, code) == expected


def test_a_function_that_is_rewritten_brings_its_imports_along() -> None:
    text = "import os\n\n\ndef f(x):\n    return x\n"
    code = "import math\n\ndef f(x):\n    return math.sin(x)\n"
    expected = "import os\nimport math\n\n\ndef f(x):\n    return math.sin(x)\n"
    assert implemented("python", text, code, Task.REWRITE) == expected


def test_what_changes_the_meaning_of_the_whole_file_is_not_taken() -> None:
    text = "import os\n\n\ndef f(x):\n    pass\n"
    code = "from __future__ import annotations\n\ndef f(x):\n    return annotations(x)\n"
    expected = "import os\n\n\ndef f(x):\n    return annotations(x)\n"
    assert implemented("python", text, code) == expected


def test_imports_inside_of_the_function_stay_there() -> None:
    text = "import os\n\n\ndef f(x):\n    pass\n"
    code = "def f(x):\n    import math\n    return math.sin(x)\n"
    expected = "import os\n\n\ndef f(x):\n    import math\n    return math.sin(x)\n"
    assert implemented("python", text, code) == expected


def test_a_language_without_imports_in_the_table_takes_none() -> None:
    text = "local function f(x)\nend\n"
    code = 'local m = require("m")\nlocal function f(x)\n  return m(x)\nend\n'
    assert implemented("lua", text, code) == "local function f(x)\n    return m(x)\nend\n"


def test_tests_bring_their_imports_to_those_of_their_file() -> None:
    python = language_named("python")
    assert python is not None
    tests = "import pytest\nfrom shop import area\n\n\ndef test_area():\n    assert area(1) == pytest.approx(3.14)"
    file = "from shop import area\n\n\ndef test_a():\n    assert area(0) == 0\n"
    expected = (
        "from shop import area\nimport pytest\n\n\ndef test_a():\n    assert area(0) == 0\n\n\n"
        "def test_area():\n    assert area(1) == pytest.approx(3.14)\n"
    )
    assert appended_tests(tests, file, python).of(file) == expected
    known = file.replace("from", "import pytest\nfrom", 1)
    assert appended_tests(tests, known, python).of(known).count("import pytest") == 1
    assert appended_tests(tests, "", python).of("") == f"{tests}\n"
