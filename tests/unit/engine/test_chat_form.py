"""Tests of chat templates: rendered as transformers does, within limits, even from a malicious model file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jinja2 import TemplateError

from infill_ls.engine.chat_form import ChatForm, chat_form, split_form
from infill_ls.engine.chat_render import render
from infill_ls.errors import ModelError
from infill_ls.models.chat import (
    DEEPSEEK_CODER_INSTRUCT,
    MAX_TEMPLATE_CHARS,
    ChatTemplate,
    template_of,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "chat"
RENDERED: dict[str, Any] = json.loads((GOLDEN / "rendered.json").read_text("utf-8"))
CASES = [(family, case) for family, cases in RENDERED["rendered"].items() for case in cases]


@pytest.mark.parametrize(("family", "case"), CASES)
def test_a_template_is_rendered_as_transformers_do(family: str, case: str) -> None:
    conversation, generates = case.split()
    values = {
        "messages": RENDERED["conversations"][conversation],
        "tools": None,
        "documents": None,
        "add_generation_prompt": generates == "True",
        "bos_token": "<bos>",
        "eos_token": "<eos>",
    }
    template = (GOLDEN / f"{family}.template").read_text("utf-8")
    expected = RENDERED["rendered"][family][case]
    if expected is None:
        with pytest.raises(TemplateError):
            render(template, values)
    else:
        assert render(template, values) == expected


def of_family(name: str) -> ChatTemplate:
    return ChatTemplate((GOLDEN / f"{name}.template").read_text("utf-8"), "<bos>", "<eos>")


async def test_the_form_is_what_stands_around_what_is_said() -> None:
    assert await chat_form(of_family("qwen2.5-coder")) == ChatForm(
        "<|im_start|>system\n",
        "<|im_end|>\n<|im_start|>user\n",
        "<|im_end|>\n<|im_start|>assistant\n",
    )
    assert await chat_form(of_family("deepseek-coder-v2")) == ChatForm(
        "<bos>", "\n\nUser: ", "\n\nAssistant:"
    )


async def test_a_model_without_words_of_the_system_gets_one_turn() -> None:
    form = await chat_form(of_family("codegemma"))
    assert form == ChatForm(
        "<bos><start_of_turn>user\n", None, "<end_of_turn>\n<start_of_turn>model\n"
    )


async def test_the_models_of_the_paper_have_its_format_where_the_file_has_none() -> None:
    template = template_of("deepseek-coder-6.7b-instruct", "", bos="<b>", eos="<e>")
    assert template == ChatTemplate(DEEPSEEK_CODER_INSTRUCT, "<b>", "<e>")
    assert await chat_form(template) == ChatForm("<b>", "\n### Instruction:\n", "\n### Response:\n")
    for name in ("deepseek-coder-6.7b-base", "DeepSeek-Coder-V2-Lite-Instruct", "qwen-instruct"):
        assert template_of(name, "", bos="", eos="") is None
    assert template_of("x", "y" * (MAX_TEMPLATE_CHARS + 1), bos="", eos="") is None


@pytest.mark.parametrize(
    "hostile",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ 'x' * 9999999999 }}",
        "{% set s = namespace(x='xxxxxxxx') %}{% for i in range(60) %}{% set s.x = s.x ~ s.x %}{% endfor %}",
        "{% for a in range(99999) %}xxxxxxxxxx{% endfor %}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.system('true') }}",
        "{% include '/etc/passwd' %}",
        "{{ messages.append(1) }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ raise_exception('no') }}",
        "{% for",
        "{{ messages[7].content }}",
        "nothing of what is said",
        "{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}",
        "{% for m in messages | reverse %}{{ m.content }}{% endfor %}",
        "{% for m in messages %}{{ m.content | upper }}{% endfor %}",
        "{{ 9 ** 9 ** 9 }}",
    ],
)
async def test_a_hostile_or_broken_template_is_an_error_in_words(hostile: str) -> None:
    with pytest.raises(ModelError, match="chat template"):
        await chat_form(ChatTemplate(hostile))


def test_words_that_are_left_out_or_turned_around_are_noticed() -> None:
    with pytest.raises(ModelError):
        split_form("", has_system=True)
    assert split_form("a infillLsUserWords b", has_system=True) == ChatForm("a ", None, " b")


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'x' * 9999999999 }}",
        "{{ 9999999999 * [1] }}",
        "{{ 9 ** 999999 }}",
        "{{ '%99999999d' % 1 }}",
    ],
)
def test_what_would_be_huge_is_refused_before_it_is_made(template: str) -> None:
    with pytest.raises(MemoryError):
        render(template, {})


def test_ordinary_arithmetic_is_done() -> None:
    template = "{{ 'ab' * 3 }} {{ 7 * 6 }} {{ 2 ** 10 }} {{ '%s-%03d' % ('a', 7) }} {{ 7 % 3 }}"
    assert render(template, {}) == "ababab 42 1024 a-007 1"
