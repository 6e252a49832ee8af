"""A disk that keeps for certain only what was synced."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from tests.support.power.tape import Create, Op, Rename, Resize, SyncBegun, SyncEnded, Unlink, Write

SECTOR: Final = 512
"""What a disk writes whole or not at all."""

Fate = Literal["nothing", "everything", "something"]
"""What a cut leaves of a file's, or a directory's, changes since its last sync."""


@dataclass
class File:
    """Content as it was synced, with what was written since."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Write | Resize] = field(default_factory=list)
    settled: int = 0
    size: int = 0

    def change(self, step: Write | Resize) -> None:
        """Take a write or a new size, neither durable yet."""
        if isinstance(step, Resize):
            self.size = step.size
        else:
            offset = self.size if step.offset is None else step.offset
            step = Write(step.path, offset, step.data)
            self.size = max(self.size, offset + len(step.data))
        self.pending.append(step)

    def settle(self, count: int) -> None:
        """Make the first so many changes durable."""
        for step in self.pending[:count]:
            _apply(self.durable, step)
        del self.pending[:count]
        self.settled += count

    def after_cut(self, chance: random.Random, fate: Fate) -> bytes:
        """Return the content that a cut leaves.

        Each sector holds, by itself, what it held at one moment since the last sync: writes reach the disk in any
        order, torn anywhere between sectors. The size is that of one such moment, too; what the size covers without
        its sectors having come is zeros. What was cut off by a shorter size does not come back once that is on disk.
        """
        if fate == "nothing" or not self.pending:
            return bytes(self.durable)
        content = bytearray(self.durable)
        if fate == "everything":
            for step in self.pending:
                _apply(content, step)
            return bytes(content)
        size, touched = self._shape(content, chance.randint(0, len(self.pending)))
        share = chance.random()
        for at, steps in touched.items():
            if chance.random() < share:
                self._write_sector(content, at, steps[: chance.randint(1, len(steps))])
        content.extend(bytes(max(size - len(content), 0)))
        return bytes(content[:size])

    def _shape(self, content: bytearray, until: int) -> tuple[int, dict[int, list[int]]]:
        """Return the size after so many changes, then which changes each sector may have seen."""
        size = len(content)
        touched: dict[int, list[int]] = {}
        for number, step in enumerate(self.pending):
            if isinstance(step, Write):
                assert step.offset is not None
                end = step.offset + len(step.data)
                size = max(size, end) if number < until else size
                for at in range(step.offset // SECTOR, (end - 1) // SECTOR + 1):
                    touched.setdefault(at, []).append(number)
            elif number < until:
                # Whatever was beyond is void, also what had come before; what lies within is not its business.
                assert step.size % SECTOR == 0
                touched = {at: steps for at, steps in touched.items() if at * SECTOR < step.size}
                del content[step.size :]
                size = step.size
            else:
                # The new size did not come, nor what was written where it had made room.
                break
        return size, touched

    def _write_sector(self, content: bytearray, at: int, steps: list[int]) -> None:
        start, end = at * SECTOR, (at + 1) * SECTOR
        for number in steps:
            step = self.pending[number]
            assert isinstance(step, Write)
            assert step.offset is not None
            first, last = max(start, step.offset), min(end, step.offset + len(step.data))
            part = step.data[first - step.offset : last - step.offset]
            _apply(content, Write(step.path, first, part))


@dataclass
class Directory:
    """Names as they were synced, with what became of them since."""

    durable: dict[str, File | Directory] = field(default_factory=dict)
    pending: list[tuple[Create | Rename | Unlink, File | Directory]] = field(default_factory=list)
    settled: int = 0

    def settle(self, count: int) -> None:
        """Make the first so many changes durable."""
        self.durable = self._names(count)
        del self.pending[:count]
        self.settled += count

    def after_cut(self, chance: random.Random, fate: Fate) -> dict[str, File | Directory]:
        """Return the names that a cut leaves: changes of names come to the disk in their order, up to some moment."""
        count = {"nothing": 0, "everything": len(self.pending)}.get(fate)
        return self._names(chance.randint(0, len(self.pending)) if count is None else count)

    def _names(self, count: int) -> dict[str, File | Directory]:
        names = dict(self.durable)
        for step, node in self.pending[:count]:
            name = PurePosixPath(step.path).name
            if isinstance(step, Create):
                names[name] = node
            elif isinstance(step, Rename):
                names[PurePosixPath(step.to).name] = names.pop(name)
            else:
                names.pop(name)
        return names


@dataclass
class Disk:
    """A data directory, whose own name is durable."""

    root: Directory = field(default_factory=Directory)

    def __post_init__(self) -> None:
        """Know the nodes by their current paths."""
        self.nodes: dict[str, File | Directory] = {".": self.root}
        self._begun: dict[int, tuple[File | Directory, int]] = {}

    def do(self, op: Op) -> None:
        """Let the disk take one step; what is said to the outside is none of its business."""
        if isinstance(op, Write | Resize):
            file = self.nodes.get(op.path)
            assert isinstance(file, File), op
            file.change(op)
        elif isinstance(op, Create):
            node: File | Directory = Directory() if op.is_directory else File()
            self.nodes[op.path] = node
            self._parent(op.path).pending.append((op, node))
        elif isinstance(op, Rename):
            assert PurePosixPath(op.path).parent == PurePosixPath(op.to).parent
            self.nodes[op.to] = self.nodes.pop(op.path)
            self._parent(op.path).pending.append((op, self.nodes[op.to]))
        elif isinstance(op, Unlink):
            self._parent(op.path).pending.append((op, self.nodes.pop(op.path)))
        elif isinstance(op, SyncBegun):
            node = self.nodes[op.path]
            self._begun[op.thread] = (node, node.settled + len(node.pending))
        elif isinstance(op, SyncEnded):
            node, until = self._begun.pop(op.thread)
            node.settle(max(until - node.settled, 0))

    def cut(self, chance: random.Random, into: Path) -> None:
        """Write what a power cut at this moment may leave."""
        general: list[Fate] = chance.choice([["nothing"], ["everything"], ["something"], ["nothing", "something"], []])
        self._leave(self.root, chance, general or ["nothing", "everything", "something"], into)

    def leave_everything(self, into: Path) -> None:
        """Write what is there while the power stays on."""
        self._leave(self.root, random.Random(), ["everything"], into, stale_memory=0)

    def _leave(
        self, directory: Directory, chance: random.Random, fates: list[Fate], into: Path, stale_memory: float = 0.1
    ) -> None:
        into.mkdir(mode=0o700)
        for name, node in directory.after_cut(chance, chance.choice(fates)).items():
            if isinstance(node, Directory):
                self._leave(node, chance, fates, into / name, stale_memory)
                continue
            (into / name).write_bytes(node.after_cut(chance, chance.choice(fates)))
            (into / name).chmod(0o600)
            # The shared memory of whoever wrote last may be there, too, in any state.
            if not name.endswith("-wal") and chance.random() < stale_memory:
                (into / f"{name}-shm").write_bytes(chance.randbytes(32_768))

    def _parent(self, path: str) -> Directory:
        parent = self.nodes[PurePosixPath(path).parent.as_posix()]
        assert isinstance(parent, Directory)
        return parent


def _apply(content: bytearray, step: Write | Resize) -> None:
    if isinstance(step, Resize):
        del content[step.size :]
        content.extend(bytes(max(step.size - len(content), 0)))
        return
    assert step.offset is not None
    if len(content) < step.offset:
        content.extend(bytes(step.offset - len(content)))
    content[step.offset : step.offset + len(step.data)] = step.data
