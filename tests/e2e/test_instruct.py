"""Tests of instructions: code actions, commands with progress, the single edit, and refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from e2e.client import Editor, ErrorAnswer, Json
from e2e.conftest import StartScripted
from e2e.lsp import (
    AUTOMATIC,
    URI,
    apply,
    capabilities,
    change_document,
    inline,
    open_document,
    position,
    span,
)

pytestmark = pytest.mark.same_on_windows

TEXT = '''\
import math


def area(radius: float) -> float:
    """Return the area of a circle."""
    raise NotImplementedError


def double(number):
    return number * 2


def one():
    return 1
'''
AREA = span(position(3, 6), position(3, 6))
DOUBLE = span(position(8, 6), position(8, 6))
ANSWER = """\
1. Square the radius.
2. Multiply by pi.

```python
def area(radius: float) -> float:
  # the formula
  if radius < 0:
    raise ValueError(radius)
  return math.pi * radius**2
```
"""
BODY = """
    # the formula
    if radius < 0:
        raise ValueError(radius)
    return math.pi * radius**2"""
CAN: Json = {
    "workspace": {
        "applyEdit": True,
        "workspaceEdit": {
            "documentChanges": True,
            "changeAnnotationSupport": {"groupsOnLabel": True},
            "resourceOperations": ["create"],
        },
    },
    "window": {"workDoneProgress": True},
}
MODEL = {"instructModel": "some-instruct.gguf"}


async def start_with(
    start_scripted: StartScripted,
    *instruct: str,
    options: Json | None = None,
    can: Json = CAN,
    text: str = TEXT,
    answers: tuple[str, ...] = (),
    handshake: Json | None = None,
    **script: Any,
) -> Editor:
    editor = await start_scripted(
        *answers,
        options={**MODEL, **(options or {})},
        handshake={"client_capabilities": capabilities(**can), **(handshake or {})},
        instruct=list(instruct),
        **script,
    )
    editor.answers["window/workDoneProgress/create"] = lambda _: None
    editor.answers["workspace/applyEdit"] = lambda _: {"applied": True}
    open_document(editor, text)
    return editor


def command(task: str, where: Json, *more: Any) -> Json:
    return {"command": f"infill-ls.ask.{task}", "arguments": [URI, where, *more]}


async def carry_out(editor: Editor, task: str, where: Json, *more: Any) -> Json:
    result = await editor.ask("workspace/executeCommand", command(task, where, *more))
    assert isinstance(result, dict)
    return result


def applied(editor: Editor) -> list[Json]:
    return [params for method, params in editor.asked if method == "workspace/applyEdit"]


def the_edit(editor: Editor) -> Json:
    (params,) = applied(editor)
    (change,) = params["edit"]["documentChanges"]
    assert change["textDocument"] == {"uri": URI, "version": 1}
    (edit,) = change["edits"]
    assert isinstance(edit, dict)
    return edit


async def refused(editor: Editor, task: str, where: Json, *more: Any, says: str) -> None:
    result = await carry_out(editor, task, where, *more)
    assert result["applied"] is False
    assert says in result["message"]
    assert applied(editor) == []
    shown = await editor.expect("window/showMessage")
    assert says in shown["message"]


async def actions(editor: Editor, where: Json, trigger: int = 1) -> list[Json]:
    found = await editor.ask(
        "textDocument/codeAction",
        {
            "textDocument": {"uri": URI},
            "range": where,
            "context": {"diagnostics": [], "triggerKind": trigger},
        },
    )
    assert isinstance(found, list)
    return found


async def test_implement_is_one_edit_to_be_looked_over(start_scripted: StartScripted) -> None:
    editor = await start_with(start_scripted, ANSWER)
    result = await carry_out(editor, "implement", AREA, 1)
    assert result == {"applied": True, "message": "", "words": ""}
    edit = the_edit(editor)
    assert edit["newText"] == BODY
    (params,) = applied(editor)
    (annotation,) = params["edit"]["changeAnnotations"].values()
    assert annotation["needsConfirmation"] is True
    after = apply(TEXT, edit["range"], edit["newText"])
    assert after == TEXT.replace("\n    raise NotImplementedError", BODY)
    compile(after, "a.py", "exec")


async def test_the_outline_is_kept_as_a_comment_where_that_is_set(
    start_scripted: StartScripted,
) -> None:
    editor = await start_with(start_scripted, ANSWER, options={"instructOutline": "comment"})
    await carry_out(editor, "implement", AREA)
    steps = "\n    # 1. Square the radius.\n    # 2. Multiply by pi."
    assert the_edit(editor)["newText"] == steps + BODY


async def test_the_progress_shows_the_outline_as_it_grows(
    start_scripted: StartScripted, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    editor = await start_with(start_scripted, ANSWER, instruct_gate=str(gate))
    call = editor.call("workspace/executeCommand", command("implement", AREA))

    async def reported(words: str) -> None:
        await editor.until(
            lambda: [one for _, one in editor.progress if words in (one.get("message") or "")],
            words,
        )

    await reported("1. Square the radius.")
    gate.write_text("x")
    await reported("1. Square the radius.\n2. Multiply by pi.")
    gate.write_text("x" * 8)
    await reported("lines of code")
    gate.write_text("x" * ANSWER.count("\n"))
    await call.result()
    said = [value for _, value in editor.progress]
    (begin,) = [one for one in said if one.get("title") == "Implement the function"]
    assert begin["cancellable"] is True
    assert not [one for one in said if "1 tokens" in (one.get("message") or "")]


@pytest.mark.parametrize("by", ["bar", "request"])
async def test_it_is_cancelled_at_any_time(start_scripted: StartScripted, by: str) -> None:
    editor = await start_with(start_scripted, ANSWER, instruct_delay_ms=60_000)
    call = editor.call("workspace/executeCommand", command("implement", AREA))
    await editor.until(
        lambda: [one for _, one in editor.progress if one.get("title") == "Implement the function"]
    )
    if by == "request":
        editor.cancel(call)
        with pytest.raises(ErrorAnswer):
            await call.result()
    else:
        token = next(
            t for t, one in editor.progress if one.get("title") == "Implement the function"
        )
        editor.notify("window/workDoneProgress/cancel", {"token": token})
        assert "cancelled" in (await call.result())["message"]
    assert applied(editor) == []


async def test_typing_goes_on_meanwhile(start_scripted: StartScripted) -> None:
    editor = await start_with(start_scripted, ANSWER, answers=(" + 1",), instruct_delay_ms=60_000)
    call = editor.call("workspace/executeCommand", command("implement", AREA))
    await editor.until(
        lambda: [one for _, one in editor.progress if one.get("title") == "Implement the function"]
    )
    assert await inline(editor, position(9, 21), trigger=AUTOMATIC)
    assert not call.answer.done()
    editor.cancel(call)
    with pytest.raises(ErrorAnswer):
        await call.result()


async def changed_while_written(editor: Editor, edit: Json, gate: Path) -> Json:
    """Have a body written, which ends behind ``gate``, make an edit meanwhile, and return what came of it."""
    call = editor.call("workspace/executeCommand", command("implement", AREA, 1))
    await editor.until(
        lambda: [one for _, one in editor.progress if one.get("title") == "Implement the function"]
    )
    change_document(editor, [edit])
    await editor.ask("infill/explain", {"textDocument": {"uri": URI}})  # by now it has the change
    gate.write_text("x" * ANSWER.count("\n"))
    result = await call.result()
    assert isinstance(result, dict)
    return result


async def test_text_that_has_changed_is_left_alone(
    start_scripted: StartScripted, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    editor = await start_with(start_scripted, ANSWER, instruct_gate=str(gate))
    where = span(position(5, 4), position(5, 9))
    result = await changed_while_written(editor, {"range": where, "text": "return"}, gate)
    assert result["applied"] is False
    assert "there has changed" in (await editor.expect("window/showMessage"))["message"]
    assert applied(editor) == []
    await refused(editor, "implement", AREA, 1, says="has changed")


@pytest.mark.parametrize(
    ("line", "moved_by"), [(0, 1), (12, 0)], ids=["typed above", "typed below"]
)
async def test_who_types_elsewhere_meanwhile_loses_nothing(
    start_scripted: StartScripted, tmp_path: Path, line: int, moved_by: int
) -> None:
    gate = tmp_path / "gate"
    editor = await start_with(start_scripted, ANSWER, instruct_gate=str(gate))
    where = span(position(line, 0), position(line, 0))
    result = await changed_while_written(editor, {"range": where, "text": "# new\n"}, gate)
    assert result["applied"] is True
    (params,) = applied(editor)
    (change,) = params["edit"]["documentChanges"]
    assert change["textDocument"]["version"] == 2
    (edit,) = change["edits"]
    assert edit["range"]["end"] == position(5 + moved_by, 29)
    assert edit["newText"] == BODY


async def previewed(editor: Editor, task: str, where: Json, *more: Any, **options: Any) -> Json:
    wanted = {"preview": True, **options}
    rest = [*more, None, None][:2]
    return await carry_out(editor, task, where, *rest, wanted)


async def test_a_client_that_shows_the_edit_itself_gets_it(start_scripted: StartScripted) -> None:
    editor = await start_with(
        start_scripted, ANSWER, "It doubles.", "I will not.", instruct_delay_ms=300
    )
    editor.shows_progress("mine")
    result = await previewed(editor, "implement", AREA, token="mine", attempt=1)
    assert applied(editor) == []
    (change,) = result["edit"]["documentChanges"]
    assert change["textDocument"] == {"uri": URI, "version": 1}
    (edit,) = change["edits"]
    assert (edit["newText"], result["applied"]) == (BODY, False)
    assert result["old"] == ["\n    raise NotImplementedError"]
    assert "annotationId" not in edit
    # The progress comes by the client's own token.
    said = [value for token, value in editor.progress if token == "mine"]
    assert [said[0]["kind"], said[-1]["kind"]] == ["begin", "end"]
    assert "1. Square the radius." in [one.get("message") for one in said]
    # Nothing pops up: the client says it.
    assert (await previewed(editor, "explain", DOUBLE))["words"] == "It doubles."
    assert "no function" in (await previewed(editor, "implement", AREA))["message"]


async def test_what_is_shown_by_the_client_is_cancelled_by_its_token(
    start_scripted: StartScripted,
) -> None:
    editor = await start_with(start_scripted, ANSWER, instruct_delay_ms=60_000)
    editor.shows_progress("mine")
    wanted = {"preview": True, "token": "mine"}
    call = editor.call("workspace/executeCommand", command("implement", AREA, None, None, wanted))
    await editor.until(lambda: [token for token, _ in editor.progress if token == "mine"])
    editor.notify("window/workDoneProgress/cancel", {"token": "mine"})
    assert "cancelled" in (await call.result())["message"]


@pytest.mark.parametrize(
    "wanted",
    [
        {"preview": True, "token": 5},
        {"preview": True, "attempt": -1},
        {"preview": True, "attempt": "x"},
    ],
)
async def test_options_that_make_no_sense_are_an_error(
    start_scripted: StartScripted, wanted: Json
) -> None:
    editor = await start_with(start_scripted, ANSWER)
    with pytest.raises(ErrorAnswer):
        await editor.ask("workspace/executeCommand", command("implement", AREA, None, None, wanted))


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("", "no code"),
        ("I am sorry, but I cannot help with that.", "no function area"),
        ("```python\n```\n", "no code"),
        ("```java\nclass A {}\n```\n", "the answer is in java"),
        ("```python\ndef area(radius:\n    return ((\n```\n", "no function area"),
        ("```python\ndef other():\n    return 1\n```\n", "no function area"),
        (
            f"```python\n{TEXT.replace('raise NotImplementedError', 'return 1')}```",
            "repeats the whole file",
        ),
        (
            "```python\ndef area(radius):\n    # Copyright 2020 Somebody\n    return 1\n```\n",
            "licence",
        ),
        (
            '```python\ndef area(radius):\n    password = "hZ8qL2vX9kTb4WmR7pYc"\n    return 1\n```',
            "secret",
        ),
        ("```python\ndef area(radius):\n    raise NotImplementedError\n```\n", "changes nothing"),
        ("```python\n" + "x = 1\n" * 2000, "did not finish"),
    ],
)
async def test_a_bad_answer_changes_nothing(
    start_scripted: StartScripted, answer: str, says: str
) -> None:
    editor = await start_with(start_scripted, answer)
    await refused(editor, "implement", AREA, says=says)


@pytest.mark.parametrize(
    ("template", "says"),
    [
        (None, "has no chat template"),
        ("{{ raise_exception('no') }}", "chat template failed: TemplateError: no"),
        ("{{ 'x' * 9999999999 }}", "time or memory limit"),
    ],
)
async def test_a_model_that_cannot_be_talked_to_is_told(
    start_scripted: StartScripted, template: str | None, says: str
) -> None:
    editor = await start_with(start_scripted, ANSWER, chat_template=template)
    await refused(editor, "implement", AREA, says=says)


async def test_without_an_instruct_model_a_body_is_filled_in_place_and_that_is_said(
    start_scripted: StartScripted,
) -> None:
    editor = await start_with(
        start_scripted, answers=("return math.pi * radius**2",), options={"instructModel": ""}
    )
    result = await carry_out(editor, "implement", AREA)
    assert result["applied"] is True
    assert "written by the completion model" in result["message"]
    assert "completion model" in (await editor.expect("window/showMessage"))["message"]
    edit = the_edit(editor)
    assert edit["newText"] == "\n    return math.pi * radius**2"
    for task in ("document", "tests", "explain"):
        result = await carry_out(editor, task, DOUBLE)
        assert "needs an instruct model: set instructModel" in result["message"]
        await editor.expect("window/showMessage")


async def test_no_instruction_is_awaited_that_no_model_can_carry_out(
    start_scripted: StartScripted,
) -> None:
    editor = await start_with(start_scripted, options={"instructModel": ""})
    result = await editor.ask("workspace/executeCommand", command("expect", DOUBLE))
    assert result["message"].startswith("rewriting needs an instruct model")


async def test_an_instruction_may_be_awaited_where_there_is_a_model(
    start_scripted: StartScripted,
) -> None:
    editor = await start_with(start_scripted)
    assert await editor.ask("workspace/executeCommand", command("expect", DOUBLE)) is None


async def test_rewrite_takes_the_instruction_of_the_command(start_scripted: StartScripted) -> None:
    editor = await start_with(
        start_scripted, "```python\nreturn number + number\n```\n", prompts_file=None
    )
    where = span(position(9, 4), position(9, 10))
    await carry_out(editor, "rewrite", where, 1, "add, do not multiply")
    edit = the_edit(editor)
    assert apply(TEXT, edit["range"], edit["newText"]) == TEXT.replace(
        "return number * 2", "return number + number"
    )


async def test_rewrite_without_an_instruction_says_so(start_scripted: StartScripted) -> None:
    editor = await start_with(start_scripted, ANSWER)
    await refused(editor, "rewrite", DOUBLE, 1, says="there is no instruction")


async def test_documentation_is_added_and_no_code_is_changed(start_scripted: StartScripted) -> None:
    answer = '```python\ndef double(number):\n  """Return twice the number.\n\n  Of anything.\n  """\n  return 0\n```\n'
    editor = await start_with(start_scripted, answer)
    await carry_out(editor, "document", DOUBLE)
    edit = the_edit(editor)
    docs = '\n    """Return twice the number.\n\n    Of anything.\n    """'
    assert apply(TEXT, edit["range"], edit["newText"]) == TEXT.replace(
        "def double(number):", f"def double(number):{docs}"
    )


async def test_an_explanation_is_said(start_scripted: StartScripted) -> None:
    editor = await start_with(start_scripted, "It doubles a number.")
    result = await carry_out(editor, "explain", DOUBLE)
    assert result["words"] == "It doubles a number."
    assert "It doubles" in (await editor.expect("window/showMessage"))["message"]
    assert applied(editor) == []


async def test_tests_go_where_those_of_the_project_are(
    start_scripted: StartScripted, tmp_path: Path
) -> None:
    folder = tmp_path / "project"
    (folder / "tests").mkdir(parents=True)
    (folder / "maths.py").write_text(TEXT)
    (folder / "tests" / "test_other.py").write_text(
        "import other\n\n\ndef test_it():\n    assert other\n"
    )
    prompts = tmp_path / "prompts.txt"
    answer = "```python\nfrom maths import double\n\n\ndef test_double():\n    assert double(2) == 4\n```\n"
    editor = await start_with(
        start_scripted, answer, handshake={"folders": [folder]}, prompts_file=str(prompts)
    )
    uri = (folder / "maths.py").as_uri()
    open_document(editor, TEXT, uri)
    arguments = {"command": "infill-ls.ask.tests", "arguments": [uri, DOUBLE]}
    assert (await editor.ask("workspace/executeCommand", arguments))["applied"] is True
    (params,) = applied(editor)
    create, change = params["edit"]["documentChanges"]
    tests_uri = (folder / "tests" / "test_maths.py").as_uri()
    assert (create["kind"], create["uri"]) == ("create", tests_uri)
    assert create["options"]["overwrite"] is False
    assert "assert double(2) == 4" in change["edits"][0]["newText"]
    assert "def test_it():" in prompts.read_text()  # the manner of the project
    # Now that there is one, they go to its end, and what they import to its imports.
    (folder / "tests" / "test_maths.py").write_text("def test_nothing():\n    pass\n")
    assert (await editor.ask("workspace/executeCommand", arguments))["applied"] is True
    (change,) = applied(editor)[1]["edit"]["documentChanges"]
    assert change["textDocument"]["uri"] == tests_uri
    imports, tests = change["edits"]
    assert imports["range"] == span(position(0, 0), position(0, 0))
    assert imports["newText"].strip() == "from maths import double"
    assert tests["range"]["start"] == position(1, 8)
    assert "import" not in tests["newText"]


async def test_what_is_offered_fits_the_place(start_scripted: StartScripted) -> None:
    editor = await start_with(start_scripted, ANSWER)
    titles = [one["title"] for one in await actions(editor, AREA)]
    assert titles == ["Implement area"]
    assert [one["title"] for one in await actions(editor, AREA, trigger=2)] == ["Implement area"]
    titles = [one["title"] for one in await actions(editor, DOUBLE)]
    assert titles == ["Document double", "Write tests for double", "Explain double"]
    assert await actions(editor, DOUBLE, trigger=2) == []
    assert await actions(editor, span(position(0, 0), position(0, 0))) == []


async def test_an_action_does_what_it_says(start_scripted: StartScripted) -> None:
    text = f"{TEXT}\n\n# add three\nNUMBER = 1\nOTHER = 2\n"
    editor = await start_with(start_scripted, "```python\nNUMBER = 4\nOTHER = 5\n```", text=text)
    where = span(position(15, 0), position(18, 0))
    (action,) = [one for one in await actions(editor, where) if "Rewrite" in one["title"]]
    assert action["title"] == "Rewrite as the comment says: add three"
    assert action["command"]["arguments"][3] == "add three"
    result = await editor.ask("workspace/executeCommand", {**action["command"], "title": None})
    assert result["applied"] is True
    assert the_edit(editor)["newText"] == "NUMBER = 4\nOTHER = 5"


async def test_eglot_has_its_editor_back_at_once(start_scripted: StartScripted) -> None:
    editor = await start_with(start_scripted, ANSWER, handshake={"client_name": "Eglot"})
    answer = await editor.ask("workspace/executeCommand", command("implement", AREA))
    assert answer is None
    await editor.until(lambda: applied(editor))
    assert the_edit(editor)["newText"] == BODY


async def test_a_file_with_secrets_is_shown_to_no_model(start_scripted: StartScripted) -> None:
    secret = 'KEY = "ghp_' + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8" + '"\n'
    editor = await start_with(start_scripted, ANSWER, text=TEXT + secret)
    await refused(editor, "implement", AREA, says="no model may see this file")


async def test_arguments_that_make_no_sense_are_an_error(start_scripted: StartScripted) -> None:
    editor = await start_with(start_scripted, ANSWER)
    wrong: tuple[Any, ...] = (
        {},
        {"start": 1, "end": 2},
        None,
        {"start": {"line": -1, "character": 0}},
    )
    for where in wrong:
        call = editor.call("workspace/executeCommand", command("implement", where))
        assert await call.error_code() == -32602


async def test_no_edit_is_offered_to_an_editor_that_makes_none(
    start_scripted: StartScripted,
) -> None:
    editor = await start_with(start_scripted, ANSWER, can={})
    assert await actions(editor, AREA) == []
