"""WhatsApp Business Cloud API: webhooks come in, messages go out."""

from __future__ import annotations

from connectors._meta.signature import verify
from connectors.whatsapp.normalize import normalize
from connectors.whatsapp.settings import connect
from hub.contracts import Connector

CONNECTOR = Connector(
    name="whatsapp",
    channel="whatsapp",
    connect=connect,
    verify=verify,
    normalize=normalize,
    sandbox="connectors.whatsapp.sandbox:play",
)
