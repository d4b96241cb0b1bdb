"""Chat formats of instruct models without a template. This module is data.

A GGUF file brings its template along (``tokenizer.chat_template``), in Jinja, as Hugging Face's
libraries render it. Early files have none: for the models of the paper we have its format here.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_TEMPLATE_CHARS = 64_000
"""Templates with tools have 10 000; a longer one is no template."""


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """A template, and the spelling of the tokens that it may name."""

    text: str
    bos: str = ""
    eos: str = ""


DEEPSEEK_CODER_INSTRUCT = """\
{{- bos_token -}}
{%- for message in messages -%}
{%- if message.role == 'system' -%}
{{- message.content + '\\n' -}}
{%- elif message.role == 'user' -%}
{{- '### Instruction:\\n' + message.content + '\\n' -}}
{%- else -%}
{{- '### Response:\\n' + message.content + '\\n<|EOT|>\\n' -}}
{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '### Response:\\n' -}}
{%- endif -%}"""
"""The format of DeepSeek-Coder-Instruct (arXiv 2401.14196, section 3.6): an instruction, a response, an end."""


def template_of(model_name: str, found: str, *, bos: str, eos: str) -> ChatTemplate | None:
    """Return the template that the model's file has, else one that is known for its name."""
    if found and len(found) <= MAX_TEMPLATE_CHARS:
        return ChatTemplate(found, bos, eos)
    name = model_name.lower()
    if all(part in name for part in ("deepseek", "coder", "instruct")) and "v2" not in name:
        return ChatTemplate(DEEPSEEK_CODER_INSTRUCT, bos, eos)
    return None
