"""Makes of a recorded process what its disk was asked to do, between what it told the outside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.support.power.strace import Call, calls


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes at a place in a file; ``offset`` None is its end."""

    path: str
    offset: int | None
    data: bytes


@dataclass(frozen=True, slots=True)
class Resize:
    """A file gets another size."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Create:
    """A name appears in a directory."""

    path: str
    is_directory: bool = False


@dataclass(frozen=True, slots=True)
class Rename:
    """A file takes another name."""

    path: str
    to: str


@dataclass(frozen=True, slots=True)
class Unlink:
    """A name disappears."""

    path: str


@dataclass(frozen=True, slots=True)
class SyncBegun:
    """What was written to a file, or named in a directory, before this is durable when the sync ends."""

    thread: int
    path: str


@dataclass(frozen=True, slots=True)
class SyncEnded:
    """The sync that a thread began has succeeded."""

    thread: int
    path: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A provider was told 200 for this body."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Called:
    """A provider was called; it may have done what this effect asks for."""

    effect: str


Op = Write | Resize | Create | Rename | Unlink | SyncBegun | SyncEnded | Answered | Called

_DESCRIPTOR: Final = re.compile(rb"\d+<([^>]*)>")
_PEERS: Final = re.compile(rb"TCP:\[127\.0\.0\.1:(\d+)->127\.0\.0\.1:(\d+)\]")
_EFFECT: Final = re.compile(rb'"biz_opaque_callback_data":"(\w+)"')
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_SYNCS: Final = ("fsync", "fdatasync")
_READS: Final = ("read", "recvfrom", "recvmsg", "readv")
_SAYS: Final = ("write", "sendto", "sendmsg", "writev")
_UNSEEN: Final = ("-shm", ".sock")
"""SQLite builds its shared memory anew at each start; a socket holds nothing."""


@dataclass
class Tape:
    """One life of a hub, recorded.

    Attributes:
        data: Its data directory; nothing else of the disk is looked at.
        webhook_port: Where providers reach it.
        provider_port: Where it reaches the provider.
    """

    trace: Path
    data: Path
    webhook_port: int
    provider_port: int
    _heard: dict[bytes, bytes] = field(default_factory=dict)
    _existing: set[str] = field(default_factory=set)

    def ops(self, existing: set[str]) -> Iterator[Op]:
        """Yield what happened; ``existing`` are the names on the disk before, kept up to date."""
        self._existing = existing
        for call in calls(self.trace, (f"{self.data}/".encode(), f"{self.data}>".encode(), b"<TCP:[127.0.0.1:")):
            peers = _PEERS.search(call.arguments[:200])
            if peers is not None:
                yield from self._talk(call, peers[0], int(peers[1]), int(peers[2]))
            elif call.name in _SYNCS:
                yield from self._sync(call)
            elif call.ended and call.result is not None and call.result >= 0:
                yield from self._change(call, call.result)

    def _talk(self, call: Call, socket: bytes, ours: int, theirs: int) -> Iterator[Op]:
        if ours == self.webhook_port:
            if call.name in _READS and call.ended and call.result:
                self._heard[socket] = self._heard.get(socket, b"") + b"".join(call.texts())
            # From the moment that the answer is handed over, the provider may have it.
            elif call.name in _SAYS and not call.ended and b"".join(call.texts()).startswith(b"HTTP/1.1 200"):
                body, self._heard[socket] = _cut_request(self._heard[socket])
                yield Answered(body)
        elif theirs == self.provider_port and call.name in _SAYS and not call.ended:
            for effect in _EFFECT.findall(b"".join(call.texts())):
                yield Called(effect.decode())

    def _sync(self, call: Call) -> Iterator[Op]:
        path = self._path(call)
        if path is None:
            return
        if not call.ended:
            yield SyncBegun(call.thread, path)
        elif call.result == 0:
            yield SyncEnded(call.thread, path)

    def _change(self, call: Call, result: int) -> Iterator[Op]:
        if call.name in {"mkdir", "rename", "unlink", "openat"}:
            yield from self._name(call)
        elif call.name in {"write", "pwrite64", "ftruncate"}:
            path = self._path(call)
            if path is None:
                return
            last = call.arguments.rpartition(b",")[2]
            if call.name == "ftruncate":
                yield Resize(path, int(last))
            else:
                (data,) = call.texts()
                yield Write(path, int(last) if call.name == "pwrite64" else None, data[:result])
        elif call.name == "mmap":
            if b"MAP_SHARED" in call.arguments and b"PROT_WRITE" in call.arguments and self._path(call) is not None:
                self._refuse(call)
        elif call.name not in _READS:
            self._refuse(call)

    def _name(self, call: Call) -> Iterator[Op]:
        names = [self._inside(text) for text in call.texts()]
        if names[0] is None:
            return
        if call.name == "rename":
            assert names[1] is not None
            self._existing.discard(names[0])
            self._existing.add(names[1])
            yield Rename(names[0], names[1])
        elif call.name == "unlink":
            self._existing.discard(names[0])
            yield Unlink(names[0])
        elif call.name == "mkdir" or b"O_CREAT" in call.arguments:
            if names[0] not in self._existing:
                self._existing.add(names[0])
                yield Create(names[0], is_directory=call.name == "mkdir")
            if b"O_TRUNC" in call.arguments:
                yield Resize(names[0], 0)

    def _path(self, call: Call) -> str | None:
        """Return the path of the call's first descriptor within the data directory, None for one elsewhere."""
        match = _DESCRIPTOR.search(call.arguments)
        path = b"" if match is None else match[1]
        gone = b"(deleted)" in call.arguments[: len(path) + 30]
        return None if gone else self._inside(path, root=True)

    def _inside(self, path: bytes, *, root: bool = False) -> str | None:
        place = Path(path.decode())
        if not place.is_relative_to(self.data) or (place == self.data and not root) or place.name.endswith(_UNSEEN):
            return None
        return place.relative_to(self.data).as_posix()

    @staticmethod
    def _refuse(call: Call) -> None:
        msg = f"the model of the disk does not know {call.name}({call.arguments[:200]!r})"
        raise NotImplementedError(msg)


def _cut_request(heard: bytes) -> tuple[bytes, bytes]:
    head, _, rest = heard.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    size = 0 if length is None else int(length[1])
    return rest[:size], rest[size:]
