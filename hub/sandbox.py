"""Plays every provider on loopback, with lasting secrets of its own."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hub.contracts import Connector, Sandboxed, SandboxPlace
from hub.errors import Misconfigured
from hub.ports import Clock, Randomness
from hub.settings import HubSettings

REAL: Final = "real-credentials-were-used"
"""Marks a data directory whose hub has spoken with real providers."""


@dataclass(frozen=True)
class Secrets:
    """Random secrets that outlive the process, so that simulators may run apart from the hub."""

    directory: Path
    randomness: Randomness

    def get(self, name: str) -> str:
        """Return the secret of a name, made at the first asking."""
        path = self.directory / f"{name}.secret"
        if not path.exists():
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = path.with_suffix(f".{self.randomness.token()}")
            draft.touch(mode=0o600)
            draft.write_text(self.randomness.token())
            draft.replace(path)
        return path.read_text()


def play(
    connectors: Mapping[str, Connector],
    names: Iterable[str],
    settings: HubSettings,
    clock: Clock,
    randomness: Randomness,
) -> dict[str, Sandboxed]:
    """Return the named connectors' simulators, one port each from ``simulator_port`` on.

    Raises:
        Misconfigured: A name is no connector's.
    """
    unknown = sorted(set(names) - set(connectors))
    if unknown:
        known = ", ".join(sorted(connectors))
        raise Misconfigured([f"--sandbox={name}: there is no such connector; known are {known}" for name in unknown])
    directory = settings.data / "sandbox"
    secrets = Secrets(directory, randomness)
    found = {}
    for offset, name in enumerate(sorted(connectors)):
        if name not in set(names):
            continue
        place = SandboxPlace(
            webhooks=f"http://127.0.0.1:{settings.webhook_port}/webhooks",
            port=settings.simulator_port + offset,
            directory=directory,
            secret=secrets.get,
            token=randomness.token,
            uniform=randomness.uniform,
            now=clock.now,
        )
        found[name] = _load(connectors[name].sandbox)(place)
    return found


def refuse_real(data: Path) -> None:
    """Keep the sandbox away from a data directory with real customers in it.

    Raises:
        Misconfigured: The directory has seen real credentials.
    """
    if (data / REAL).exists():
        msg = "--sandbox: this data directory was used with real credentials; name the connectors to play, "
        raise Misconfigured([msg + "e.g. --sandbox=email, or give another directory with --data"])


def mark_real(data: Path) -> None:
    """Note that real credentials are used."""
    (data / REAL).touch(mode=0o600)


def _load(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)
