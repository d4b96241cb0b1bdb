"""The mutable state of one editor: what it has open and waits for. The only room that keeps any."""

from infill_ls.session.editor import Session
from infill_ls.session.request_queue import Superseded

__all__ = ["Session", "Superseded"]
