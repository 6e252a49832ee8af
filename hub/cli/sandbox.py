"""Commands ``hub sandbox …``: plays providers, lets a customer say something."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.options import EXIT_REFUSED, AsJson, Data, group

app = group("sandbox", "Simulated providers: nothing leaves this machine.")


@app.command("say")
def say(  # noqa: PLR0913 - each is an option of the command
    channel: Annotated[str, typer.Argument(help="Channel whose simulator speaks, e.g. whatsapp.")],
    text: Annotated[str, typer.Argument(help="What the customer says.")],
    *,
    who: Annotated[str, typer.Option("--from", help='The customer, e.g. "+52 222 123 4567".')],
    name: Annotated[str | None, typer.Option(help="The customer's name, as the provider shows it.")] = None,
    provider_id: Annotated[
        str | None, typer.Option("--id", help="The provider's message id; the same again is the same message.")
    ] = None,
    times: Annotated[int, typer.Option(min=1, max=1000, help="How often the provider sends it.")] = 1,
    wait_seconds: Annotated[
        float | None,
        typer.Option("--wait-seconds", min=0, max=600, help="How long to wait for an answer; with --wait 15."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Print what the customer was answered.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Say something as a customer, through the simulator that is running.

    With --json: one document with the provider's ids, the phone, the replies.

    Exit codes: 0 said, with --wait also answered; 1 no simulator runs, it refused, or nobody answered in time;
    2 wrong usage or configuration.
    """
    from hub.cli import output, saying

    patience = 15.0 if wait and wait_seconds is None else wait_seconds or 0.0
    said = {"from": who, "text": text, "name": name, "id": provider_id, "times": times}
    heard = saying.say(data, channel, {field: value for field, value in said.items() if value is not None}, patience)
    if as_json:
        output.document(heard)
    else:
        for reply in heard["replies"]:
            output.say(str(reply["text"]))
        if not patience:
            output.say(f"Said as {', '.join(heard['ids'])}.")
    if patience and not heard["replies"]:
        output.note(
            f"No answer within {patience:g} s. What joins an open case gets none by itself (see hub tickets list); "
            "otherwise hub doctor says what holds the hub up."
        )
        raise typer.Exit(EXIT_REFUSED)


@app.command("serve")
def serve(
    *,
    connectors: Annotated[str, typer.Option(help="Which to play, e.g. whatsapp,facebook; all by default.")] = "",
    data: Data = None,
) -> None:
    """Run the simulators alone until told to stop; the hub is started with --sandbox --simulators-elsewhere.

    Both share the secrets under the data directory, so name the same one for both.

    Exit codes: 0 stopped cleanly; 1 a simulator broke; 2 wrong usage or configuration.
    """
    from hub.cli import simulators

    simulators.serve(data, frozenset(filter(None, connectors.split(","))))
