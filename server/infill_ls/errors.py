"""Our errors.

InfillError                 something the user can read
├── ModelError              the model file cannot be used; says which file and what to do
├── EngineError             the engine process failed at a request
│   ├── EngineUnavailableError   it is not running (yet, or for good)
│   ├── EngineTimeoutError       it did not answer in time
│   └── RemoteError              an inference server failed at a request
├── DownloadError           a model could not be fetched; says why and what to do
└── UsageError              the command line makes no sense
    └── UnknownModelError        there is no model of that name

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


class RemoteError(EngineError):
    """An inference server failed at a request. The same cause always gives the same words."""

    def __init__(
        self,
        message: str,
        *,
        is_lasting: bool = False,
        is_busy: bool = False,
        is_refused: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.is_lasting = is_lasting
        """Whether asking again is of no use until somebody changes something."""
        self.is_busy = is_busy
        """Whether asking again in a moment may help."""
        self.is_refused = is_refused
        """Whether the server is there, but has no time for this request."""
        self.retry_after_s = retry_after_s
        """In how many seconds it wants to be asked again, if it said so."""


class DownloadError(InfillError):
    """A model could not be fetched."""


class UsageError(InfillError):
    """The command line makes no sense."""


class UnknownModelError(UsageError):
    """There is no model of that name."""
