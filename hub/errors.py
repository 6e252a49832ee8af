"""Errors, by what happens next."""

from __future__ import annotations

from collections.abc import Sequence


class HubError(Exception):
    """Base of every error that the hub raises on purpose."""


class Transient(HubError):
    """It may work later.

    Attributes:
        retry_after_seconds: The earliest sensible wait, None when unknown.
    """

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        """Keep the wait beside the message."""
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class StoreUnavailable(Transient):
    """The database cannot serve now; never counted as an event's failure."""


class StoreConflict(StoreUnavailable):
    """A transaction met another one each time it was tried; a smaller one may pass."""


class BrokerUnavailable(Transient):
    """Kafka cannot serve now, or not as it is set up; subscribers wait, nobody else does."""


class JournalUnavailable(Transient):
    """The journal cannot take anything now; the provider is told 503."""


class Permanent(HubError):
    """It will not work however often it is tried; goes to the dead letters at once."""


class Unreadable(Permanent):
    """Genuine input whose content cannot be understood."""


class SignatureMismatch(HubError):
    """A request does not prove that it comes from the provider; answered 401."""


class StaleVersion(HubError):
    """A command was decided on a version of the object that is no longer the current one."""


class NotFound(HubError):
    """The thing that was named does not exist."""


class Misconfigured(HubError):
    """The hub cannot start as it is set up.

    Attributes:
        problems: Every wrong knob with its cure, one sentence each, never a value.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        """Name all problems at once."""
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
