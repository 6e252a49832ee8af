"""Puts a person's file where the hub sends it from."""

from __future__ import annotations

import mimetypes
import re
from pathlib import Path
from typing import Final

from hub.cli.opening import Opened
from hub.domain import suspicion
from hub.errors import Permanent
from hub.pipeline.files import shelf_of
from hub.pipeline.files.shelf import DiskError, TooMuchError
from hub.services.answers import OwnFile
from hub.services.files import Stored

_CHUNK_BYTES: Final = 256 * 1024
# Control characters, with what stands for bytes that are no UTF-8.
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def take(hub: Opened, path: Path) -> OwnFile:
    """Copy a file under a random name.

    Raises:
        Permanent: It cannot be read, is empty, too large, or the disk is short; nothing was kept.
    """
    shelf = shelf_of(hub.settings)
    try:
        part = shelf.begin(hub.randomness.token())
        try:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    part.write(chunk)
            kept = part.keep() if path.stat().st_size else None
        finally:
            part.drop()
    except TooMuchError:
        msg = f"{path} is larger than HUB_LIMITS__FILE_BYTES allows ({hub.settings.limits.file_bytes})"
        raise Permanent(msg) from None
    except (DiskError, OSError) as error:
        msg = f"{path} could not be kept for sending: {error}"
        raise Permanent(msg) from None
    if kept is None:
        msg = f"{path} is empty"
        raise Permanent(msg)
    type_ = suspicion.type_of(kept.contents) or mimetypes.guess_type(path.name)[0]
    stored = Stored(kept.name, kept.size_bytes, kept.sha256, type_, is_as_announced=True, suspicion=None)
    return OwnFile(_UNFIT.sub("_", path.name), stored)


def drop(hub: Opened, file: OwnFile) -> None:
    """Throw away a file that is not sent after all."""
    shelf_of(hub.settings).path(file.stored.name).unlink(missing_ok=True)
