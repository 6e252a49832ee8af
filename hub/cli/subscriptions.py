"""Commands ``hub connectors check|subscribe``: whether providers bring everything they should."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.options import AsJson

if TYPE_CHECKING:
    from hub.doctor import Finding


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("check")(check)
    app.command("subscribe")(subscribe)


def check(
    connector: Annotated[str | None, typer.Argument(help="One connector, e.g. whatsapp; all without it.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Ask providers in what they differ from what the hub needs: fields, permissions, tokens, numbers, versions.

    Changes nothing, needs no running hub. Says in Spanish what to do. With --json: one document with ``findings``.

    Exit codes: 0 nothing is wrong; 1 something is; 2 the configuration is wrong.
    """
    from hub import settings
    from hub.cli import connecting
    from hub.doctor import accounts, address
    from hub.system import SystemClock

    wiring = settings.load(os.environ)
    connections = connecting.connections(os.environ, connector)
    asked = accounts.check(connections, wiring.public_url, SystemClock().now())
    _end([*address.examine(wiring), *asyncio.run(asked)], as_json=as_json)


def subscribe(
    connector: Annotated[str, typer.Argument(help="Connector, e.g. whatsapp.")], *, as_json: AsJson = False
) -> None:
    """Subscribe a connector's apps, numbers, pages to all that the hub reads, at HUB_PUBLIC_URL; safe to repeat.

    The hub has to be reachable there: the provider asks it at once.

    Exit codes: 0 done; 1 the provider refused something; 2 the configuration is wrong.
    """
    from hub import settings
    from hub.cli import connecting
    from hub.doctor import accounts
    from hub.errors import Misconfigured

    wiring = settings.load(os.environ)
    if wiring.public_url is None:
        raise Misconfigured(["HUB_PUBLIC_URL: missing; the public https address under which webhooks arrive"])
    connection = connecting.connections(os.environ, connector)[connector]
    _end(asyncio.run(accounts.subscribe(connector, connection, wiring.public_url)), as_json=as_json)


def _end(findings: list[Finding], *, as_json: bool) -> None:
    from dataclasses import asdict

    from hub.cli import doctor, output
    from hub.doctor import exit_code

    code = exit_code(findings)
    if as_json:
        output.document({"healthy": code == 0, "findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            doctor.show(finding)
    raise typer.Exit(code)
