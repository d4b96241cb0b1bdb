"""Time limits of the tests, reached only when something hangs: no test is about time.

The machine of continuous integration may have four busy processes on two slow cores. The editors' suites have
theirs in ``editors/terminal.py``, ``editors/neovim/editor.lua`` and ``editors/vscode/window.mjs``.
"""

WITHIN_S = 120.0
"""For one state to come; well below pytest's limit for a test."""
