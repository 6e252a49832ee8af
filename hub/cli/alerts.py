"""Commands ``hub alerts …``: what providers tell of their accounts that a person has to look at."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.options import EXIT_REFUSED, AsJson, Data, group

app = group("alerts", "What providers tell of accounts, numbers, templates: standing alerts.")


@app.command("list")
def list_alerts(*, data: Data = None, as_json: AsJson = False) -> None:
    """List the alerts that stand, newest first. With --json: one document, a list.

    Exit codes: 0 done; 1 there is no hub; 2 wrong usage or configuration.
    """
    from hub.cli import output
    from hub.cli.opening import look
    from hub.services import channels

    names = ("connector", "asset", "alert", "severity", "told_at", "explanation_es")
    found = look(data, lambda tx: [{name: getattr(row, name) for name in names} for row in channels.open_alerts(tx)])
    if as_json:
        output.document(found)
        return
    rows = [[one[name] for name in names] for one in found]
    output.table([name.replace("_", " ") for name in names], rows, empty="No provider has anything to tell.")


@app.command("dismiss")
def dismiss(
    connector: Annotated[str, typer.Argument(help="Connector, e.g. whatsapp.")],
    asset: Annotated[str, typer.Argument(help="The account, number or page under the provider's own id.")],
    alert: Annotated[str, typer.Argument(help="Name of the alert, as hub alerts list shows it.")],
    *,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """End an alert; the same one raises a new alarm when the provider tells it again.

    Exit codes: 0 done; 1 there is none of that name; 2 wrong usage or configuration.
    """
    from hub.cli import output
    from hub.cli.opening import Decision, decide
    from hub.services import channels

    name = f"{connector}/{asset}/{alert}"
    ended = decide(data, Decision("dismiss_alert", name), lambda tx: channels.dismiss(tx, connector, asset, alert))
    if as_json:
        output.document({"alert": name, "dismissed": ended})
    else:
        output.say(
            f"{name} is dismissed." if ended else f"No alert {name} stands; hub alerts list shows those that do."
        )
    if not ended:
        raise typer.Exit(EXIT_REFUSED)
