"""What pictures were made from: a digest that stands in each of them, and that a test compares."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tools.screenshots import scene

KEY = "infill-ls"
ROOT = Path(__file__).parents[2]
MODEL = ROOT / "server" / "infill_ls" / "models" / "infill-ls-mini.gguf"


def current_stamp() -> str:
    """Return the stamp that pictures made now have: of the model, the shop and what is typed there."""
    shop = (ROOT / "examples" / "shop").rglob("*")
    # Text by lines: a checkout may have other line ends.
    made_from = [
        *(
            "\n".join(path.read_text("utf-8").splitlines())
            for path in sorted(shop)
            if _is_source(path)
        ),
        scene.FILE,
        scene.TEXT + scene.INDENTATION + scene.TYPED + scene.TYPED_BELOW,
        scene.COMPLETED,
        hashlib.sha256(MODEL.read_bytes()).hexdigest(),
    ]
    digest = hashlib.sha256("\0".join(made_from).encode()).hexdigest()
    return f"{KEY}: made by python -m tools.screenshots from {digest[:32]}"


def _is_source(path: Path) -> bool:
    return path.suffix in {".py", ".toml"}
