"""Tests of the handshake by token, and of the address where server and engine meet."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path, PureWindowsPath

import pytest

from infill_ls.engine.channel import LOOPBACK, confirmed, connect_to, listen_at, place_of
from infill_ls.engine.handshake import Handshake, is_proof, new_nonce, nonce_in
from infill_ls.engine.peer import Peer
from infill_ls.engine.rendezvous import Rendezvous
from infill_retrieval.files.paths import inside, spelled
from infill_retrieval.processes.locks import try_lock
from infill_retrieval.processes.programs import find_program

SHAKE = Handshake("token", "127.0.0.1:1", "a" * 64, "b" * 64, 7)


def test_a_proof_holds_for_one_side_place_and_time() -> None:
    others = [
        replace(SHAKE, token="other"),
        replace(SHAKE, place="127.0.0.1:2"),
        replace(SHAKE, server_nonce="c" * 64),
        replace(SHAKE, engine_nonce="c" * 64),
        replace(SHAKE, engine_pid=8),
        replace(SHAKE, server_nonce="b" * 64, engine_nonce="a" * 64),
    ]
    proofs = {shake.engine_proof() for shake in (SHAKE, *others)}
    proofs |= {shake.server_proof() for shake in (SHAKE, *others)}
    assert len(proofs) == 2 * (1 + len(others))
    assert is_proof(SHAKE.engine_proof(), SHAKE.engine_proof())
    assert not is_proof(SHAKE.server_proof(), SHAKE.engine_proof())


@pytest.mark.parametrize("shown", [None, 5, [], "", "é\ud800", SHAKE.engine_proof()[:-1]])
def test_what_is_no_proof(shown: object) -> None:
    assert not is_proof(shown, SHAKE.engine_proof())


def test_an_empty_token_proves_nothing() -> None:
    with pytest.raises(ValueError, match="empty"):
        replace(SHAKE, token="").engine_proof()


@pytest.mark.parametrize("nonce", [None, 1, "", "short", "x" * 1000])
def test_what_is_no_nonce(nonce: object) -> None:
    assert nonce_in({"nonce": new_nonce()})
    with pytest.raises(ValueError, match="nonce"):
        nonce_in({"nonce": nonce})


@pytest.fixture
def meeting(tmp_path: Path) -> Rendezvous:
    return Rendezvous(tmp_path, "key", is_loopback=True)


async def test_an_engine_listens_on_this_machine_alone(meeting: Rendezvous) -> None:
    with listen_at(meeting) as listener:
        assert listener.getsockname()[0] == LOOPBACK
        assert stat.S_IMODE(meeting.address.stat().st_mode) == 0o600
        _, writer = await connect_to(meeting)
        place = place_of(writer.get_extra_info("socket"), is_ours=False)
        assert confirmed(Peer(None, None), place, os.getpid()).pid == os.getpid()
        assert confirmed(Peer(None, None), place, os.getppid()).pid is None
        assert confirmed(Peer(None, None), place, 2**31 - 1).pid is None
        writer.close()
        await writer.wait_closed()
    with pytest.raises(ConnectionRefusedError):
        await connect_to(meeting)


@pytest.mark.parametrize("text", ["", "0", "65536", "-1", "22 22", "٣", "1" * 5000, "\xff"])
async def test_what_is_no_port(meeting: Rendezvous, text: str) -> None:
    meeting.address.write_text(text, "latin-1", "replace")
    with pytest.raises(ConnectionRefusedError):
        await connect_to(meeting)


def test_a_token_that_was_not_written_whole_is_made_again(meeting: Rendezvous) -> None:
    (meeting.folder / "token").touch()
    token = meeting.read_token()
    assert len(token) == 32
    assert meeting.read_token() == token


def test_a_lock_is_held_once(tmp_path: Path) -> None:
    lock = try_lock(tmp_path / "lock")
    assert lock is not None
    assert try_lock(tmp_path / "lock") is None
    lock.release()
    assert try_lock(tmp_path / "lock") is not None


def test_paths_are_spelled_alike_on_windows() -> None:
    path = PureWindowsPath("c:/Users/me/work/a.py")
    assert spelled(path, "\\") == "c:/Users/me/work/a.py"
    assert inside("/") == "/"
    assert inside("/work/") == inside("/work") == "/work/"


def test_programs_of_the_current_folder_are_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "git").write_text("#!/bin/sh\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join([".", "", "here"]))
    assert find_program("git") is None
    monkeypatch.setenv("PATH", os.pathsep.join([".", str(tmp_path)]))
    assert find_program("git") == str(tmp_path / "git")
