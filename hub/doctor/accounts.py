"""Asks providers whether they bring everything, as findings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from hub.contracts import Account, Checked, Connection
from hub.doctor.findings import Finding


def callback(public_url: str | None, connector: str, account: Account) -> str | None:
    """Return the public address of an app's webhook; None when the settings do not tell."""
    return None if public_url is None else f"{public_url.rstrip('/')}/webhooks/{connector}/{account.app}"


async def check(connections: Mapping[str, Connection], public_url: str | None, now: datetime) -> list[Finding]:
    """Ask the providers of every app, without changing anything."""
    found = []
    for name, connection in connections.items():
        for account in connection.accounts:
            checks = await account.check(callback(public_url, name, account), now)
            found += [finding(name, account, one) for one in checks]
            await account.close()
    return found


async def subscribe(connector: str, connection: Connection, public_url: str) -> list[Finding]:
    """Let the provider send everything to us; safe to repeat."""
    found = []
    for account in connection.accounts:
        done = await account.subscribe(str(callback(public_url, connector, account)))
        found += [finding(connector, account, one) for one in done]
        await account.close()
    return found


def finding(connector: str, account: Account, checked: Checked) -> Finding:
    """Return what was checked as the doctor shows it."""
    name = f"{connector}.{account.app}.{checked.check}"
    return Finding(name, checked.level, f"{connector} ({account.app}): {checked.what_es}", checked.cure_es)
