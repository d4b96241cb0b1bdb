"""Tests of what is measured by a model's likelihood: the bundled model, and the places."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.model.likelihood import Likelihood
from bench.model.long_prompts import MeasuredPrompt
from bench.model.long_prompts import figures as figures_of_long_prompts
from bench.next_edit.model_judge import places_of, read_scores, stretches_between

from infill_ls.evaluation.edit_episodes import Episode, EpisodeKind, hunks_between, versions
from infill_ls.measuring.edit_snippets import BEFORE, edit_snippets, lines_edited
from infill_ls.models.store import bundled_model_path
from infill_retrieval.render import render_snippet

BEFORE_EDITS = "".join(
    f"def load_{name}(store):\n    return store.fetch({name!r})\n\n\n" for name in "abcdef"
)
FINAL = BEFORE_EDITS.replace("fetch", "fetch_all", 4)


@pytest.fixture(scope="module")
def likelihood() -> Iterator[Likelihood]:
    model = Likelihood(bundled_model_path())
    yield model
    model.close()


def test_what_follows_from_the_text_is_likelier(likelihood: Likelihood) -> None:
    tokenize = likelihood.tokenize
    prompt = (0, *tokenize("def add(first, second):\n    return first"))
    right, wrong = tokenize(" + second\n"), tokenize(" + zebra\n")
    scores = [sum(likelihood.of(prompt, text)) for text in (right, wrong, right)]
    assert scores[0] > scores[1] + 1
    assert scores[0] == pytest.approx(scores[2], abs=0.01)  # the prompt is not read again


def test_a_text_costs_the_same_in_one_piece_and_behind_a_prompt(likelihood: Likelihood) -> None:
    ids = likelihood.tokenize("import os\n\n\ndef home():\n    return os.path.expanduser('~')\n")
    whole = likelihood.of((0,), ids)
    behind = likelihood.of((0, *ids[:6]), ids[6:])
    assert sum(whole[6:]) == pytest.approx(sum(behind), rel=0.1)
    assert likelihood.whole((0, *ids[:6]), ids[6:]) < sum(behind)


def test_a_place_is_changed_if_its_lines_became_just_what_a_rule_makes_of_them() -> None:
    hunks = hunks_between(BEFORE_EDITS, FINAL)
    episode = Episode(
        "one",
        EpisodeKind.POSITIVE,
        "shop",
        "c0ffee",
        "shop.py",
        tuple(versions(BEFORE_EDITS, hunks[:2])),
        FINAL,
        is_repeating=True,
    )
    places = places_of(episode)
    assert [(one.old, one.new) for one in places if one.is_changed]
    for one in places:
        assert "fetch_all" in one.new
        assert one.is_changed is (one.old.strip()[-3] in "cd")
    assert any(not one.is_changed for one in places)
    assert len({one.key for one in places}) == len(places)
    stretches = stretches_between(episode.versions[-1], FINAL)
    assert [became for *_, became in stretches] == [
        "    return store.fetch_all('c')\n",
        "    return store.fetch_all('d')\n",
    ]


def test_a_run_goes_on_from_what_was_kept(tmp_path: Path) -> None:
    file = tmp_path / "scores.jsonl"
    assert read_scores(None) == read_scores(file) == {}
    file.write_text('["a", {"alone": 1.5}]\n["b", {"alone": -1.0}]\n')
    assert read_scores(file) == {"a": {"alone": 1.5}, "b": {"alone": -1.0}}


def test_edits_are_shown_as_they_are_and_were_within_the_budget() -> None:
    first = lines_edited("a.py", "one\ntwo\nthree\nfour\n", "one\ntwo\n3\nfour\n")
    second = lines_edited("a.py", "one\ntwo\n3\nfour\n", "one\ntwo\n3\nfour\nfive\n")

    def count(texts: object) -> list[int]:
        return [len(text) for text in texts]  # type: ignore[attr-defined]

    found = edit_snippets([first, second], 1_000, count)
    assert "".join(render_snippet(one.path, one.text) for one in found) == (
        f"# {BEFORE}/a.py\ntwo\nthree\nfour\n# a.py\ntwo\n3\nfour\n"
        f"# {BEFORE}/a.py\nfour\n# a.py\nfour\nfive\n"
    )
    assert [one.path for one in edit_snippets([first, second], 40, count)] == [
        "before/a.py",
        "a.py",
    ]
    now = edit_snippets([first, second], 1_000, count, with_old=False)
    assert [one.text for one in now] == ["two\n3\nfour\n", "four\nfive\n"]


def test_figures_of_long_prompts_compare_the_same_holes() -> None:
    holes = [
        MeasuredPrompt(
            "go", "a/b.go", 100, {2_048: 80.0, 4_096: 72.0}, {2_048: 1_900, 4_096: 3_800}
        ),
        MeasuredPrompt(
            "c", "a/c.c", 300, {2_048: 120.0, 4_096: 128.0}, {2_048: 1_950, 4_096: 3_900}
        ),
    ]
    found = figures_of_long_prompts(holes)
    assert found["bytes"] == 400
    assert found["bits a byte"] == {"2048": 0.5, "4096": 0.5}
    assert found["the longer less the shorter, % of its bits"]["value"] == 0.0  # type: ignore[index]
