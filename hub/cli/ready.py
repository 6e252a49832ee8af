"""Command ``hub ready``: asks the process that runs here whether it is ready."""

from __future__ import annotations

import typer

from hub.cli.options import EXIT_REFUSED

_SECONDS = 3.0


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ready")(ready)


def ready() -> None:
    """Ask the hub of this machine's HUB_PRIVATE_PORT whether it does its work; for health checks.

    Exit codes: 0 it is ready; 1 it is not, or nobody answers; 2 the configuration is wrong.
    """
    import os
    import urllib.error
    import urllib.request

    from hub import settings
    from hub.cli import output

    wiring = settings.load(os.environ)
    try:
        # The address is this machine's own: no proxy of the environment has a say.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://{wiring.private_host}:{wiring.private_port}/readyz", timeout=_SECONDS) as answer:
            output.say(answer.read().decode())
    except urllib.error.HTTPError as refused:
        output.say(refused.read().decode())
        raise typer.Exit(EXIT_REFUSED) from None
    except OSError:
        output.say(f"nobody answers on HUB_PRIVATE_PORT={wiring.private_port}")
        raise typer.Exit(EXIT_REFUSED) from None
