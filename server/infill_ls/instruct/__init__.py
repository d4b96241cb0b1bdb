"""Instructions to a model: the request, the code in the answer, and its place. Pure."""

from infill_ls.instruct.changes import Change, Edit
from infill_ls.instruct.place import Place, find_place, has_empty_body
from infill_ls.instruct.task import OutlineUse, Task

__all__ = [
    "Change",
    "Edit",
    "OutlineUse",
    "Place",
    "Task",
    "find_place",
    "has_empty_body",
]
