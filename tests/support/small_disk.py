"""A disk of a few megabytes, to be filled, freed or broken."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

_MEGABYTES: Final = 24
_FILLER: Final = "filler"


@dataclass
class SmallDisk:
    """A file system of its own, in a file."""

    path: Path
    image: Path

    def fill(self) -> None:
        """Leave not a byte free."""
        with (self.path / _FILLER).open("ab", buffering=0) as filler, contextlib.suppress(OSError):
            for size in (1024 * 1024, 4096, 1):
                with contextlib.suppress(OSError):
                    while filler.write(bytes(size)):
                        pass
                os.fsync(filler.fileno())

    def free(self) -> None:
        """Give the room back."""
        (self.path / _FILLER).unlink()

    def break_down(self) -> None:
        """Let the file system meet an error: from now on it is read-only."""
        device = _output("findmnt", "-n", "-o", "SOURCE", str(self.path)).strip()
        Path(f"/sys/fs/ext4/{Path(device).name}/trigger_fs_error").write_text("a test broke it")

    def remount(self, options: str = "") -> None:
        """Take it away, repair it, bring it back, as a person would; nothing may be open on it."""
        _output("umount", str(self.path))
        # 1: it was repaired.
        subprocess.run(["e2fsck", "-p", str(self.image)], check=False, capture_output=True)
        self.mount(options)

    def mount(self, options: str = "") -> None:
        """Bring it to its place."""
        _output("mount", "-o", f"loop,errors=remount-ro{options}", str(self.image), str(self.path))


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Make a disk until the block ends; skip where this user may not, fail where that would hide something."""
    disk = SmallDisk(folder / "disk", folder / "disk.image")
    disk.path.mkdir()
    try:
        with disk.image.open("wb") as image:
            image.truncate(_MEGABYTES * 1024 * 1024)
        _output("mkfs.ext4", "-q", "-m", "0", str(disk.image))
        disk.mount()
    except (OSError, subprocess.CalledProcessError) as error:
        message = f"no file system of our own can be mounted here (it takes root with loop devices): {error}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    try:
        yield disk
    finally:
        _output("umount", "-l", str(disk.path))


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
