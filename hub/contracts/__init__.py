"""What the author of a plug-in reads: the shapes of connectors, of handlers."""

from hub.contracts.connector import AssetRoute, Connection, Connector, Sandboxed, SandboxPlace, Simulator
from hub.contracts.handler import Handler, Ports
from hub.contracts.inbound import (
    Alias,
    Handshake,
    Ignored,
    Item,
    MessageItem,
    Normalize,
    Party,
    RawDelivery,
    RefusedItem,
    StatusItem,
    WebhookRequest,
    WebhookSecrets,
)
from hub.contracts.outbound import Accepted, NotTaken, OutboundCall, Outcome, Rejected, Sender, Unclear

__all__ = [
    "Accepted",
    "Alias",
    "AssetRoute",
    "Connection",
    "Connector",
    "Handler",
    "Handshake",
    "Ignored",
    "Item",
    "MessageItem",
    "Normalize",
    "NotTaken",
    "OutboundCall",
    "Outcome",
    "Party",
    "Ports",
    "RawDelivery",
    "RefusedItem",
    "Rejected",
    "SandboxPlace",
    "Sandboxed",
    "Sender",
    "Simulator",
    "StatusItem",
    "Unclear",
    "WebhookRequest",
    "WebhookSecrets",
]
