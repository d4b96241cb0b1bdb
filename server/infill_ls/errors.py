"""Our errors.

InfillError                 something the user can read
├── ModelError              the model file cannot be used; says which file and what to do
├── EngineError             the engine process failed at a request
│   ├── EngineUnavailableError   it is not running (yet, or for good)
│   └── EngineTimeoutError       it did not answer in time
└── UsageError              the command line makes no sense

None of them reaches an editor as an error response: a failed completion is an empty answer and a
log line, and at most one message per cause.
"""

from __future__ import annotations


class InfillError(Exception):
    """Root of our errors. ``str(error)`` is fit to be shown to the user."""


class ModelError(InfillError):
    """The model file cannot be used."""


class EngineError(InfillError):
    """The engine process failed at a request."""


class EngineUnavailableError(EngineError):
    """The engine process is not running."""


class EngineTimeoutError(EngineError):
    """The engine process did not answer in time."""


class UsageError(InfillError):
    """The command line makes no sense."""
