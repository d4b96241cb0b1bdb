"""Tests of each language's outline query on a sample, and that its grammar is installed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from infill_retrieval.indexing.analysis import Details, analyse, signature, snippet_lines
from infill_retrieval.syntax import LANGUAGES, grammar, language_named, load_grammar, outline, parse
from infill_retrieval.syntax.grammar import load_query


@dataclass(frozen=True, slots=True)
class Sample:
    text: str
    declared: tuple[str, ...]
    """Names, those of members after their class and a dot, in the order of the file."""
    signatures: tuple[str, ...]
    """Lines that some declaration is shown as."""
    imported: tuple[str, ...]
    """Modules, with the names taken from them after a colon."""


QUERIES = Path(grammar.__file__).parent / "queries"
SAMPLES: dict[str, Sample] = {
    "python": Sample(
        """\
from __future__ import annotations
import os.path as osp
from .box import Lid, Hinge as H

LIMIT: int = 3

class Box(Lid):
    size: int = 0

    def __init__(self, size: int) -> None:
        self.weight: float = size * 2.0

    async def open(
        self, *, fast: bool = False
    ) -> bool:
        def inner(): ...
        return inner()
""",
        ("LIMIT", "Box", "Box.size", "Box.__init__", "Box.weight", "Box.open"),
        (
            "class Box(Lid):",
            "    def __init__(self, size: int) -> None:",
            "    async def open(self, *, fast: bool = False) -> bool:",
        ),
        ("os.path", ".box:Lid", ".box:Hinge"),
    ),
    "javascript": Sample(
        """\
import Box, { Lid as L } from "./box.js";
const { open } = require("../tools");
export const area = (w, h) => w * h;
export class Crate extends Box {
  #count = 0;
  async pack(item) { return item; }
}
function close(box) { return L(box); }
module.exports.shut = function (box) { return close(box); };
""",
        ("area", "Crate", "Crate.count", "Crate.pack", "close", "shut"),
        ("export const area = (w, h) =>", "  async pack(item)", "function close(box)"),
        ("./box.js:Lid", "../tools:open"),
    ),
    "typescript": Sample(
        """\
import type { Lid } from "./lid";
export * from "./all";
export interface Shape { area(): number; name: string; }
export type Size = "s" | "l";
enum Color { Red, Green = 2 }
export abstract class Box<T> implements Shape {
  private size: number = 1;
  constructor(readonly lid: Lid) { super(); }
  abstract area(): number;
}
export const make = async (n: number): Promise<Box<string>> => { throw n; };
""",
        (
            "Shape", "Shape.area", "Shape.name", "Size", "Color", "Color.Red", "Color.Green", "Box",
            "Box.size", "Box.constructor", "Box.area", "make",
        ),
        (
            "export abstract class Box<T> implements Shape",
            "  constructor(readonly lid: Lid)",
            "export const make = async (n: number): Promise<Box<string>> =>",
        ),
        ("./lid:Lid", "./all"),
    ),
    "tsx": Sample(
        """\
import { Panel } from "./panel";
export function App(props: Props) { return <Panel a={1} />; }
""",
        ("App",),
        ("export function App(props: Props)",),
        ("./panel:Panel",),
    ),
    "java": Sample(
        """\
package com.acme;
import com.acme.tools.Lid;
public class Box<T> extends Lid implements Shape {
  private final int size = 1;
  public Box(int size) { this.size = size; }
  @Override
  public int area(int scale) throws Oops { return size * scale; }
}
enum Color { RED, GREEN }
""",
        ("Box", "Box.size", "Box.Box", "Box.area", "Color", "Color.RED", "Color.GREEN"),
        (
            "public class Box<T> extends Lid implements Shape",
            "  @Override public int area(int scale) throws Oops",
        ),
        ("com.acme.tools.Lid",),
    ),
    "go": Sample(
        """\
package box
import (
	"fmt"
	l "acme.org/x/lid"
)
const Limit = 3
type Box struct {
	Size int
}
type Shape interface { Area() int }
func (b *Box) Open(fast bool) error { return nil }
func New(size int) *Box { return &Box{size} }
""",
        ("Limit", "Box", "Box.Size", "Shape", "Shape.Area", "Open", "New"),
        ("type Box struct", "func (b *Box) Open(fast bool) error", "func New(size int) *Box"),
        ("fmt", "acme.org/x/lid"),
    ),
    "rust": Sample(
        """\
use crate::lid::{Lid, hinge::Hinge};
mod tools;
pub struct Box<T> { size: T }
pub enum Color { Red, Green(u8) }
pub trait Shape { fn area(&self) -> u32; }
impl<T> Shape for Box<T> { fn area(&self) -> u32 { 1 } }
pub const LIMIT: u32 = 3;
""",
        (
            "Box", "Box.size", "Color", "Color.Red", "Color.Green", "Shape", "Shape.area", "Box",
            "Box.area", "LIMIT",
        ),
        ("pub struct Box<T>", "impl<T> Shape for Box<T>"),
        ("crate::lid::{Lid, hinge::Hinge}", "tools"),
    ),
    "c": Sample(
        """\
#include "lid.h"
#include <stdio.h>
#define LIMIT 3
typedef struct box { int size; } box_t;
enum color { RED, GREEN };
extern int box_open(struct box *b, int fast);
static int *box_new(int size) { return 0; }
""",
        (
            "LIMIT", "box_t", "box_t.box", "box.size", "color", "color.RED", "color.GREEN", "box_open",
            "box_new",
        ),
        ("static int *box_new(int size)", "extern int box_open(struct box *b, int fast);"),
        ("lid.h", "stdio.h"),
    ),
    "cpp": Sample(
        """\
#include <lid.hpp>
namespace acme {
template <typename T>
class Box : public Lid {
 public:
  explicit Box(int size) : size_(size) {}
  virtual int area(int scale) const;
  int size_ = 0;
};
int Box::area(int scale) const { return scale; }
using Small = Box<int>;
}
""",
        ("Box", "Box.Box", "Box.area", "Box.size_", "area", "Small"),
        ("class Box : public Lid", "  virtual int area(int scale) const;"),
        ("lid.hpp",),
    ),
    "csharp": Sample(
        """\
using Acme.Tools;
namespace Acme.Boxes;
public class Box : Lid
{
    private readonly int size = 1;
    public int Size { get; set; }
    public Box(int size) { this.size = size; }
    public int Area(int scale) => size * scale;
}
public interface IShape { int Area(int scale); }
public enum Color { Red, Green }
""",
        (
            "Box", "Box.size", "Box.Size", "Box.Box", "Box.Area", "IShape", "IShape.Area", "Color",
            "Color.Red", "Color.Green",
        ),
        ("public class Box : Lid", "    public int Area(int scale)"),
        ("Acme.Tools",),
    ),
    "ruby": Sample(
        """\
require_relative "lid"
module Acme
  class Box < Lid
    LIMIT = 3
    attr_reader :size
    def open(fast: false)
      fast
    end
    def self.make = new
  end
end
""",
        ("Acme", "Acme.Box", "Box.LIMIT", "Box.size", "Box.open", "Box.make"),
        ("  class Box < Lid", "    def open(fast: false)"),
        ("lid",),
    ),
    "php": Sample(
        """\
<?php
namespace Acme;
use Acme\\Tools\\Lid;
require_once "helpers.php";
class Box extends Lid {
    const LIMIT = 3;
    private int $size = 1;
    public function open(bool $fast): bool { return $fast; }
}
function make(int $size): Box { return new Box(); }
""",
        ("Box", "Box.LIMIT", "Box.size", "Box.open", "make"),
        ("class Box extends Lid", "    public function open(bool $fast): bool"),
        ("Acme\\Tools\\Lid", "helpers.php"),
    ),
    "kotlin": Sample(
        """\
package com.acme
import com.acme.tools.Lid
data class Box(val size: Int) : Lid() {
  val weight: Int = 2
  fun open(fast: Boolean): Boolean = fast
}
object Tools { fun close() {} }
""",
        ("Box", "Box.weight", "Box.open", "Tools", "Tools.close"),
        ("data class Box(val size: Int) : Lid()", "  fun open(fast: Boolean): Boolean"),
        ("com.acme.tools.Lid",),
    ),
    "swift": Sample(
        """\
import Foundation
public class Box: Lid {
  let size: Int = 1
  init(size: Int) { self.size = size }
  func open(fast: Bool) -> Bool { return fast }
}
protocol Shape { func area() -> Int }
enum Color { case red }
""",
        (
            "Box", "Box.size", "Box.init", "Box.open", "Shape", "Shape.area", "Color", "Color.red",
        ),
        ("public class Box: Lid", "  func open(fast: Bool) -> Bool"),
        ("Foundation",),
    ),
    "scala": Sample(
        """\
package com.acme
import com.acme.tools.{Lid, Hinge}
class Box(size: Int) extends Lid {
  val weight: Int = 2
  def open(fast: Boolean): Boolean = fast
}
object Tools
trait Shape { def area: Int }
""",
        ("Box", "Box.weight", "Box.open", "Tools", "Shape", "Shape.area"),
        ("class Box(size: Int) extends Lid", "  def open(fast: Boolean): Boolean ="),
        ("import com.acme.tools.{Lid, Hinge}",),
    ),
    "lua": Sample(
        """\
local lid = require("acme.lid")
local M = {}
function M.open(box, fast)
  return fast
end
local function close(box) return lid.close(box) end
""",
        ("lid", "M", "open", "close"),
        ("function M.open(box, fast)", "local function close(box)"),
        ("acme.lid",),
    ),
    "bash": Sample(
        """\
source ./lib/lid.sh
LIMIT=3
open_box() { echo "$1"; }
function close_box { echo; }
""",
        ("LIMIT", "open_box", "close_box"),
        ("open_box()", "function close_box"),
        ("./lib/lid.sh",),
    ),
    "haskell": Sample(
        """\
module Acme.Box where
import Acme.Lid (Lid)
data Box = Box Int
type Size = Int
class Shape a where
  area :: a -> Int
open :: Box -> Bool
open b = True
""",
        ("Box", "Size", "Shape", "Shape.area", "open"),
        ("data Box = Box Int", "open :: Box -> Bool"),
        ("Acme.Lid",),
    ),
    "elixir": Sample(
        """\
defmodule Acme.Box do
  alias Acme.Tools.Lid
  def open(box, fast) when fast do
    Lid.open(box)
  end
  defp close(box), do: box
end
""",
        ("Box", "Box.open", "Box.close"),
        ("defmodule Acme.Box", "  def open(box, fast) when fast"),
        ("Acme.Tools.Lid",),
    ),
    "julia": Sample(
        """\
module Acme
include("lid.jl")
using LinearAlgebra
struct Box
  size::Int
end
function open(b::Box; fast=false)
  fast
end
area(b::Box) = b.size
end
""",
        ("Acme", "Acme.Box", "Acme.open", "Acme.area"),
        ("function open(b::Box; fast=false)", "area(b::Box) = b.size"),
        ("lid.jl", "LinearAlgebra"),
    ),
    "r": Sample(
        """\
library(stats)
source("lid.R")
LIMIT <- 3
# hidden <- function(x) x
open_box <- function(box,  # (not a bracket
                     fast = FALSE,
                     label = ")") {
  inner <- function(x) x
  box
}
`%+%` = \\(a, b) paste(a, b)
Box <- R6::R6Class("Box",
  public = list(
    size = NULL,
    open = function(fast = c(TRUE, FALSE)) {
      private$lid
    }
  )
)
setClass("Crate", representation(size = "numeric"))
setGeneric("weigh", function(x) standardGeneric("weigh"))
""",
        ("LIMIT", "open_box", "%+%", "Box", "Box.open", "Crate", "weigh"),
        (
            'open_box <- function(box, fast = FALSE, label = ")")',
            "`%+%` = \\(a, b)",
            "    open = function(fast = c(TRUE, FALSE))",
            'setClass("Crate", representation(size = "numeric"))',
        ),
        ("stats", "lid.R"),
    ),
    "sql": Sample(
        """\
CREATE TABLE boxes (id INT PRIMARY KEY, size INT);
CREATE VIEW big AS SELECT id FROM boxes;
""",
        ("boxes", "big"),
        ("CREATE TABLE boxes (id INT PRIMARY KEY, size INT);",),
        (),
    ),
    "html": Sample(
        """\
<html><head>
<link rel="stylesheet" href="box.css">
<script src="box.js"></script>
</head><body><div id="lid"></div></body></html>
""",
        ("lid",),
        (),
        ("box.css", "box.js"),
    ),
    "css": Sample(
        """\
@import "base.css";
:root { --gap: 3px; }
.box > .lid { color: red; }
@keyframes spin { from { top: 0; } }
""",
        ("root", "gap", "lid", "spin"),
        (".box > .lid", "@keyframes spin"),
        ("base.css",),
    ),
    "json": Sample(
        '{\n  "name": "box",\n  "scripts": {\n    "open": "x"\n  }\n}\n',
        ("name", "scripts", "scripts.open"),
        ('  "scripts":',),
        (),
    ),
    "yaml": Sample(
        "name: box\njobs:\n  build:\n    runs-on: here\n",
        ("name", "jobs", "jobs.build"),
        ("name: box",),
        (),
    ),
    "toml": Sample(
        'top = 1\n[tool.box]\nsize = 3\n[[lid]]\nname = "a"\n',
        ("top", "box", "box.size", "lid", "lid.name"),
        ("top = 1",),
        (),
    ),
}  # fmt: skip


WITHOUT_GRAMMAR = {"markdown", "r"}


def test_there_is_a_sample_for_every_language_with_a_query() -> None:
    queries = {file.stem for file in QUERIES.glob("*.scm")}
    assert queries <= {language.name for language in LANGUAGES}
    borrowed = {language.name: language.query for language in LANGUAGES if language.query}
    assert set(borrowed.values()) <= queries
    assert set(SAMPLES) == queries | borrowed.keys() | {"r"}
    assert len(SAMPLES) >= 27


@pytest.mark.parametrize("name", SAMPLES)
def test_declarations_and_imports(name: str) -> None:
    language = language_named(name)
    assert language is not None
    if name not in WITHOUT_GRAMMAR:
        assert load_grammar(language) is not None
        assert load_query(language) is not None
    sample = SAMPLES[name]
    details = Details(analyse(language, f"x.{name}", sample.text).details)
    found = details.outline.declarations
    names = tuple(f"{found[d.parent].name}.{d.name}" if d.parent >= 0 else d.name for d in found)
    assert names == sample.declared
    lines = snippet_lines(sample.text, details)
    shown = {signature(lines, declaration) for declaration in found}
    assert shown.issuperset(sample.signatures)
    modules = [
        f"{i.module}:{n}" if n else i.module
        for i in details.outline.imports
        for n in (i.names or ("",))
    ]
    assert tuple(modules) == sample.imported


@pytest.mark.parametrize("name", SAMPLES)
def test_signatures_leave_bodies_out_and_keep_lines_of_the_file(name: str) -> None:
    language = language_named(name)
    assert language is not None
    text = "\n" + SAMPLES[name].text
    found = outline(language, parse(language, text), text)
    lines = text.split("\n")
    for declaration in found.declarations:
        assert 0 < declaration.first_line <= declaration.last_line < len(lines)
        assert declaration.end_column <= len(lines[declaration.last_line])
        assert declaration.parent < len(found.declarations)
