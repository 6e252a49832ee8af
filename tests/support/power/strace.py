"""Reads the system calls that strace wrote down, in the order in which they began or ended."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CALLS: Final = (
    "open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,rmdir,link,linkat,symlink,symlinkat,"
    "read,recvfrom,recvmsg,readv,write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,sendfile,copy_file_range,"
    "ftruncate,truncate,fallocate,fsync,fdatasync,sync,syncfs,sync_file_range,mmap"
)
"""Whatever can change a file, or say something to a socket."""

_LINE: Final = re.compile(rb"(\d+) +(?:<\.\.\. )?(\w+)(?: resumed>|\()")
_END: Final = re.compile(rb"(.*)\) += (-?\d+|\?)", re.DOTALL)
_TEXT: Final = re.compile(rb'"((?:[^"\\]|\\.)*)"(\.\.\.)?', re.DOTALL)
_UNFINISHED: Final = b" <unfinished ...>"


@dataclass(frozen=True, slots=True)
class Call:
    """One system call at its beginning, or at its end.

    Attributes:
        arguments: As strace printed them; at the beginning what is known by then.
        result: None at the beginning, or when it never came back.
    """

    thread: int
    name: str
    arguments: bytes
    result: int | None
    ended: bool

    def texts(self) -> list[bytes]:
        """Return the strings among the arguments, unescaped.

        Raises:
            ValueError: strace cut one off.
        """
        found = []
        for match in _TEXT.finditer(self.arguments):
            if match[2]:
                msg = f"{self.name}: the recording holds only the beginning of what was written"
                raise ValueError(msg)
            found.append(codecs.escape_decode(match[1])[0])
        return found


def calls(trace: Path, about: tuple[bytes, ...]) -> Iterator[Call]:
    """Yield the beginning, then the end of each call whose line holds one of the words in its first part."""
    begun: dict[tuple[bytes, bytes], bytes] = {}
    with trace.open("rb") as lines:
        for line in lines:
            head = _LINE.match(line)
            if head is None:
                continue
            key = (head[1], head[2])
            rest = line[head.end() :].rstrip(b"\n")
            if line[head.start(2) - 5 : head.start(2)] == b"<... ":
                before = begun.pop(key, None)
                if before is not None:
                    yield _ended(key, before + rest)
            elif any(word in line[:600] for word in about):
                if rest.endswith(_UNFINISHED):
                    begun[key] = rest.removesuffix(_UNFINISHED)
                    yield Call(int(key[0]), key[1].decode(), begun[key], None, ended=False)
                else:
                    end = _ended(key, rest)
                    yield Call(end.thread, end.name, end.arguments, None, ended=False)
                    yield end


def _ended(key: tuple[bytes, bytes], rest: bytes) -> Call:
    match = _END.match(rest)
    if match is None:
        return Call(int(key[0]), key[1].decode(), rest, None, ended=True)
    result = None if match[2] == b"?" else int(match[2])
    return Call(int(key[0]), key[1].decode(), match[1], result, ended=True)
