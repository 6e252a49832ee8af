"""Sees to it that one route alone speaks through each number or page (R-C7)."""

from __future__ import annotations

from collections.abc import Mapping

from hub.contracts import Connection


def doubled(connections: Mapping[str, Connection]) -> list[str]:
    """Return a sentence for each line that two routes speak through, naming both with the cure."""
    speakers: dict[str, list[str]] = {}
    for name, connection in connections.items():
        for asset, route in connection.assets.items():
            speakers.setdefault(route.line or f"{name}:{asset}", []).append(f"{name} ({route.slug})")
    return [
        f"{line} has two speaking routes, {' and '.join(routes)}: customers would be answered twice; "
        f"leave it out of the settings of one"
        for line, routes in sorted(speakers.items())
        if len(routes) > 1
    ]
