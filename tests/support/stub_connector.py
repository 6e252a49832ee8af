"""A connector whose signature is the word ``good``, for tests of what all connectors share."""

from __future__ import annotations

from hub.contracts import Connector, Handshake, WebhookRequest, WebhookSecrets
from hub.errors import SignatureMismatch


def verify(request: WebhookRequest, secrets: WebhookSecrets) -> Handshake | None:
    """Believe whoever names one of the secrets; greet whoever GETs."""
    if request.method == "GET":
        return Handshake(200, request.query)
    if request.headers.get("x-signature", "").encode() not in secrets.signing:
        msg = "not one of ours"
        raise SignatureMismatch(msg)
    return None


def secrets() -> WebhookSecrets:
    """Return the secret that all tests know."""
    return WebhookSecrets(signing=(b"good",))


CONNECTOR = Connector(
    name="test",
    channel="whatsapp",
    connect=lambda _: None,
    verify=verify,
    normalize=lambda _: (),
    sandbox="",
)
PATH = "/webhooks/test/app"
