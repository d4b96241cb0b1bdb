"""Server with an added handler that writes to standard output in every possible way."""

import os
import subprocess
import sys

from infill_ls.cli import main
from infill_ls.lsp import handlers


def noisy(*_arguments: object) -> dict[str, str]:
    print("printed")  # noqa: T201
    sys.stdout.flush()
    os.write(1, b"written\n")
    subprocess.run(["echo", "echoed"], check=True)
    return {"said": "enough"}


vars(handlers)["explain"] = noisy
sys.exit(main())
