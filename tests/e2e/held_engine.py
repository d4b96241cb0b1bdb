"""Program that keeps the engine of the default settings running until its standard input closes.

A process of its own: so it meets the engine as the commands do, also where they have no POSIX.
"""

from __future__ import annotations

import asyncio
import sys

from infill_ls.engine.fallback import engine_for
from infill_ls.settings import resolve_settings


async def main() -> None:
    settings, _ = resolve_settings({})
    engine = engine_for(settings, lambda _: None)
    await engine.start()
    print("held", flush=True)  # noqa: T201
    await asyncio.to_thread(sys.stdin.read)
    await engine.close()


if __name__ == "__main__":
    asyncio.run(main())
