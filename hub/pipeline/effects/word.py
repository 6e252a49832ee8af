"""Waits for the word that the database is the one it was."""

from __future__ import annotations

from collections.abc import Mapping

from hub.telemetry import logger

log = logger("effects")


class Word:
    """The word of an ingester, who holds the database against the mark beside its journal before it reports.

    A process without a journal cannot tell a database that came out of a back-up: it waits until one of those that are
    known has reported since it looked first. Where none is known there is nobody to wait for.
    """

    def __init__(self, *, is_given: bool) -> None:
        """Begin; with ``is_given`` there is nothing to wait for."""
        self.is_given = is_given
        self._first: Mapping[str, int] | None = None

    def heard(self, reports: Mapping[str, int]) -> bool:
        """Look at how often each known journal has reported; tell whether the word is given."""
        if self.is_given:
            return True
        if self._first is None:
            self._first = dict(reports)
            if reports:
                log.info("effects wait for a journal to tell that the database is whole", journals=len(reports))
        self.is_given = not reports or dict(reports) != self._first
        return self.is_given
