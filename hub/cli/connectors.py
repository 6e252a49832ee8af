"""Commands ``hub connectors …``: the channels as their providers see them."""

from __future__ import annotations

from hub.cli import subscriptions, templates
from hub.cli.options import group

app = group("connectors", "Channels as their providers see them.")
app.add_typer(templates.app)
subscriptions.add_to(app)
