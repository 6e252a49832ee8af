"""Plays every provider on loopback, with lasting secrets of its own."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hub.errors import Misconfigured

if TYPE_CHECKING:
    # Only for types: whoever asks for a simulator's port must not wait for the database library.
    from hub.contracts import Connector, Sandboxed
    from hub.ports import Clock, Randomness
    from hub.settings import HubSettings

REAL: Final = "real-credentials-were-used"
"""Marks a data directory whose hub has spoken with real providers."""


_LAST_PORT: Final = 65_535


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
            # A link never replaces: hub with simulators started at once must end with the same secret.
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(draft)
            draft.unlink()
        return path.read_text()


def simulator_port(settings: HubSettings, connectors: Iterable[str], name: str) -> int:
    """Return where a connector's simulator listens: one port each from ``simulator_port`` on, by name.

    Raises:
        Misconfigured: There are more simulators than ports.
    """
    port = settings.simulator_port + sorted(connectors).index(name)
    if port > _LAST_PORT:
        raise Misconfigured([f"HUB_SIMULATOR_PORT: leaves no port for the simulator of {name}; choose a lower one"])
    return port


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
    from hub.contracts import SandboxPlace

    unknown = sorted(set(names) - set(connectors))
    if unknown:
        known = ", ".join(sorted(connectors))
        raise Misconfigured([f"--sandbox={name}: there is no such connector; known are {known}" for name in unknown])
    directory = settings.data / "sandbox"
    secrets = Secrets(directory, randomness)
    found = {}
    for name in sorted(set(names)):
        place = SandboxPlace(
            webhooks=f"http://127.0.0.1:{settings.webhook_port}/webhooks",
            port=simulator_port(settings, connectors, name),
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
