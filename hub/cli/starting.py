"""What ``hub run`` does around the serving itself."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import uvloop

from hub import bootstrap, settings
from hub.bootstrap import Hub
from hub.cli.serve import serve
from hub.settings import Role
from hub.system import SystemClock, SystemRandomness
from hub.telemetry import configure_logs


def start(data: Path | None, role: Role | None, played: frozenset[str] | None) -> None:
    """Run a process of the hub; returns when it was stopped."""
    configure_logs(json=not sys.stderr.isatty())
    wiring = settings.load(os.environ, data=data, role=role)
    if wiring.role == "intake":
        from hub.cli import supervisor  # noqa: PLC0415 - only this role has children

        supervisor.run(wiring)
        return
    hub = bootstrap.assemble(wiring, os.environ, SystemClock(), SystemRandomness(), played=played)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(hub, _say_where))


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
        command = 'hub sandbox say whatsapp --from "+52 222 123 4567" --wait "Todas las facturas salen con errores"'
        lines.append(f"  try        {command}")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
