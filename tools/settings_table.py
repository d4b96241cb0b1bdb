"""Write the table of settings into README.md: ``python -m tools.settings_table [--check]``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tools.generated import between, write_or_check

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


def main() -> int:
    """Write the table, or with ``--check`` tell by the exit status whether it is up to date."""
    readme = README.read_text("utf-8")
    return write_or_check(README, between(readme, BEGIN, END, settings_table()))


if __name__ == "__main__":
    sys.exit(main())
