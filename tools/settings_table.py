"""Write the table of settings into README.md: ``python -m tools.settings_table [--check]``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from infill_ls.settings import WrittenSettings

README = Path(__file__).parent.parent / "README.md"
BEGIN = "checked by the tests -->\n"
END = "<!-- /settings -->"


def settings_table() -> str:
    """Return the Markdown table of all settings."""
    rows = ["| Option | Default | Meaning |", "|---|---|---|"]
    for field in WrittenSettings.model_fields.values():
        default = list(field.default) if isinstance(field.default, tuple) else field.default
        rows.append(f"| `{field.alias}` | `{json.dumps(default)}` | {field.description} |")
    return "\n".join(rows) + "\n"


def with_table(readme: str) -> str:
    """Return ``readme`` with the table put in its place."""
    head, _, rest = readme.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return head + BEGIN + settings_table() + END + tail


def main() -> int:
    """Write the table, or with ``--check`` tell by the exit status whether it is up to date."""
    readme = README.read_text("utf-8")
    wanted = with_table(readme)
    if "--check" in sys.argv:
        return int(readme != wanted)
    README.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
