"""Commands ``hub connectors templates …``: messages that may leave when the free-form window is shut."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from hub.cli.options import EXIT_REFUSED, AsJson, Data, Yes, group

if TYPE_CHECKING:
    from hub.contracts import TemplateDraft, TemplateOffice, TemplateStanding

app = group("templates", "Templates that providers approve: what is shipped, submitted, approved.")

_NAMES = ("connector", "account", "intent", "name", "state")


@app.command("plan")
def plan(*, data: Data = None, as_json: AsJson = False) -> None:
    """Say which shipped templates would be submitted; ask the provider, change nothing.

    Exit codes: 0 all are submitted; 1 some are not, or the provider refused; 2 wrong configuration.
    """
    found = _look(data, keeps=False)
    _show(found, as_json=as_json, empty="No account has templates.")
    if any(one["state"] == "missing" for one in found):
        raise typer.Exit(EXIT_REFUSED)


@app.command("submit")
def submit(*, data: Data = None, yes: Yes = False, as_json: AsJson = False) -> None:
    """Submit the shipped templates that the provider does not have yet; the rest is left alone, so again is safe.

    Exit codes: 0 done or nothing to do; 1 not done without --yes, or the provider refused; 2 wrong configuration.
    """
    found = _look(data, keeps=yes, submits=yes)
    _show(found, as_json=as_json, empty="No account has templates.")
    if not yes and any(one["state"] == "missing" for one in found):
        raise typer.Exit(EXIT_REFUSED)


@app.command("status")
def status(*, data: Data = None, as_json: AsJson = False) -> None:
    """Ask what became of the shipped templates, keep the answer; webhooks keep it in step from then on.

    Exit codes: 0 every intent has an approved one; 1 some have none, each is named; 2 wrong configuration.
    """
    from hub.cli import output

    found = _look(data, keeps=True)
    _show(found, as_json=as_json, empty="No account has templates.")
    without = sorted({one["intent"] for one in found if one["state"] != "approved"})
    if without:
        if not as_json:
            output.say(f"Without an approved template: {', '.join(without)}.")
        raise typer.Exit(EXIT_REFUSED)


def _show(found: Sequence[dict[str, Any]], *, as_json: bool, empty: str) -> None:
    from hub.cli import output

    if as_json:
        output.document(found)
    else:
        output.table(_NAMES, [[one[name] for name in _NAMES] for one in found], empty=empty)


def _look(data: Any, *, keeps: bool, submits: bool = False) -> list[dict[str, Any]]:
    """Return each shipped template with its state at the provider, ``missing`` when it is not there."""
    import os

    from hub import discovery
    from hub.cli.opening import Decision, decide
    from hub.errors import Misconfigured
    from hub.services import templates

    offices: list[tuple[str, TemplateOffice]] = []
    for name, connector in discovery.connectors().items():
        connection = connector.connect(os.environ)
        offices += [(name, office) for office in connection.offices] if connection is not None else []
    if not offices:
        raise Misconfigured(
            ["HUB_WHATSAPP__<APP>__ACCOUNT: missing; the id of the WhatsApp account owns the templates"]
        )
    found: list[dict[str, Any]] = []
    for name, office in offices:
        rows = asyncio.run(_of_account(name, office, submits=submits))
        found += rows
        kept = [row for row in rows if row["state"] != "missing"]
        if keeps and kept:
            decision = Decision("keep_templates", f"{name}/{office.account}", {"templates": [r["name"] for r in kept]})
            decide(data, decision, partial(templates.keep_all, rows=kept))
    return found


async def _of_account(connector: str, office: TemplateOffice, *, submits: bool) -> list[dict[str, Any]]:
    known = {(one.name, one.language): one for one in await office.standings()}
    rows = []
    for draft in office.drafts():
        there = known.get((draft.name, draft.language))
        if there is None and submits:
            there = await office.submit(draft)
        rows.append(_row(connector, office.account, draft, there))
    return rows


def _row(connector: str, account: str, draft: TemplateDraft, there: TemplateStanding | None) -> dict[str, Any]:
    return {
        "connector": connector,
        "account": account,
        "name": draft.name,
        "language": draft.language,
        "intent": draft.intent,
        "category": draft.category,
        "body": draft.body,
        "variables": list(draft.variables),
        "state": "missing" if there is None else there.state,
        "provider_id": None if there is None else there.provider_id,
        "reason": None,
    }
