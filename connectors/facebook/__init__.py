"""Facebook pages: Messenger messages with comments come in, answers go out."""

from __future__ import annotations

from connectors._meta.signature import verify
from connectors.facebook.normalize import normalize
from connectors.facebook.settings import connect
from hub.contracts import Connector

CONNECTOR = Connector(
    name="facebook",
    channel="facebook",
    connect=connect,
    verify=verify,
    normalize=normalize,
    sandbox="connectors.facebook.sandbox:play",
)
