"""Names of our own methods, which LSP does not have."""

EXPLAIN = "infill/explain"
"""A request: ``{textDocument}`` in, everything about its last completion out."""
STATUS = "didChangeStatus"
"""A notification, with what :mod:`infill_ls.lsp.status` says. Copilot's server has ``busy``, ``kind``
and ``message``."""
WRONG_SETTINGS = "infill/wrongSettings"
"""A notification: ``{problems: [...], new: [...]}``, a sentence for each setting that is wrong or unknown, and those
that were not told before. It comes when they change, to clients with the experimental capability ``wrongSettings``."""
RESTS = "infill/cursorRests"
"""A notification: ``{textDocument: {uri}, position}``. A client sends it when the cursor has rested
for a moment, also in a document that has just come into view."""
