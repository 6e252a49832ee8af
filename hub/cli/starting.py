"""What ``hub run`` does around the serving itself."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import uvloop

from hub import bootstrap, configuration
from hub.bootstrap import Hub
from hub.cli.serve import serve
from hub.errors import Misconfigured
from hub.settings import Role
from hub.system import SystemClock, SystemRandomness
from hub.telemetry import configure_logs


@dataclass(frozen=True)
class Manner:
    """How a process runs, beside what it does.

    Attributes:
        simulators_elsewhere: The sandbox's simulators are played by another process.
        until_input_closes: It stops with whoever holds its standard input.
    """

    simulators_elsewhere: bool = False
    until_input_closes: bool = False


def start(data: Path | None, role: Role | None, played: frozenset[str] | None, manner: Manner) -> None:
    """Run a process of the hub; returns when it was stopped."""
    configure_logs(json=not sys.stderr.isatty())
    wiring = configuration.configure(os.environ, played=played, data=data, role=role)
    if wiring.role == "intake":
        from hub.cli import supervisor

        supervisor.run(wiring, _same_sandbox(played, manner))
        return
    hub = bootstrap.assemble(wiring, os.environ, SystemClock(), SystemRandomness(), played=played)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(hub, _say_where, simulate=not manner.simulators_elsewhere, leash=manner.until_input_closes))


def _say_where(hub: Hub) -> None:
    wiring = hub.settings
    pages = f"http://{wiring.private_host}:{wiring.private_port}"
    lines = [f"The hub is ready ({wiring.role})."]
    if hub.intake is not None:
        lines.append(f"  webhooks   http://{wiring.webhook_host}:{wiring.webhook_port}/webhooks/…")
    if wiring.role != "ingester":
        lines.append(f"  look here  {pages}")
    for name, played in hub.simulated.items():
        lines += [f"  {name:9}  {page} (simulated: chat as a customer)" for page in played.pages]
    if hub.simulated:
        # Any simulator takes a telephone number for a name.
        name = max(hub.simulated)
        command = f'hub sandbox say {name} --from "+52 222 123 4567" --wait "Todas las facturas salen con errores"'
        lines.append(f"  try        {command}")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _same_sandbox(played: frozenset[str] | None, manner: Manner) -> list[str]:
    """Return the options by which the processes of an intake play the same providers."""
    if played is None:
        return []
    if not manner.simulators_elsewhere:
        msg = "--role intake runs two processes, which cannot share simulators; start hub sandbox serve beside it, "
        raise Misconfigured([msg + "then add --simulators-elsewhere"])
    return [f"--sandbox={','.join(sorted(played)) or 'all'}", "--simulators-elsewhere"]
