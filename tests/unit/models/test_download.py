"""Tests of downloads from the fake hub through the real huggingface_hub."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bounds import WITHIN_S
from infill_ls.errors import DownloadError
from infill_ls.models.download import file_sha256, pull
from infill_ls.models.registry import HubFile
from unit.models.hub import FILE, REPOSITORY, Hub, serve

CONTENT = b"GGUF" + bytes(range(256)) * 400
SOURCE = HubFile(REPOSITORY, FILE)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    # Written to disk in such pieces; what is less is lost with the connection.
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 10_000)
    with serve(Hub(CONTENT)) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "models" / "tiny.gguf"


def parts(target: Path) -> list[Path]:
    return sorted(target.parent.glob("*.part"))


def test_the_file_comes_whole_and_nothing_else_stays(hub: Hub, target: Path) -> None:
    assert pull(SOURCE, target) == target
    assert target.read_bytes() == CONTENT
    assert parts(target) == []


def test_a_file_that_is_there_is_not_fetched_again(hub: Hub, target: Path) -> None:
    pull(SOURCE, target)
    pull(SOURCE, target)
    assert hub.ranges == [""]


def test_a_cut_connection_is_resumed_by_itself(hub: Hub, target: Path) -> None:
    hub.cut_after = [50_000]
    pull(SOURCE, target)
    assert target.read_bytes() == CONTENT
    assert hub.ranges == ["", "bytes=50000-"]


def test_the_next_pull_goes_on_where_a_failed_one_stopped(hub: Hub, target: Path) -> None:
    pull(SOURCE, target)
    target.rename(target.with_name("whole"))
    part = _part_name(hub, target)
    part.write_bytes(CONTENT[:70_000])
    said: list[str] = []
    pull(SOURCE, target, said.append)
    assert target.read_bytes() == CONTENT
    assert hub.ranges[-1] == "bytes=70000-"
    assert "resuming" in said[0]


def test_what_came_before_a_failure_is_kept_under_a_name_that_is_not_a_model(
    hub: Hub, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    hub.cut_after = [30_000, *[0] * 10]
    with pytest.raises(DownloadError, match="what was downloaded is kept"):
        pull(SOURCE, target)
    assert not target.exists()
    assert [part.read_bytes() for part in parts(target)] == [CONTENT[:30_000]]
    assert list(target.parent.glob("*.gguf")) == []
    hub.cut_after = []
    pull(SOURCE, target)
    assert hub.ranges[-1] == "bytes=30000-"
    assert target.read_bytes() == CONTENT


def test_a_part_of_other_content_is_not_gone_on_with(hub: Hub, target: Path) -> None:
    target.parent.mkdir()
    stale = target.with_name(f"{target.name}.0123456789ab.part")
    stale.write_bytes(b"old")
    pull(SOURCE, target)
    assert target.read_bytes() == CONTENT
    assert not stale.exists()


@pytest.mark.parametrize("known", [True, False], ids=["of the hub", "of the registry"])
def test_a_wrong_checksum_leaves_nothing(hub: Hub, target: Path, known: bool) -> None:
    hub.sha256 = hashlib.sha256(b"other").hexdigest()
    source = HubFile(REPOSITORY, FILE, sha256=hub.sha256 if known else None)
    with pytest.raises(DownloadError, match=r"checksum of .* is wrong"):
        pull(source, target)
    assert not target.exists()
    assert parts(target) == []


def test_a_replaced_file_is_refused_before_it_is_fetched(hub: Hub, target: Path) -> None:
    with pytest.raises(DownloadError, match="was replaced"):
        pull(HubFile(REPOSITORY, FILE, sha256="0" * 64), target)
    assert hub.ranges == []


def test_what_is_no_model_is_refused(hub: Hub, target: Path) -> None:
    hub.content = b"<html>" * 100
    with pytest.raises(DownloadError, match="not a GGUF file"):
        pull(SOURCE, target)
    assert not target.exists()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (HubFile(REPOSITORY, "none.gguf"), f"has no file {REPOSITORY}/none.gguf"),
        (HubFile("owner/none", FILE), "has no owner/none"),
        (HubFile("-no name-", FILE), "is not a file on"),
    ],
)
def test_what_does_not_exist(hub: Hub, target: Path, source: HubFile, words: str) -> None:
    with pytest.raises(DownloadError, match=words):
        pull(source, target)


def test_a_gated_model(hub: Hub, target: Path) -> None:
    hub.error_code, hub.error_status = "GatedRepo", 403
    with pytest.raises(DownloadError, match="HF_TOKEN"):
        pull(SOURCE, target)


def test_a_page_of_a_proxy_is_not_taken_for_a_hub(hub: Hub, target: Path) -> None:
    hub.is_hub = False
    with pytest.raises(DownloadError, match="does not answer as a Hugging Face hub"):
        pull(SOURCE, target)


def test_an_error_of_the_hub(hub: Hub, target: Path) -> None:
    hub.status_of_downloads = 500
    with pytest.raises(DownloadError, match="answered 500"):
        pull(SOURCE, target)


def test_no_connection(hub: Hub, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(DownloadError, match=r"no connection to http://127.0.0.1:9"):
        pull(SOURCE, target)


def test_a_full_disk_is_told_before_anything_is_fetched(
    hub: Hub, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(target.parent.parent)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=1_000_000))
    with pytest.raises(DownloadError, match="1 MB are free"):
        pull(SOURCE, target)
    assert hub.ranges == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
def test_a_disk_that_fills_up_meanwhile(hub: Hub, target: Path) -> None:
    target.parent.mkdir()
    _part_name(hub, target).symlink_to("/dev/full")
    with pytest.raises(DownloadError, match="is full"):
        pull(SOURCE, target)
    assert not target.exists()


def test_a_folder_that_cannot_be_written(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file in its place")
    with pytest.raises(DownloadError, match=r"cannot write to .*INFILL_LS_MODEL_FOLDER"):
        pull(SOURCE, tmp_path / "models" / "tiny.gguf")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(hub: Hub, target: Path) -> None:
    target.parent.mkdir(mode=0o500)
    with pytest.raises(DownloadError, match="cannot write to"):
        pull(SOURCE, target)


def test_two_pulls_at_once_fetch_once(hub: Hub, target: Path) -> None:
    hub.gate.clear()
    said: list[str] = []
    waits = threading.Event()

    def say(words: str) -> None:
        said.append(words)
        if "another process" in words:
            waits.set()

    pulls = [threading.Thread(target=pull, args=(SOURCE, target, say)) for _ in range(2)]
    for thread in pulls:
        thread.start()
    assert waits.wait(30)
    hub.gate.set()
    for thread in pulls:
        thread.join(WITHIN_S)
    assert target.read_bytes() == CONTENT
    assert hub.ranges == [""]


def test_a_token_goes_along(hub: Hub, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    pull(SOURCE, target)
    assert hub.authorizations == ["Bearer hf_secret"]


def _part_name(hub: Hub, target: Path) -> Path:
    sha256 = hashlib.sha256(hub.content).hexdigest()
    identity = hashlib.sha256(sha256.encode()).hexdigest()[:12]
    return target.with_name(f"{target.name}.{identity}.part")


def test_checksum_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(CONTENT)
    assert file_sha256(tmp_path / "f") == hashlib.sha256(CONTENT).hexdigest()
