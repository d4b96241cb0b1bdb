"""What one editor's session adds to the pipeline."""

from __future__ import annotations

import pytest

from infill_ls.engine import ScriptedEngine
from infill_ls.session import Session
from infill_ls.settings import Settings
from infill_ls.triggers import Pace
from unit.documents import snapshot


@pytest.mark.parametrize("paces", [True, False])
async def test_what_is_typed_through_does_not_wait_for_another_key(
    paces: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = ScriptedEngine(["net_price(1)"])
    settings = Settings(think_ahead=False, snippet_tokens=0)
    session = Session(settings, engine_factory=lambda *_: engine)
    session.paces_requests = paces
    pauses: list[float] = []

    def pause_s(_pace: Pace) -> float:
        pauses.append(0.0)
        return pauses[-1]

    monkeypatch.setattr(Pace, "pause_s", property(pause_s))
    for typed, rest in (("", "net_price(1)"), ("net", "_price(1)")):
        report = await session.suggest(snapshot(f"x = {typed}‸"))
        assert report.suggestion is not None
        assert report.suggestion.text == rest
    assert len(pauses) == int(paces)  # before the first one only
    await session.close()
