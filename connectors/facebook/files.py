"""Fetches files that customers sent to a page, from the signed links that came with them."""

from __future__ import annotations

from connectors._meta.addresses import places_for
from connectors._meta.downloads import Downloads
from hub.contracts import Fetched, NotFetched, Target, WantedFile


class FacebookFetcher:
    """Has the files of the pages of one app; the links are secret enough, so no token is shown to anybody."""

    def __init__(self, graph_url: str, timeout_seconds: float) -> None:
        """Take any public host: Messenger links to files of others as well (facts 4.4)."""
        self._places = places_for(graph_url)
        self._downloads = Downloads(self._places, timeout_seconds)

    async def fetch(self, wanted: WantedFile, into: Target) -> Fetched | NotFetched:
        """Make one attempt; never raises for what provider or network do."""
        url = wanted.source.get("url", "")
        if not self._places.allow(url):
            return NotFetched("address", "La dirección del archivo no es una pública con https.", for_good=True)
        return await self._downloads.fetch(url, into, most_bytes=wanted.most_bytes)

    async def close(self) -> None:
        """Give back sockets; what is under way is cut."""
        await self._downloads.close()
