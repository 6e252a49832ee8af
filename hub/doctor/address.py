"""Checks the hub's public address from the settings: without it no provider can bring anything."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from hub.doctor.findings import Finding, ok, warning, wrong
from hub.settings import HubSettings

_CHECK = "public_url"
_CURE = "Pon en HUB_PUBLIC_URL la dirección https con la que el proxy publica el puerto de webhooks."


def examine(settings: HubSettings) -> Iterator[Finding]:
    """Yield what is wrong about the address, the proxy in front."""
    url = settings.public_url
    if url is None:
        yield warning(_CHECK, "No se sabe con qué dirección pública llegan los webhooks.", _CURE)
        return
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https":
        yield wrong(_CHECK, "La dirección pública no es https: los proveedores no la aceptan.", _CURE)
    elif not _is_public(host):
        yield wrong(_CHECK, "La dirección pública es de esta red: ningún proveedor llega a ella.", _CURE)
    else:
        yield ok(_CHECK, f"Dirección pública: {url}.")
    if not settings.trusted_proxies:
        what = "HUB_TRUSTED_PROXIES está vacío: todo lo que llega por el proxy cuenta como un solo origen."
        yield warning("proxy", what, "Pon la dirección del proxy en HUB_TRUSTED_PROXIES.")


def _is_public(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".local", ".internal", ".localhost"))
