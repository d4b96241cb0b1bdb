"""Test of the first start on a new machine, while the model loads. Run by ``tests/editors/emacs.sh``."""

from __future__ import annotations

from pathlib import Path

from editors.emacs.editor import Start
from editors.terminal import server

SUM = "first_total = price_total + tax_total\nsecond_total = price_total + tax_total\n"


def test_who_types_at_once_sees_the_model_load_and_then_the_ghost_text(
    start: Start, tmp_path: Path
) -> None:
    held_back, go = tmp_path / "infill-ls", tmp_path / "go"
    held_back.write_text(
        f'#!/bin/sh\nuntil [ -e "{go}" ]; do sleep 0.05; done\nexec "{server(warm=False)}" "$@"\n'
    )
    held_back.chmod(0o700)
    # All that is told is kept: whoever looks now and then may look too late.
    emacs = start(
        f"{SUM}third_total =",
        settings={"timeBudgetMs": 60_000},
        cache=tmp_path / "cache",
        start=f'(progn (setq told nil shown nil infill-command \'("{held_back}" "--stdio"))'
        " (advice-add 'infill--notified :after (lambda (_ method params)"
        " (when (eq method 'didChangeStatus)"
        "  (push (list (plist-get params :state) (plist-get params :percent)) told)"
        "  (push (format-mode-line '(:eval (infill--lighter))) shown))))"
        " (infill-mode 1))",
    )
    emacs.press(" ")
    emacs.wait("the key", lambda: emacs.eval("(and infill--waiting t)"))
    go.touch()
    ghost = emacs.wait("ghost text", emacs.ghost)
    assert ghost is not None
    assert ghost.startswith("price_total"), ghost

    told = emacs.eval("(vconcat (reverse told))")
    percents = [percent for state, percent in told if state == "loading" and percent is not None]
    assert percents, told
    assert percents == sorted(percents), "it only ever goes on"
    assert f" Infill {percents[-1]}%" in emacs.eval("(vconcat shown)")
    assert "loading" not in [state for state, _ in told[told.index(["ready", None]) :]], told
    emacs.wait("ready", lambda: emacs.eval("(caar told)") == "ready")
