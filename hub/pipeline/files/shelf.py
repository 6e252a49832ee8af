"""Keeps files on disk under random names, outside whatever a web server shows."""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from hub.domain.suspicion import Contents
from hub.pipeline.files.examination import examine
from hub.pipeline.journal.segment import free_bytes
from hub.settings import HubSettings

_PART: Final = ".part"


class TooMuchError(Exception):
    """More came than is wanted."""


class DiskError(Exception):
    """The disk cannot take the file now; no ``OSError``, which a fetcher takes for the network's."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that is on disk, whole."""

    name: str
    size_bytes: int
    sha256: str
    contents: Contents


class Shelf:
    """A directory of files, spread over folders by the first letters of their names."""

    def __init__(self, directory: Path, *, most_bytes: int, disk_free_bytes: int) -> None:
        """Prepare; the directory is made with the first file.

        Args:
            directory: Where files are kept.
            most_bytes: The largest that is taken.
            disk_free_bytes: What must stay free of the disk.
        """
        self._directory = directory
        self._most_bytes = most_bytes
        self._disk_free_bytes = disk_free_bytes

    def begin(self, name: str) -> Part:
        """Open a new file under a random name, which is its own only once it is kept.

        Raises:
            DiskError: The disk refuses, or is short.
        """
        try:
            return self._begin(name)
        except OSError as error:
            raise DiskError(error.strerror) from None

    def _begin(self, name: str) -> Part:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = self._directory / name[:2]
        folder.mkdir(mode=0o700, exist_ok=True)
        if free_bytes(self._directory) < self._disk_free_bytes + self._most_bytes:
            msg = "less of the disk is free than HUB_LIMITS__DISK_FREE_BYTES with one file of HUB_LIMITS__FILE_BYTES"
            raise DiskError(msg)
        return Part(folder / name, self._most_bytes)

    def path(self, name: str) -> Path:
        """Return where a kept file is."""
        return self._directory / name[:2] / name

    def sweep(self) -> int:
        """Throw away what was cut in the middle; only where nobody else fetches. Return how many."""
        parts = list(self._directory.glob(f"??/*{_PART}"))
        for part in parts:
            part.unlink(missing_ok=True)
        return len(parts)


def shelf_of(settings: HubSettings) -> Shelf:
    """Return the shelf of a data directory, or of ``HUB_MEDIA_DIR``."""
    limits = settings.limits
    return Shelf(settings.media, most_bytes=limits.file_bytes, disk_free_bytes=limits.disk_free_bytes)


class Part:
    """A file on its way."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        """Open it for its owner alone."""
        self._path = path
        self._part = path.with_name(path.name + _PART)
        self._most_bytes = most_bytes
        self._size = 0
        self._sha256 = hashlib.sha256()
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        self._file: IO[bytes] = os.fdopen(os.open(self._part, flags, 0o600), "w+b")

    def write(self, chunk: bytes, /) -> None:
        """Take some bytes.

        Raises:
            TooMuchError: They are more than one file may have.
            DiskError: The disk refuses.
        """
        self._size += len(chunk)
        if self._size > self._most_bytes:
            raise TooMuchError
        self._sha256.update(chunk)
        try:
            self._file.write(chunk)
        except OSError as error:
            raise DiskError(error.strerror) from None

    def keep(self) -> Kept:
        """Look at it, make it last, give it its name.

        Raises:
            DiskError: The disk refuses.
        """
        try:
            return self._keep()
        except OSError as error:
            raise DiskError(error.strerror) from None

    def _keep(self) -> Kept:
        self._file.flush()
        contents = examine(self._file, self._size)
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return Kept(self._path.name, self._size, self._sha256.hexdigest(), contents)

    def drop(self) -> None:
        """Throw it away, as far as it is not kept."""
        with contextlib.suppress(OSError):
            self._file.close()
        self._part.unlink(missing_ok=True)
