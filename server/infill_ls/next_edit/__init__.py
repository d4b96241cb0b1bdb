"""The next edit: what has to change elsewhere after what was just changed.

``RecentEdit`` (what was typed) → ``Change`` (what that did to tokens or lines) → ``Candidate`` (a place
where it may be wanted too) → ``Offer``. Rules find, the judge decides; nothing here does I/O.
"""

from infill_ls.next_edit.history import History, RecentEdit
from infill_ls.next_edit.offer import propose, sought
from infill_ls.next_edit.proposal import Document, Offer, Proposal

__all__ = ["Document", "History", "Offer", "Proposal", "RecentEdit", "propose", "sought"]
