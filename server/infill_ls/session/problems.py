"""Problems, reported to the user once for each cause."""

from __future__ import annotations

import logging
from collections.abc import Callable

from infill_ls.errors import EngineError, InfillError, RemoteError

log = logging.getLogger(__name__)

Tell = Callable[[str], None]


class Problems:
    """``on_problem`` gets each distinct problem, ``on_warning`` what completions go on in spite of."""

    def __init__(self, on_problem: Tell, on_warning: Tell) -> None:
        self._on_problem = on_problem
        self._on_warning = on_warning
        self._told: set[str] = set()
        self._closed = False

    def tell(self, error: InfillError, comfort: str = "") -> None:
        """Report a failure; with ``comfort``, what is done about it, only as a warning."""
        # Deaths of the engine differ in their exit status only: one message for all of them.
        is_death = isinstance(error, EngineError) and not isinstance(error, RemoteError)
        cause = type(error).__name__ if is_death else str(error)
        if not self._is_new(cause):
            log.info("%s", error)
        elif comfort:
            self._on_warning(f"{error}{comfort}")
        else:
            self._on_problem(str(error))

    def warn(self, text: str) -> None:
        """Tell of something that the user should know."""
        if self._is_new(text):
            self._on_warning(text)

    def forget(self) -> None:
        """Tell of all causes again, as other settings are in force."""
        self._told.clear()

    def close(self) -> None:
        """Tell of nothing any more."""
        self._closed = True

    def _is_new(self, cause: str) -> bool:
        if cause in self._told or self._closed:
            return False
        self._told.add(cause)
        return True
