"""Test of a body filled in by the bundled model while keystrokes are answered."""

from __future__ import annotations

import asyncio

from infill_ls.asking import Instruction, Progress
from infill_ls.engine import CompletionRequest
from infill_ls.instruct import Task
from infill_ls.session import Session
from infill_ls.settings import settings_with
from infill_ls.types import Snapshot, StopRule
from infill_retrieval.syntax import language_named, parse
from integration.conftest import MakeEngine, prompt_for

TEXT = '''\
class Account:
    def __init__(self, owner, balance):
        self.owner = owner
        self.balance = balance
        self.history = []

    def deposit(self, amount):
        """Add the amount to the balance and remember it in the history."""
        if amount <= 0:
            raise ValueError("amount must be positive")
        self.balance += amount
        self.history.append(("deposit", amount))
        return self.balance

    def withdraw(self, amount):
        """Take the amount from the balance and remember it in the history."""
        pass


def main():
'''


async def test_a_key_is_answered_while_a_body_is_written(make_engine: MakeEngine) -> None:
    engine = make_engine()
    await engine.start()
    session = Session(settings_with(instruct_limit_s=250), engine_factory=lambda *_: engine)
    at = TEXT.index("def withdraw")
    snapshot = Snapshot(
        uri="file:///a.py", path="", name="a.py", language_id="python", text=TEXT, offset=at
    )
    heard: list[Progress] = []
    asked = Instruction(snapshot, at, Task.IMPLEMENT)
    key = await prompt_for(engine, "def main():\n", "", "    print(")
    request = CompletionRequest(prompt=key, stop=StopRule(4, 1, time_budget_ms=60_000))
    (alone,) = await engine.complete(request)

    writing = asyncio.create_task(session.ask(asked, heard.append))
    while len(heard) < 3 and not writing.done():
        await asyncio.sleep(0.001)
    (answer,) = await engine.complete(request)
    at_key = len(heard)
    assert answer.text == alone.text
    assert not writing.done(), "the key has not waited for the body"
    answered, _ = await writing
    assert len(heard) > at_key, "it has gone on"
    assert answered.edit is not None
    after = answered.edit.of(TEXT)
    language = language_named("python")
    assert language is not None
    tree, former = parse(language, after), parse(language, TEXT)
    assert tree is not None
    assert former is not None
    assert tree.error_count() <= former.error_count()
    body = answered.edit.changes[-1].new
    assert body.startswith("\n        ")
    assert "pass" not in body
    assert "written by the completion model" in answered.note
    compile(after + "    pass\n", "a.py", "exec")
    await session.close()
