"""Context for commit messages: the staged diff, as comments in front of the message."""

from infill_ls.commits.comments import comments_of
from infill_ls.commits.repository import StagedChanges

__all__ = ["StagedChanges", "comments_of"]
