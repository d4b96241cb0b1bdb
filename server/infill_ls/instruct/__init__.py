"""Instructions to a model: the request, the code in the answer, and its place. Pure."""

from infill_ls.instruct.changes import DocumentEdit, TextChange
from infill_ls.instruct.place import InstructionPlace, find_place, has_empty_body
from infill_ls.instruct.task import OutlineUse, Task

__all__ = [
    "DocumentEdit",
    "InstructionPlace",
    "OutlineUse",
    "Task",
    "TextChange",
    "find_place",
    "has_empty_body",
]
