"""Tests that an import resolves to the files that it means, in each language with file modules."""

from __future__ import annotations

import pytest

from infill_retrieval.searching.modules import ModuleTable
from infill_retrieval.searching.resolvers import resolve, rust_paths
from infill_retrieval.syntax import Import, language_of

CASES = [
    # importer, module, names, files of the workspace, what is found
    ("/w/p/a.py", "p.b", ("X",), ["/w/p/b.py", "/w/q/b.py"], ["/w/p/b.py"]),
    ("/w/p/a.py", ".b", (), ["/w/p/b.py"], ["/w/p/b.py"]),
    ("/w/p/s/a.py", "..", ("b",), ["/w/p/b.py", "/w/p/__init__.py"], ["/w/p/b.py", "/w/p/__init__.py"]),
    ("/w/p/a.py", "p", ("X",), ["/w/p/__init__.py"], ["/w/p/__init__.py"]),
    ("/w/a.py", "src.p.b", (), ["/w/src/p/b.pyi"], ["/w/src/p/b.pyi"]),
    ("/w/p/a.py", "json", (), ["/w/p/json.py", "/w/p/__init__.py"], []),
    ("/w/a.ts", "./b", (), ["/w/b.ts", "/w/c/b.ts"], ["/w/b.ts"]),
    ("/w/x/a.ts", "../b.js", (), ["/w/b.ts"], ["/w/b.ts"]),
    ("/w/a.tsx", "./ui", (), ["/w/ui/index.tsx"], ["/w/ui/index.tsx"]),
    ("/w/app/a.ts", "@/lib/b", (), ["/w/src/lib/b.ts"], ["/w/src/lib/b.ts"]),
    ("/w/a.ts", "react", (), ["/w/react.ts"], []),
    ("/w/a.ts", "./b", (), ["/w/b.py"], []),
    ("/w/A.java", "com.acme.Box", (), ["/w/src/com/acme/Box.java"], ["/w/src/com/acme/Box.java"]),
    ("/w/A.kt", "com.acme.Box.open", (), ["/w/com/acme/Box.java"], ["/w/com/acme/Box.java"]),
    ("/w/A.scala", "import com.acme.{Box, Lid => L}", (), ["/w/com/acme/Lid.scala"], ["/w/com/acme/Lid.scala"]),
    ("/w/m/a.go", "acme.org/m/box", (), ["/w/m/box/b.go", "/w/m/box/b_test.go"], ["/w/m/box/b.go"]),
    ("/w/src/a.rs", "crate::b::{C, d::E}", (), ["/w/src/b.rs", "/w/src/b/d.rs"], ["/w/src/b.rs", "/w/src/b/d.rs"]),
    ("/w/src/a.rs", "sub", (), ["/w/src/a/sub.rs"], ["/w/src/a/sub.rs"]),
    ("/w/x/src/a.rs", "my_lib::C", (), ["/w/my-lib/src/lib.rs"], ["/w/my-lib/src/lib.rs"]),
    ("/w/s/a.c", "b.h", (), ["/w/s/b.h", "/w/t/b.h"], ["/w/s/b.h"]),
    ("/w/s/a.cpp", "acme/b.hpp", (), ["/w/include/acme/b.hpp", "/w/b.hpp"], ["/w/include/acme/b.hpp"]),
    ("/w/a.rb", "acme/box", (), ["/w/lib/acme/box.rb"], ["/w/lib/acme/box.rb"]),
    ("/w/s/a.php", "Acme\\Box", (), ["/w/src/Acme/Box.php"], ["/w/src/Acme/Box.php"]),
    ("/w/a.lua", "acme.box", (), ["/w/acme/box.lua"], ["/w/acme/box.lua"]),
    ("/w/A.hs", "Acme.Box", (), ["/w/src/Acme/Box.hs"], ["/w/src/Acme/Box.hs"]),
    ("/w/a.ex", "Acme.BigBox", (), ["/w/lib/acme/big_box.ex"], ["/w/lib/acme/big_box.ex"]),
    ("/w/a.sh", "./lib/b.sh", (), ["/w/lib/b.sh"], ["/w/lib/b.sh"]),
    ("/w/a.css", "base.css", (), ["/w/base.css"], ["/w/base.css"]),
    ("/w/a.html", "js/app.js", (), ["/w/js/app.js"], ["/w/js/app.js"]),
]  # fmt: skip


@pytest.mark.parametrize(("importer", "module", "names", "files", "found"), CASES)
def test_imports_lead_to_files(
    importer: str, module: str, names: tuple[str, ...], files: list[str], found: list[str]
) -> None:
    table = ModuleTable()
    for path in [importer, *files]:
        table.add(path)
    assert resolve(table, Import(module, names), importer, language_of(importer)) == found
    for path in files:
        table.remove(path)
    assert resolve(table, Import(module, names), importer, language_of(importer)) == []


def test_namespaces_lead_to_files_that_declare_them() -> None:
    table = ModuleTable()
    table.add("/w/x/Box.cs", "Acme.Boxes")
    table.add("/w/y/Lid.cs", "Acme.Lids")
    language = language_of("a.cs")
    assert resolve(table, Import("Acme.Boxes"), "/w/a.cs", language) == ["/w/x/Box.cs"]
    table.add("/w/x/Box.cs", "Acme.Other")
    assert resolve(table, Import("Acme.Boxes"), "/w/a.cs", language) == []


def test_files_of_a_package_see_each_other() -> None:
    table = ModuleTable()
    for path in ("/w/p/a.go", "/w/p/b.go", "/w/p/c.py", "/w/q/d.go"):
        table.add(path)
    assert table.siblings("/w/p/a.go", language_of("a.go"), "p") == ["/w/p/b.go"]
    assert table.siblings("/w/p/c.py", language_of("a.py"), "") == []


def test_the_nearest_of_several_comes_first() -> None:
    table = ModuleTable()
    for path in ("/w/a/lib/box.rb", "/w/b/lib/box.rb"):
        table.add(path)
    found = resolve(table, Import("lib/box"), "/w/b/bin/main.rb", language_of("x.rb"))
    assert found == ["/w/b/lib/box.rb", "/w/a/lib/box.rb"]


def test_rust_braces_are_multiplied_out() -> None:
    text = "crate::{a::B as C, d::{self, e::*}}"
    assert ["::".join(path) for path in rust_paths(text)] == [
        "crate::a::B",
        "crate::d::self",
        "crate::d::e::*",
    ]
    assert rust_paths("}}{") == []
