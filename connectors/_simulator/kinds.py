"""Everything that a customer can send, by name: what the provider's recorded payloads hold, ready to be said again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors._simulator.files import Files, Held

Raw = dict[str, Any]

# Enough of a file to be taken for what it says it is.
_BYTES: Final = {
    "image/jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9",
    "image/webp": b"RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00/\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00",
    "audio/ogg": b"OggS\x00\x02" + bytes(22),
    "video/mp4": b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom",
    "text/xml": b'<?xml version="1.0"?><factura folio="A-1029"/>',
    "application/pdf": b"%PDF-1.4\n%%EOF\n",
}


class Kinds:
    """The kinds of one provider."""

    def __init__(self, samples: Path, read: Callable[[Any], Raw | None]) -> None:
        """Read recorded payloads; ``read`` returns what a customer sends in one, None for any other payload."""
        found = ((path.stem, read(json.loads(path.read_bytes()))) for path in _payloads(samples))
        self._known: dict[str, Raw] = {name: raw for name, raw in found if raw is not None}

    def routes(self) -> list[Route]:
        """Return what is answered here."""
        return [Route("/control/kinds", self.show)]

    async def show(self, _: Request) -> Response:
        """List the names."""
        return JSONResponse({"kinds": sorted(self._known)})

    def get(self, name: str) -> Raw:
        """Return what is sent, as a copy that may be changed.

        Raises:
            ValueError: There is no such kind.
        """
        if name not in self._known:
            msg = f"kind is none of {', '.join(sorted(self._known))}"
            raise ValueError(msg)
        copied: Raw = json.loads(json.dumps(self._known[name]))
        return copied


def placeholder(files: Files, mime_type: str, filename: str | None = None) -> Held:
    """Return a small file of a type, to stand for the one that was recorded."""
    plain = mime_type.partition(";")[0].strip()
    return files.keep(_BYTES.get(plain, b"archivo de prueba\n"), mime_type, filename)


def _payloads(samples: Path) -> Iterator[Path]:
    for path in sorted(samples.glob("*.json")):
        if not path.name.endswith(".events.json"):
            yield path


def first(holder: object, name: str) -> Mapping[str, Any] | None:
    """Return the first element of a list of objects; None when there is none."""
    found = holder.get(name) if isinstance(holder, Mapping) else None
    one = found[0] if isinstance(found, list) and found else None
    return one if isinstance(one, Mapping) else None
