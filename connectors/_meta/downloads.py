"""Downloads one file at a time from where Meta keeps it, following redirects within what is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from connectors._meta.addresses import Places
from connectors._meta.bodies import retry_after
from connectors._meta.transport import new_client
from hub.contracts import Fetched, NotFetched, Target

if TYPE_CHECKING:
    import httpx

MOST_REDIRECTS: Final = 5
_UNREACHABLE_ES: Final = "No se pudo descargar; se reintenta solo."
_OK: Final = 200
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class Downloads:
    """Writes files to where they are wanted; opens no socket before the first."""

    def __init__(self, places: Places, timeout_seconds: float) -> None:
        """Keep to ``places``; a pause of ``timeout_seconds`` within an answer ends it."""
        self._places = places
        self._timeout_seconds = timeout_seconds
        self._client: httpx.AsyncClient | None = None

    async def fetch(
        self, url: str, into: Target, *, most_bytes: int, token: bytes | None = None
    ) -> Fetched | NotFetched:
        """Write a file; never raises for what provider or network do.

        Args:
            url: Where it is.
            into: Takes the bytes; what it raises is raised here.
            most_bytes: A file that is announced as larger is not begun.
            token: Shown to the first host alone, never to one that it leads to.
        """
        import aiohttp
        import httpx

        first = urlsplit(url).netloc
        try:
            for _ in range(MOST_REDIRECTS + 1):
                if not self._places.allow(url):
                    return NotFetched("address", "La dirección del archivo no es de las permitidas.")
                shown = token if urlsplit(url).netloc == first else None
                headers = {} if shown is None else {"authorization": f"Bearer {shown.decode()}"}
                async with self._open().stream("GET", url, headers=headers) as response:
                    if response.status_code in _REDIRECTS:
                        url = urljoin(url, response.headers.get("location", ""))
                        continue
                    return await _take(response, into, most_bytes)
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, ValueError) as error:
            return NotFetched(type(error).__name__, _UNREACHABLE_ES)
        return NotFetched("redirects", _UNREACHABLE_ES)

    async def close(self) -> None:
        """Give back sockets."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _open(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = new_client(self._timeout_seconds, resolver=self._places.resolver())
        return self._client


async def _take(response: httpx.Response, into: Target, most_bytes: int) -> Fetched | NotFetched:
    if response.status_code != _OK:
        return NotFetched(
            f"status_{response.status_code}", _UNREACHABLE_ES, retry_after_seconds=retry_after(response.headers)
        )
    if response.headers.get("content-encoding", "identity") != "identity":
        return NotFetched("encoded", _UNREACHABLE_ES)
    announced = response.headers.get("content-length", "")
    length = int(announced) if announced.isascii() and announced.isdigit() else None
    if length is not None and length > most_bytes:
        return NotFetched("too_large", f"Pesa más de {most_bytes // 2**20} MB (HUB_LIMITS__FILE_BYTES).", for_good=True)
    written = 0
    async for chunk in response.aiter_raw():
        written += len(chunk)
        into.write(chunk)
    if not written or (length is not None and written != length):
        return NotFetched("short", _UNREACHABLE_ES)
    return Fetched(mime_type=response.headers.get("content-type", "").partition(";")[0].strip().lower() or None)
