"""Tests of ``infill-ls eval typing``: past edits replayed through the whole server with a scripted engine."""

import json
import subprocess
from pathlib import Path

import pytest

from infill_ls.evaluation.typing_replay import Replay, tables_of
from infill_ls.lsp.client import ServerProcess
from infill_ls.measuring.git_history import PastEdit

pytestmark = pytest.mark.same_on_windows

TYPED = "return price * quantity"
BEFORE, AFTER = "def total(price, quantity):\n    ", "\n"


@pytest.fixture
def edit(tmp_path: Path) -> PastEdit:
    folder = tmp_path / "repository"
    folder.mkdir()
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init"], check=True, capture_output=True)
    for text in (BEFORE + AFTER, BEFORE + TYPED + AFTER):
        (folder / "shop.py").write_text(text)
        subprocess.run([*git, "add", "-A"], check=True, capture_output=True)
        subprocess.run([*git, "commit", "-m", "change"], check=True, capture_output=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return PastEdit(
        id="one",
        commit=head.stdout.strip(),
        path="shop.py",
        before=BEFORE,
        typed=TYPED,
        after=AFTER,
    )


@pytest.mark.parametrize("rest_ms", [0.0, 1.0])
async def test_the_cursor_rests_before_the_first_key(
    edit: PastEdit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rest_ms: float
) -> None:
    done: list[str] = []

    def rests(_: ServerProcess, path: Path, text: str, offset: int) -> None:
        assert path.name == "shop.py"
        done.append(text[:offset])

    def insert(server: ServerProcess, path: Path, text: str, offset: int, added: str) -> None:
        done.append(added)
        typing(server, path, text, offset, added)

    typing = ServerProcess.insert
    monkeypatch.setattr(ServerProcess, "cursor_rests", rests)
    monkeypatch.setattr(ServerProcess, "insert", insert)
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"answers": [TYPED[1:]]}))
    arguments = ["--scripted-engine", str(script)]
    tree, options = tmp_path / "tree", {"statistics": False}
    async with Replay(
        tmp_path / "repository", tree, options, 0, arguments, rest_ms=rest_ms
    ) as replay:
        await replay.measure(edit)
    assert done == ([BEFORE] if rest_ms else []) + [TYPED[0], TYPED[1:]]


@pytest.mark.parametrize(
    ("answer", "pressed", "accepted", "begins_wrong"),
    [
        (TYPED[1:], 2, 1, False),  # one key, then accepted
        ("xyz_never", len(TYPED), 0, True),
    ],
)
async def test_what_a_person_sees_and_accepts(
    edit: PastEdit, tmp_path: Path, answer: str, pressed: int, accepted: int, begins_wrong: bool
) -> None:
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"answers": [answer]}))
    arguments = ["--scripted-engine", str(script)]
    tree = tmp_path / "tree"
    options = {"statistics": False}
    async with Replay(tmp_path / "repository", tree, options, 0, arguments) as replay:
        row = {"id": edit.id, **await replay.measure(edit)}
    assert row["keys"] == len(TYPED)
    assert row["pressed"] == pressed
    assert row["accepted"] == accepted
    assert row["seen"] == len(row["wait_ms"]) > 0
    assert (row["begins_wrong"] > 0) == begins_wrong
    edits, keys = tables_of([row])
    assert edits.rows["all"]["keys saved, %"].value == pytest.approx(
        100 * (len(TYPED) - pressed) / len(TYPED), abs=0.01
    )
    assert keys.rows["python"]["seen, %"].cases == row["requests"]
