"""Reads the credentials of connectors for commands that need no hub."""

from __future__ import annotations

from collections.abc import Mapping

import typer

from hub import discovery
from hub.contracts import Connection
from hub.errors import Misconfigured


def connections(environ: Mapping[str, str], wanted: str | None) -> dict[str, Connection]:
    """Return the configured connections, of one connector or of all.

    Raises:
        Misconfigured: A variable is wrong, or the wanted connector has none.
        BadParameter: There is no such connector.
    """
    known = discovery.connectors()
    if wanted is not None and wanted not in known:
        msg = f"there is no connector {wanted}; known are {', '.join(sorted(known))}"
        raise typer.BadParameter(msg)
    found = {name: known[name].connect(environ) for name in known if wanted in (None, name)}
    if wanted is not None and found[wanted] is None:
        raise Misconfigured([f"HUB_{wanted.upper()}__…: no credentials; README of connectors/{wanted} lists them"])
    return {name: connection for name, connection in found.items() if connection is not None}
