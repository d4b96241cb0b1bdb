"""Type the same text for long with the real server and engine, and print what they hold of memory.

PYTHONPATH=tests python -m bench.attack.soak [PASSES]
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from attack.soak import OPTIONS, TYPED, Memory, growth, soak
from e2e.client import Editor, spawn
from e2e.lsp import initialize


async def run(passes: int) -> None:
    """Type, and print a line after each pass."""
    with tempfile.TemporaryDirectory(prefix="infill-soak-") as folder:
        editor = Editor.connect(await spawn("--log-level", "ERROR"))
        await initialize(editor, folders=[Path(folder)], options=OPTIONS)

        def tell(number: int, held: Memory) -> None:
            keys = (number + 1) * len(TYPED)
            print(
                f"{keys:7} keys  server {held.server:7.1f} MB  engine {held.engine:7.1f} MB",
                flush=True,
            )

        held = await soak(editor, passes, tell)
        grown = growth(held)
        print(f"second half: server {grown.server:+.1f} MB, engine {grown.engine:+.1f} MB")
        await editor.finish()


def main() -> None:
    """Type as the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("passes", metavar="PASSES", type=int, nargs="?", default=100)
    asyncio.run(run(parser.parse_args().passes))


if __name__ == "__main__":
    main()
