"""How a connector fetches the files that came with messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hub.contracts.outbound import NotTaken, Rejected


@dataclass(frozen=True, slots=True)
class WantedFile:
    """One file to fetch.

    Attributes:
        source: What the connector's normalizer put into ``File.source``.
        most_bytes: More is not wanted.
    """

    asset: str
    source: Mapping[str, str]
    most_bytes: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """The file was written whole; ``mime_type`` and ``sha256`` (hex) are what the provider says of it."""

    mime_type: str | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class NotFetched:
    """It could not be had now; whatever was written of it is thrown away.

    Attributes:
        code: A short word for logs, never an address.
        for_good: No later attempt can have it.
        retry_after_seconds: The earliest sensible wait, None when the provider does not say.
    """

    code: str
    explanation_es: str
    for_good: bool = False
    retry_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file on the hub's own disk that is to go out.

    Attributes:
        kind: What it is sent as: ``image``, ``video``, ``audio``, ``voice``, ``document``.
    """

    path: Path
    kind: str
    mime_type: str
    filename: str | None
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The provider has the file, under its own id; nobody has been sent it yet."""

    provider_id: str


class Uploader(Protocol):
    """Hands files over before the messages that carry them; never raises for what a provider may do."""

    async def upload(self, asset: str, file: KeptFile, *, attempt: int = 1) -> Uploaded | NotTaken | Rejected:
        """Make one attempt, from 1; whoever calls bounds it in time by cancelling it. A second one does no harm."""
        ...

    async def close(self) -> None:
        """Give back sockets."""
        ...


class Target(Protocol):
    """Where the bytes go."""

    def write(self, chunk: bytes, /) -> object:
        """Take some bytes."""
        ...


class Fetcher(Protocol):
    """Fetches files of the assets of one app; never raises for what a provider may do."""

    async def fetch(self, wanted: WantedFile, into: Target) -> Fetched | NotFetched:
        """Make one attempt; whoever calls bounds it in time by cancelling it."""
        ...

    async def close(self) -> None:
        """Give back sockets."""
        ...
