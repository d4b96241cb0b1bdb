"""Tests of member lookup: what the code at the cursor can use, in each language and for each source of types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infill_retrieval import Channel, Query, RetrievalSettings
from infill_retrieval.files.sources import read_source
from infill_retrieval.index import WorkspaceIndex
from infill_retrieval.searching import search
from infill_retrieval.searching.cursor import MAX_STEPS, read_cursor
from infill_retrieval.searching.evidence import MAX_EVIDENCE, evidence_of
from infill_retrieval.searching.type_finder import MAX_LOOKUPS, TypeFinder
from workspaces import count_tokens, write

HERE = RetrievalSettings(crawl_in_process=False)


@dataclass(frozen=True, slots=True)
class Workspace:
    """Files of one language, and places in a new file with what must be shown there."""

    files: dict[str, str]
    edited: str
    """Name of the file being edited."""
    places: dict[str, tuple[str, str]]
    """Text before the cursor, and a line of the member channel, by what tells the type."""


PYTHON = Workspace(
    {
        "shop/lids.py": """\
class Hinge:
    angle: float = 0.0

    def bend_hinge(self, degrees: float) -> None: ...


class Lid:
    def __init__(self, hinge: Hinge, colour: str = "red") -> None:
        self.hinge = hinge
        self.spare = Hinge()

    def lift_lid(self, fast: bool) -> Hinge: ...

    @property
    def knob(self) -> Hinge: ...


class GlassLid(Lid):
    def polish_glass(self) -> None: ...


def find_lid(name: str) -> Lid: ...
""",
        "shop/decoy.py": "class Decoy:\n    def lift_decoy(self) -> None: ...\n",
    },
    "shop/use.py",
    {
        "annotation": ("from shop.lids import Lid\n\nlid: Lid = load()\nlid.", "def lift_lid("),
        "parameter": (
            "from shop.lids import Lid\n\ndef f(lid: Lid | None) -> None:\n    lid.",
            "def lift_lid(",
        ),
        "constructor": ("from shop.lids import Lid\n\nx = Lid(h)\nx.", "def lift_lid("),
        "bases": ("from shop.lids import GlassLid\n\nx = GlassLid(h)\nx.", "def lift_lid("),
        "function": (
            "from shop.lids import find_lid\n\nx = find_lid('a')\nx.",
            "def lift_lid(",
        ),
        "call": ("from shop.lids import find_lid\n\nfind_lid('a').", "def lift_lid("),
        "method": (
            "from shop.lids import Lid\n\ndef f(lid: Lid):\n    lid.lift_lid(fast=True).",
            "def bend_hinge(",
        ),
        "field": (
            "from shop.lids import Lid\n\ndef f(lid: Lid):\n    lid.hinge.",
            "def bend_hinge(",
        ),
        "made field": (
            "from shop.lids import Lid\n\ndef f(lid: Lid):\n    lid.spare.",
            "def bend_hinge(",
        ),
        "property": (
            "from shop.lids import Lid\n\ndef f(lid: Lid):\n    lid.knob.",
            "def bend_hinge(",
        ),
        "loop": (
            "from shop.lids import Lid\n\ndef f(lids: list[Lid]):\n    for x in lids:\n        x.",
            "def lift_lid(",
        ),
        "self": (
            "from shop.lids import Lid\n\nclass Pot(Lid):\n    def g(self):\n        self.",
            "def lift_lid(",
        ),
        "super": (
            "from shop.lids import Lid\n\nclass Pot(Lid):\n    def g(self):\n        super().",
            "def lift_lid(",
        ),
        "field of self": (
            (
                "from shop.lids import Lid\n\nclass Pot:\n    def __init__(self, lid: Lid):\n"
                "        self._lid = lid\n\n    def g(self):\n        self._lid."
            ),
            "def lift_lid(",
        ),
        "module": ("from shop import lids\n\nlids.", "def find_lid("),
        "callee": ("from shop.lids import find_lid\n\nfind_lid(", "def find_lid(name: str)"),
        "callee's arguments": (
            "from shop.lids import find_lid\n\nfind_lid(\n    g(1, [2]),\n    ",
            "def find_lid(name: str)",
        ),
        "constructor's arguments": (
            "from shop.lids import Lid\n\nLid(h, ",
            "def __init__(self, hinge: Hinge, colour: str",
        ),
        "override": (
            "from shop.lids import Lid\n\nclass Pot(Lid):\n    def ",
            "def lift_lid(self, fast: bool) -> Hinge:",
        ),
    },
)

TYPESCRIPT = Workspace(
    {
        "lids.ts": """\
export class Hinge {
  bendHinge(degrees: number): void {}
}
export interface Liftable {
  liftLid(fast: boolean): Hinge;
}
export class Lid implements Liftable {
  readonly spare = new Hinge();
  constructor(private readonly hinge: Hinge, colour: string) {}
  liftLid(fast: boolean): Hinge { return this.hinge; }
  get knob(): Hinge { return this.hinge; }
}
export class GlassLid extends Lid {
  polishGlass(): void {}
}
export type LidOptions = {
  squeakyHinge?: boolean;
};
export function findLid(name: string): Promise<Lid> { throw 1; }
""",
    },
    "use.ts",
    {
        "annotation": ('import { Lid } from "./lids";\nconst lid: Lid = load();\nlid.', "liftLid("),
        "parameter": (
            'import { Lid } from "./lids";\nfunction f(lid?: Lid) {\n  lid?.',
            "liftLid(",
        ),
        "constructor": ('import { Lid } from "./lids";\nconst x = new Lid(h, "");\nx.', "liftLid("),
        "bases": (
            'import { GlassLid } from "./lids";\nconst x = new GlassLid(h, "");\nx.',
            "liftLid(",
        ),
        "function": (
            'import { findLid } from "./lids";\nconst x = await findLid("a");\nx.',
            "liftLid(",
        ),
        "method": (
            'import { Lid } from "./lids";\nfunction f(lid: Lid) {\n  lid.liftLid(true).',
            "bendHinge(",
        ),
        "field": (
            'import { Lid } from "./lids";\nfunction f(lid: Lid) {\n  lid.spare.',
            "bendHinge(",
        ),
        "parameter property": (
            (
                'import { Lid } from "./lids";\nclass Pot {\n  constructor(private lid: Lid) {}\n'
                "  g() {\n    this.lid."
            ),
            "liftLid(",
        ),
        "this": (
            'import { Lid } from "./lids";\nclass Pot extends Lid {\n  g() {\n    this.',
            "liftLid(",
        ),
        "cast": ('import { Lid } from "./lids";\n(x as Lid).', "liftLid("),
        "namespace": ('import * as lids from "./lids";\nlids.', "function findLid("),
        "callee": ('import { findLid } from "./lids";\nfindLid(', "function findLid(name: string)"),
        "constructor's arguments": (
            'import { Lid } from "./lids";\nnew Lid(h, ',
            "constructor(private readonly hinge: Hinge, colour: string)",
        ),
        "literal": (
            'import { LidOptions } from "./lids";\nconst x: LidOptions = {\n  ',
            "squeakyHinge?: boolean",
        ),
        "implements": (
            'import { Liftable } from "./lids";\nclass Pot implements Liftable {\n  public ',
            "liftLid(fast: boolean): Hinge",
        ),
    },
)

JAVA = Workspace(
    {
        "acme/Hinge.java": "package acme;\npublic class Hinge {\n  public void bendHinge(int d) {}\n}\n",
        "acme/Lid.java": """\
package acme;
public class Lid extends Cover {
  final Hinge hinge;
  public Lid(Hinge hinge, String colour) { this.hinge = hinge; }
  public Hinge liftLid(boolean fast) { return hinge; }
  public static Lid find(String name) { return null; }
}
""",
        "acme/Cover.java": """\
package acme;
public abstract class Cover {
  protected abstract void closeCover(int reason);
}
""",
    },
    "acme/Use.java",
    {
        "annotation": (
            "package acme;\nclass Use {\n  void f() {\n    Lid x = load();\n    x.",
            "liftLid(",
        ),
        "parameter": ("package acme;\nclass Use {\n  void f(Lid x) {\n    x.", "liftLid("),
        "inferred": (
            "package acme;\nclass Use {\n  void f() {\n    var x = new Lid(h, c);\n    x.",
            "liftLid(",
        ),
        "bases": ("package acme;\nclass Use {\n  void f(Lid x) {\n    x.", "closeCover("),
        "function": (
            "package acme;\nclass Use {\n  void f() {\n    var x = Lid.find(n);\n    x.",
            "liftLid(",
        ),
        "method": (
            "package acme;\nclass Use {\n  void f(Lid x) {\n    x.liftLid(true).",
            "bendHinge(",
        ),
        "field": ("package acme;\nclass Use {\n  void f(Lid x) {\n    x.hinge.", "bendHinge("),
        "field of this": (
            "package acme;\nclass Use {\n  private final Lid lid;\n  void f() {\n    this.lid.",
            "liftLid(",
        ),
        "generic": (
            "package acme;\nclass Use {\n  void f(List<Lid> all) {\n    for (Lid x : all) {\n      x.",
            "liftLid(",
        ),
        "this": ("package acme;\nclass Use extends Lid {\n  void f() {\n    this.", "liftLid("),
        "static": ("package acme;\nclass Use {\n  void f() {\n    Lid.", "Lid find("),
        "constructor's arguments": (
            "package acme;\nclass Use {\n  void f() {\n    new Lid(h, ",
            "public Lid(Hinge hinge, String colour)",
        ),
        "callee": (
            "package acme;\nclass Use {\n  void f(Lid x) {\n    x.liftLid(",
            "public Hinge liftLid(boolean fast)",
        ),
        "override": (
            "package acme;\nclass Use extends Cover {\n  @Override\n  protected ",
            "abstract void closeCover(int reason)",
        ),
    },
)

CSHARP = Workspace(
    {
        "Lid.cs": """\
namespace Acme;
public class Hinge {
  public void BendHinge(int degrees) { }
}
public interface ILiftable {
  Hinge LiftLid(bool fast);
}
public class Lid : ILiftable {
  private readonly Hinge m_hinge;
  public Hinge Spare { get; set; }
  public Lid(Hinge hinge, string colour) { m_hinge = hinge; }
  public Hinge LiftLid(bool fast) { return m_hinge; }
  public static Lid Find(string name) { return null; }
}
public class GlassLid : Lid {
  public void PolishGlass() { }
}
""",
    },
    "Use.cs",
    {
        "annotation": (
            "namespace Acme;\nclass Use {\n  void F() {\n    Lid x = G();\n    x.",
            "LiftLid(",
        ),
        "parameter": ("namespace Acme;\nclass Use {\n  void F(Lid? x) {\n    x?.", "LiftLid("),
        "inferred": (
            "namespace Acme;\nclass Use {\n  void F() {\n    var x = new Lid(h, c);\n    x.",
            "LiftLid(",
        ),
        "bases": (
            "namespace Acme;\nclass Use {\n  void F(GlassLid x) {\n    x.",
            "public Hinge LiftLid(",
        ),
        "function": (
            "namespace Acme;\nclass Use {\n  void F() {\n    var x = Lid.Find(n);\n    x.",
            "LiftLid(",
        ),
        "method": (
            "namespace Acme;\nclass Use {\n  void F(Lid x) {\n    x.LiftLid(true).",
            "BendHinge(",
        ),
        "property": ("namespace Acme;\nclass Use {\n  void F(Lid x) {\n    x.Spare.", "BendHinge("),
        "field of this": (
            "namespace Acme;\nclass Use {\n  private Lid m_lid;\n  void F() {\n    this.m_lid.",
            "LiftLid(",
        ),
        "loop": (
            (
                "namespace Acme;\nclass Use {\n  void F(List<Lid> all) {\n    foreach (var x in all) {\n"
                "      x."
            ),
            "LiftLid(",
        ),
        "this": (
            "namespace Acme;\nclass Use : GlassLid {\n  void F() {\n    this.",
            "PolishGlass(",
        ),
        "constructor's arguments": (
            "namespace Acme;\nclass Use {\n  void F() {\n    new Lid(h, ",
            "public Lid(Hinge hinge, string colour)",
        ),
        "override": (
            "namespace Acme;\nclass Use : ILiftable {\n  public ",
            "Hinge LiftLid(bool fast)",
        ),
    },
)

GO = Workspace(
    {
        "lid.go": """\
package acme

type Hinge struct {
	Angle int
}

func (h *Hinge) BendHinge(degrees int) {}

type Cover struct{}

func (c Cover) CloseCover(reason int) {}

type Lid struct {
	Cover
	Hinge *Hinge
}

type Liftable interface {
	LiftQuickly(fast bool) error
}

func FindLid(name string) (*Lid, error) { return nil, nil }
""",
        "lid_more.go": "package acme\n\nfunc (l *Lid) LiftLid(fast bool) *Hinge { return l.Hinge }\n",
    },
    "use.go",
    {
        "annotation": ("package acme\n\nfunc f() {\n\tvar x *Lid\n\tx.", "LiftLid("),
        "parameter": ("package acme\n\nfunc f(x *Lid, n int) {\n\tx.", "LiftLid("),
        "constructor": ("package acme\n\nfunc f() {\n\tx := &Lid{}\n\tx.", "LiftLid("),
        "function": ("package acme\n\nfunc f() {\n\tx, err := FindLid(n)\n\tx.", "LiftLid("),
        "method": ("package acme\n\nfunc f(x *Lid) {\n\tx.LiftLid(true).", "BendHinge("),
        "field": ("package acme\n\nfunc f(x *Lid) {\n\tx.Hinge.", "BendHinge("),
        "embedded": ("package acme\n\nfunc f(x *Lid) {\n\tx.", "CloseCover("),
        "receiver": ("package acme\n\nfunc (l *Lid) g() {\n\tl.", "LiftLid("),
        "loop": (
            "package acme\n\nfunc f(all []*Lid) {\n\tfor _, x := range all {\n\t\tx.",
            "LiftLid(",
        ),
        "interface": ("package acme\n\nfunc f(x Liftable) {\n\tx.", "LiftQuickly(fast bool) error"),
        "callee": ("package acme\n\nfunc f() {\n\tFindLid(", "func FindLid(name string)"),
        "literal": ("package acme\n\nfunc f() {\n\tx := &Hinge{\n\t\t", "Angle int"),
    },
)

RUST = Workspace(
    {
        "src/lid.rs": """\
pub struct Hinge {
    pub angle: u32,
}

impl Hinge {
    pub fn bend_hinge(&mut self, degrees: u32) {}
}

pub trait Cover {
    fn close_cover(&self, reason: u32) -> bool;
}

pub struct Lid {
    pub hinge: Hinge,
}

impl Lid {
    pub fn new(colour: &str) -> Self { todo!() }
    pub fn lift_lid(&self, fast: bool) -> Option<Hinge> { None }
}

impl Cover for Lid {
    fn close_cover(&self, reason: u32) -> bool { true }
}

pub enum Shape {
    RoundLid(u32),
    SquareLid,
}

pub fn find_lid(name: &str) -> Result<Lid, ()> { Err(()) }
""",
    },
    "src/use.rs",
    {
        "annotation": (
            "use crate::lid::Lid;\nfn f() {\n    let x: Lid = g();\n    x.",
            "lift_lid(",
        ),
        "parameter": ("use crate::lid::Lid;\nfn f(x: &mut Lid) {\n    x.", "lift_lid("),
        "constructor": (
            'use crate::lid::Lid;\nfn f() {\n    let x = Lid::new("a");\n    x.',
            "lift_lid(",
        ),
        "function": (
            "use crate::lid::find_lid;\nfn f() {\n    let x = find_lid(n)?;\n    x.",
            "lift_lid(",
        ),
        "pattern": (
            "use crate::lid::find_lid;\nfn f() {\n    if let Ok(x) = find_lid(n) {\n        x.",
            "lift_lid(",
        ),
        "method": (
            "use crate::lid::Lid;\nfn f(x: &Lid) {\n    x.lift_lid(true)?.",
            "bend_hinge(",
        ),
        "field": ("use crate::lid::Lid;\nfn f(x: &Lid) {\n    x.hinge.", "bend_hinge("),
        "field of self": (
            (
                "use crate::lid::Lid;\nstruct Pot {\n    lid: Lid,\n}\nimpl Pot {\n"
                "    fn g(&self) {\n        self.lid."
            ),
            "lift_lid(",
        ),
        "self": ("use crate::lid::Lid;\nimpl Lid {\n    fn g(&self) {\n        self.", "lift_lid("),
        "path": ("use crate::lid::Lid;\nfn f() {\n    Lid::", "fn new("),
        "variants": (
            "use crate::lid::Shape;\nfn f(s: Shape) {\n    match s {\n        Shape::",
            "SquareLid",
        ),
        "module": ("use crate::lid;\nfn f() {\n    lid::", "fn find_lid("),
        "callee": ("use crate::lid::find_lid;\nfn f() {\n    find_lid(", "fn find_lid(name: &str)"),
        "trait": (
            "use crate::lid::Cover;\nstruct Pot;\nimpl Cover for Pot {\n    fn ",
            "fn close_cover(&self, reason: u32) -> bool",
        ),
    },
)

WORKSPACES = {
    "python": PYTHON, "typescript": TYPESCRIPT, "java": JAVA, "csharp": CSHARP, "go": GO, "rust": RUST,
}  # fmt: skip
CASES = [(language, told) for language, one in WORKSPACES.items() for told in one.places]


@pytest.fixture(scope="module")
def indexes(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, tuple[WorkspaceIndex, Path]]]:
    found = {}
    for language, workspace in WORKSPACES.items():
        folder = tmp_path_factory.mktemp(language).resolve()
        for name, text in workspace.files.items():
            write(folder / name, text)
        index = WorkspaceIndex([folder], HERE)
        index.crawl()
        found[language] = index, folder
    yield found
    for index, _ in found.values():
        index.close()


@pytest.mark.parametrize(("language", "told"), CASES, ids=map(" ".join, CASES))
def test_what_is_about_to_be_used_is_found(
    indexes: dict[str, tuple[WorkspaceIndex, Path]], language: str, told: str
) -> None:
    workspace = WORKSPACES[language]
    prefix, expected = workspace.places[told]
    index, folder = indexes[language]
    found = index.retrieve(
        Query(path=str(folder / workspace.edited), language_id="", prefix=prefix, suffix="\n"),
        512,
        count_tokens,
    )
    members = [
        one.snippet.text for one in found.considered if one.snippet.channel is Channel.MEMBER
    ]
    assert any(expected in text for text in members), members
    assert expected in "".join(snippet.text for snippet in found.snippets)


# -- bounds ----------------------------------------------------------------------------------


def members_at(index: WorkspaceIndex, path: Path, prefix: str) -> str:
    found = index.retrieve(
        Query(path=str(path), language_id="", prefix=prefix, suffix="\n"), 512, count_tokens
    )
    assert found.tokens <= 512
    considered = [one.snippet for one in found.considered]
    return "".join(snippet.text for snippet in considered if snippet.channel is Channel.MEMBER)


@pytest.fixture
def lookups(monkeypatch: pytest.MonkeyPatch) -> list[TypeFinder]:
    """Return a list of the type finders of all queries, the latest last."""
    made: list[TypeFinder] = []

    class Watched(TypeFinder):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr(search, "TypeFinder", Watched)
    return made


def test_bases_and_values_that_go_round_end(tmp_path: Path, lookups: list[TypeFinder]) -> None:
    folder = tmp_path.resolve()
    write(folder / "a.py", "class One(Two):\n    def one_way(self) -> Two: ...\n")
    write(folder / "b.py", "class Two(One):\n    def other_way(self) -> One: ...\n")
    with WorkspaceIndex([folder], HERE) as index:
        index.crawl()
        prefix = "from a import One\n\nx = y\ny = z\nz = x\ndef f(one: One):\n    "
        assert "def other_way(self)" in members_at(index, folder / "c.py", prefix + "one.")
        members_at(index, folder / "c.py", prefix + "x.")
        members_at(index, folder / "c.py", prefix + "one" + ".one_way().other_way()" * 50 + ".")
    assert all(finder.lookups <= 20 for finder in lookups)


def test_however_many_types_are_named_few_are_looked_up(
    tmp_path: Path, lookups: list[TypeFinder]
) -> None:
    folder = tmp_path.resolve()
    for number in range(40):
        names = ", ".join(f"Kind{n}" for n in range(100 * number, 100 * number + 100))
        write(
            folder / f"m{number}.py",
            "".join(f"class Kind{100 * number + n}({names}):\n    def go_{n}(self): ...\n"
                    for n in range(50)),
        )  # fmt: skip
    everything = ", ".join(f"Kind{n}" for n in range(4000))
    with WorkspaceIndex([folder], HERE) as index:
        index.crawl()
        members_at(index, folder / "use.py", f"def f(x: Union[{everything}]):\n    x.")
        members_at(
            index, folder / "use.py", f"class Mine({everything}):\n    def f(self):\n        self."
        )
        members_at(index, folder / "use.py", f"class Mine({everything}):\n    def ")
    assert len(lookups) == 3
    assert all(finder.lookups <= MAX_LOOKUPS for finder in lookups)


def test_no_file_is_opened_to_tell_a_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path.resolve()
    opened: list[str] = []

    def counted(path: str, max_bytes: int) -> str | None:
        opened.append(path)
        return read_source(path, max_bytes)

    for number in range(50):
        write(
            folder / f"link{number}.py",
            f"class Link{number}(Link{number + 1}):\n    def follow_{number}(self) -> Link{number + 1}: ...\n",
        )
    monkeypatch.setattr(search, "read_source", counted)
    with WorkspaceIndex([folder], HERE) as index:
        index.crawl()
        opened.clear()
        prefix = "def f(x: Link0):\n    x.follow_0().follow_1()."
        found = index.retrieve(
            Query(path=str(folder / "use.py"), language_id="", prefix=prefix, suffix="\n"),
            512,
            count_tokens,
        )
    assert any(s.channel is Channel.MEMBER for s in found.snippets)
    assert len(opened) == len(set(opened))
    assert len(opened) <= len({one.snippet.path for one in found.considered})


PIECES = ["a", "Bc", ".", "::", "->", "?.", "(", ")", "[", "]", "{", "}", "<", ">", " ", "\n", "    ", "class ",
          "impl ", "def ", "self", "new ", "=", ":", ",", "for ", " in ", "as ", "\"", "'", ";"]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_any_text_before_the_cursor_is_read(text: str) -> None:
    cursor = read_cursor(text)
    assert len(cursor.receiver) <= MAX_STEPS
    assert len(cursor.callee) <= MAX_STEPS
    assert text.endswith(cursor.partial)
    for name in ("a", "Bc", "self"):
        assert len(evidence_of(name, text, text)) <= MAX_EVIDENCE
