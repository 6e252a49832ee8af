"""Decides which addresses files may be fetched from: nobody leads the hub into its own network."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

HOSTS: Final = ("fbcdn.net", "fbsbx.com", "facebook.com", "whatsapp.net")
"""Where Meta keeps files (facts 3.7); hosts below these count as well."""
_HTTPS_PORT: Final = 443


@dataclass(frozen=True)
class Places:
    """Where files may be.

    Attributes:
        hosts: Only these with what is below them; empty for any public host.
        loopback: The provider is simulated on this machine: nothing but it is reached.
    """

    hosts: tuple[str, ...] = ()
    loopback: bool = False

    def allow(self, url: str) -> bool:
        """Tell whether a file may be fetched from an address; names are judged again once they are looked up."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            return False
        if not host or parts.username is not None or not url.isprintable() or " " in url:
            return False
        if self.loopback:
            return parts.scheme == "http" and _is_loopback(host)
        if parts.scheme != "https" or port not in (None, _HTTPS_PORT) or not _may_be_public(host):
            return False
        name = host.rstrip(".").lower()
        return not self.hosts or any(name == one or name.endswith(f".{one}") for one in self.hosts)

    def resolver(self) -> AbstractResolver:
        """Return what looks names up for connections, where every address is judged just before it is used."""
        from aiohttp.abc import AbstractResolver, ResolveResult
        from aiohttp.resolver import ThreadedResolver

        loopback = self.loopback

        class Guarded(AbstractResolver):
            def __init__(self) -> None:
                self._inner = ThreadedResolver()

            async def resolve(
                self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
            ) -> list[ResolveResult]:
                found = await self._inner.resolve(host, port, family)
                allowed = [one for one in found if (_is_loopback if loopback else is_public)(one["host"])]
                if not allowed:
                    msg = "the host's address is not a public one"
                    raise OSError(msg)
                return allowed

            async def close(self) -> None:
                await self._inner.close()

        return Guarded()


def places_for(graph_url: str, hosts: tuple[str, ...] = ()) -> Places:
    """Return where the files of a Graph API may be: a simulated one has them on this machine, as it is."""
    parts = urlsplit(graph_url)
    return Places(hosts, loopback=parts.scheme == "http" and _is_loopback(parts.hostname or ""))


def is_public(address: str) -> bool:
    """Tell whether an address is one of the open internet."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    if mapped is not None:
        found = mapped
    return found.is_global and not found.is_multicast


def _may_be_public(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "." in host.rstrip(".") and not host.rstrip(".").lower().endswith((".localhost", ".local", ".internal"))
    return is_public(host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
