"""Fetch model files from the Hugging Face hub, or from a mirror of it.

huggingface_hub does the talking: endpoint and mirrors (``HF_ENDPOINT``), proxies, tokens, offline mode
(``HF_HUB_OFFLINE``), its cache of names, retries with ranges, the progress bar. Its own
``hf_hub_download`` (2.4) throws a part away when the process ends and does not check sums, so the part
is kept here, beside the place of the file and under a name that says of which content it is. A
file appears under its own name only when it is whole and its checksum is right.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infill_ls.errors import DownloadError
from infill_ls.models.registry import MEGABYTE, HubFile
from infill_ls.models.store import FOLDER_ENVIRONMENT_VARIABLE, remove_partial_files
from infill_retrieval.processes.locks import locked

log = logging.getLogger(__name__)

SPARE_BYTES = 64 * MEGABYTE
"""Left free on the disk."""
READ_BYTES = 1 << 20
MAGIC = b"GGUF"
_WAITING = "{} is being downloaded by another process; waiting for it"
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class _Remote:
    """Facts of a file on the hub."""

    url: str
    identity: str
    """Changes with the content."""
    size_bytes: int | None
    sha256: str | None


def pull(source: HubFile, target: Path, say: Callable[[str], None] = lambda _: None) -> Path:
    """Fetch ``source`` as ``target``, going on where an interrupted pull stopped; return ``target``.

    A file that is there already is left as it is. ``say`` gets what the user may want to know while
    it takes its time. Raises :class:`DownloadError`; what was fetched till then is kept, unless it
    is wrong.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock = target.with_name(f"{target.name}.lock")
        with locked(lock, lambda: say(_WAITING.format(target.name))):
            if not target.is_file():
                _fetch(source, target, say)
    except OSError as error:
        raise _disk_error(error, target) from error
    return target


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(source: HubFile, target: Path, say: Callable[[str], None]) -> None:
    place = f"{source.repository}/{source.file}"
    with _readable_errors(place):
        remote = _ask(source)
    if source.sha256 and remote.sha256 and source.sha256 != remote.sha256:
        raise DownloadError(
            f"{place} is not the file that infill-ls knows (its checksum on the hub differs): "
            "it was replaced; choose another file from `infill-ls model list`"
        )
    part = target.with_name(f"{target.name}.{remote.identity}.part")
    have = part.stat().st_size if part.exists() else 0
    if remote.size_bytes is not None:
        if have > remote.size_bytes:
            part.unlink()
            have = 0
        check_space(target.parent, remote.size_bytes - have)
    if have:
        say(f"resuming after {have / MEGABYTE:.0f} MB")
    with _readable_errors(place):
        _transfer(remote, part, have)
    _verify(part, source.sha256 or remote.sha256, place, say)
    part.replace(target)
    remove_partial_files(target)  # of other contents


def _ask(source: HubFile) -> _Remote:
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import FileMetadataError

    # Read here, not at huggingface_hub's import, as some other module may have imported it before.
    endpoint = os.environ.get("HF_ENDPOINT") or None
    url = hf_hub_url(source.repository, source.file, revision=source.revision, endpoint=endpoint)
    metadata = get_hf_file_metadata(url, endpoint=endpoint)
    if metadata.commit_hash is None or not metadata.etag:
        raise FileMetadataError("the answer has no commit or no etag")
    etag = metadata.etag
    return _Remote(
        url,
        hashlib.sha256(etag.encode()).hexdigest()[:12],
        metadata.size,
        etag if _SHA256.fullmatch(etag) else None,
    )


def _transfer(remote: _Remote, part: Path, have: int) -> None:
    from huggingface_hub import get_token
    from huggingface_hub.file_download import http_get

    token = get_token()
    with part.open("ab") as file:
        http_get(
            remote.url,
            file,
            resume_size=have,
            headers={"authorization": f"Bearer {token}"} if token else {},
            expected_size=remote.size_bytes,
        )


def check_space(folder: Path, needed_bytes: int) -> None:
    """Raise :class:`DownloadError` if the bytes do not fit on the disk of ``folder``."""
    free = shutil.disk_usage(folder).free
    if free < needed_bytes + SPARE_BYTES:
        raise DownloadError(
            f"{needed_bytes / MEGABYTE:.0f} MB are needed in {folder}, {free / MEGABYTE:.0f} MB are "
            f"free: make room, choose a smaller file, or set {FOLDER_ENVIRONMENT_VARIABLE} to a "
            "folder on another disk"
        )


def _verify(part: Path, sha256: str | None, place: str, say: Callable[[str], None]) -> None:
    with part.open("rb") as file:
        is_model = file.read(len(MAGIC)) == MAGIC
    if not is_model:
        part.unlink()
        raise DownloadError(f"the download of {place} is not a GGUF file and was deleted")
    if sha256 is None:
        say("neither the hub nor infill-ls has a checksum of this file: it is not checked")
        return
    say("verifying the checksum")
    if file_sha256(part) != sha256:
        part.unlink()
        raise DownloadError(
            f"the checksum of {place} is wrong, and the download was deleted: pull it again; if that "
            "does not help, the mirror or a proxy changes files"
        )


@contextmanager
def _readable_errors(place: str) -> Iterator[None]:
    """Turn huggingface_hub's errors into ours."""
    import httpx2
    from huggingface_hub import errors

    endpoint = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    try:
        yield
    except errors.OfflineModeIsEnabled:
        raise DownloadError(f"{place} cannot be pulled: HF_HUB_OFFLINE forbids downloads") from None
    except errors.GatedRepoError:
        raise DownloadError(
            f"{place} requires agreement to its licence: agree on its page at "
            f"{endpoint}, then set HF_TOKEN to a token of yours"
        ) from None
    except errors.RepositoryNotFoundError:
        raise DownloadError(
            f"{endpoint} has no {place}, or hides it from you: check the name, or set HF_TOKEN"
        ) from None
    except (errors.EntryNotFoundError, errors.RevisionNotFoundError):
        raise DownloadError(f"{endpoint} has no file {place}") from None
    except errors.HFValidationError:
        raise DownloadError(f"{place} is not a file on {endpoint}") from None
    except errors.FileMetadataError:
        raise DownloadError(
            f"{endpoint} does not answer as a Hugging Face hub does: check HF_ENDPOINT and the proxy"
        ) from None
    except errors.HfHubHTTPError as error:
        raise DownloadError(
            f"{endpoint} answered {error.response.status_code} for {place}: try again later"
        ) from None
    except httpx2.ProxyError as error:
        raise DownloadError(f"the proxy refused {endpoint}: {error}") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        raise DownloadError(
            f"no connection to {endpoint}: {error or type(error).__name__}; what was downloaded is kept; "
            "pull again to resume"
        ) from None


def _disk_error(error: OSError, target: Path) -> DownloadError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DownloadError(
            f"the disk of {target.parent} is full: make room and pull again to resume; or "
            f"set {FOLDER_ENVIRONMENT_VARIABLE} to a folder on another disk"
        )
    if error.errno is None:  # huggingface_hub's own: less came than was announced
        return DownloadError(f"{target.name} is incomplete; pull again to resume")
    return DownloadError(
        f"cannot write to {target.parent}: {error.strerror}; set {FOLDER_ENVIRONMENT_VARIABLE} to a "
        "folder that you can write to"
    )
