"""Command ``hub ready``: asks the process that runs here whether it is ready."""

from __future__ import annotations

import typer

from hub.cli.options import EXIT_REFUSED, AsJson, Data

_SECONDS = 3.0


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ready")(ready)


def ready(*, data: Data = None, as_json: AsJson = False) -> None:
    """Ask the hub of this machine's HUB_PRIVATE_PORT whether it does its work; for health checks.

    Exit codes: 0 it is ready; 1 it is not, or nobody answers; 2 the configuration is wrong.
    """
    import os

    from hub import settings
    from hub.cli import output

    wiring = settings.load(os.environ, data=data)
    is_ready, said = _ask(f"http://{wiring.private_host}:{wiring.private_port}/readyz")
    if as_json:
        output.document({"ready": is_ready, "said": said})
    else:
        output.say(said)
    if not is_ready:
        raise typer.Exit(EXIT_REFUSED)


def _ask(url: str) -> tuple[bool, str]:
    import urllib.error
    import urllib.request

    # The address is this machine's own: no proxy of the environment has a say.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_SECONDS) as answer:
            return True, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return False, refused.read().decode()
    except OSError:
        return False, "nobody answers on HUB_PRIVATE_PORT"
