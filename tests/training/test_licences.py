"""Tests of which licences are permissive, also those of single files."""

from __future__ import annotations

import pytest
from training.licences import Copyright, allows, is_permissive

TOLD = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: thing

Files: *
Copyright: 2020 Somebody
License: Expat

Files: src/old/*.c src/old/*.h
       tools/one.c
Copyright: 2001 Somebody else
License: GPL-2+

Files: debian/*
Copyright: 2021 A packager
License: GPL-3

License: Expat
 Permission is hereby granted, free of charge
"""


def test_the_last_pattern_that_matches_names_a_files_licence() -> None:
    told = Copyright.of(TOLD)
    assert told.licence_of("src/new/a.c") == "Expat"
    assert told.licence_of("src/old/a.c") == "GPL-2+"
    assert told.licence_of("tools/one.c") == "GPL-2+"
    assert told.licence_of("tools/two.c") == "Expat"
    assert told.of_upstream() == ["Expat", "GPL-2+"]


def test_prose_names_no_licence() -> None:
    assert Copyright.of("This package was debianised by somebody.").licence_of("a.c") == ""


@pytest.mark.parametrize(
    ("expression", "free"),
    [
        ("MIT or Apache-2.0", True),
        ("GPL-2+ or Artistic", True),
        ("Expat and BSD-3-clause", True),
        ("Expat and CC-BY-SA-3.0", False),
        ("LGPL-2.1+", False),
        ("MPL-2.0", False),
        ("PostgreSQL", True),
        ("", False),
    ],
)
def test_every_part_of_some_choice_must_be_permissive(expression: str, free: bool) -> None:
    assert allows(expression) is free


def test_a_licence_nobody_knows_is_not_permissive() -> None:
    assert not is_permissive("Very Own Licence")
