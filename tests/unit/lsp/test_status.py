"""Tests of the single status that the server reports."""

from __future__ import annotations

from dataclasses import replace

from infill_ls.lsp.status import INDEXING, LOADING, Known, status_of

BUSY = Known(busy_with=(INDEXING, LOADING), loaded_percent=40, is_thinking=True, indexed_files=7)


def test_the_loading_of_the_model_comes_before_the_indexing() -> None:
    assert status_of(BUSY) == {
        "state": "loading",
        "percent": 40,
        "busy": True,
        "kind": "Normal",
        "message": "Loading the model",
        "indexedFiles": 7,
    }


def test_a_model_that_is_there_but_not_ready_is_still_being_loaded() -> None:
    status = status_of(replace(BUSY, loaded_percent=100))
    assert (status["message"], status["percent"]) == ("Loading the model", 100)


def test_a_problem_is_not_hidden_by_the_indexing() -> None:
    status = status_of(replace(BUSY, busy_with=(INDEXING,), problem="no such model"))
    assert (status["state"], status["kind"]) == ("problem", "Error")
    assert (status["message"], status["percent"]) == ("no such model", None)


def test_what_is_switched_off_is_off_whatever_else_there_is() -> None:
    status = status_of(replace(BUSY, is_on=False, problem="no such model"))
    assert (status["state"], status["kind"]) == ("off", "Inactive")


def test_a_file_in_which_nothing_is_completed_is_told_of_with_the_reason() -> None:
    status = status_of(Known(closed="its name indicates secrets", is_thinking=True))
    assert (status["state"], status["kind"]) == ("off", "Inactive")
    assert status["message"] == "Nothing is completed in this file: its name indicates secrets"


def test_thinking_and_readiness_come_last() -> None:
    assert status_of(replace(BUSY, busy_with=(INDEXING,)))["state"] == "indexing"
    assert status_of(Known(is_thinking=True))["state"] == "thinking"
    ready = status_of(Known(engine_label="a server"))
    assert (ready["state"], ready["message"], ready["busy"]) == ("ready", "Ready: a server", False)
