"""Checks settings with credentials: what is on, off or wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from hub import discovery, settings, speaking
from hub.contracts import Connection
from hub.doctor.findings import Finding, misconfigured, ok
from hub.errors import Misconfigured
from hub.settings import HubSettings

_CURE = "Corrige la variable y vuelve a arrancar el hub."


def process(environ: Mapping[str, str], data: Path | None) -> tuple[HubSettings | None, list[Finding]]:
    """Return the process's settings, None when they are wrong, with what was found."""
    try:
        wiring = settings.load(environ, data=data)
    except Misconfigured as error:
        return None, [misconfigured("settings", problem, _CURE) for problem in error.problems]
    ports = f"webhooks {wiring.webhook_port}, páginas {wiring.private_port}, simuladores {wiring.simulator_port}"
    return wiring, [ok("settings", f"Configuración legible; puertos: {ports}.")]


def connectors(environ: Mapping[str, str], wiring: HubSettings) -> tuple[dict[str, Connection], list[Finding]]:
    """Return the configured connections, with what was found about every connector."""
    connections: dict[str, Connection] = {}
    findings: list[Finding] = []
    for name, connector in discovery.connectors().items():
        check = f"connector.{name}"
        try:
            connection = connector.connect(environ)
        except Misconfigured as error:
            findings += [misconfigured(check, problem, _CURE) for problem in error.problems]
            continue
        findings += list(_described(check, name, connection, was_played=was_played(wiring)))
        if connection is not None:
            connections[name] = connection
    findings += [misconfigured("speaking", problem, _CURE) for problem in speaking.doubled(connections)]
    return connections, findings


def was_played(wiring: HubSettings) -> bool:
    """Tell whether this data directory is one of the sandbox."""
    return (wiring.data / "sandbox").is_dir()


def _described(check: str, name: str, connection: Connection | None, *, was_played: bool) -> Iterator[Finding]:
    if connection is not None:
        apps, assets = ", ".join(sorted(connection.secrets)), len(connection.assets)
        yield ok(check, f"{name}: encendido (aplicaciones: {apps}; números, páginas o buzones: {assets}).")
    elif was_played:
        yield ok(check, f"{name}: sin credenciales; este directorio se usa con --sandbox.")
    else:
        yield ok(check, f"{name}: apagado, no tiene credenciales.")
