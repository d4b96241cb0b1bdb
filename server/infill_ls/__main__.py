"""``python -m infill_ls``: the same as the command ``infill-ls``."""

import sys

from infill_ls.cli import main

sys.exit(main())
