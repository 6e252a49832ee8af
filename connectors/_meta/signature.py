"""Proves who sent a request: Meta to us, the app to Meta."""

from __future__ import annotations

import hmac
import re
from typing import Final
from urllib.parse import parse_qs

from hub.contracts import Handshake, WebhookRequest, WebhookSecrets
from hub.errors import SignatureMismatch

HEADER: Final = "x-hub-signature-256"
_SIGNATURE: Final = re.compile(r"sha256=([0-9a-f]{64})", re.ASCII)
_CHALLENGE: Final = re.compile(r"[0-9A-Za-z_-]{1,256}", re.ASCII)
_MAX_FIELDS: Final = 20


def verify(request: WebhookRequest, secrets: WebhookSecrets) -> Handshake | None:
    """Check one request; a GET is Meta's check of our address, a POST is signed.

    Returns:
        The answer to a GET, None for a POST that is genuine.

    Raises:
        SignatureMismatch: Anything else.

    Source: https://developers.facebook.com/docs/graph-api/webhooks/getting-started
    """
    if request.method == "GET":
        return _handshake(request.query, secrets.verify_token)
    if request.method != "POST":
        msg = "neither a handshake nor a signed delivery"
        raise SignatureMismatch(msg)
    check_signature(request.body, request.headers.get(HEADER), secrets.signing)
    return None


def check_signature(body: bytes, header: str | None, secrets: tuple[bytes, ...]) -> None:
    """Check ``X-Hub-Signature-256`` over the body exactly as it came in.

    Args:
        body: Raw bytes. JSON written again does not match: Meta escapes every non-ASCII character with some others.
        header: ``sha256=`` with 64 lower-case hex digits, or None when absent.
        secrets: App secrets, any of which may have signed.

    Raises:
        SignatureMismatch: The header is absent, malformed or wrong, or there is no secret to check with.
    """
    found = _SIGNATURE.fullmatch(header or "")
    if found is None:
        msg = "X-Hub-Signature-256 is missing or malformed"
        raise SignatureMismatch(msg)
    given = found.group(1)
    # Every secret is tried whatever the first one says, so that time tells nothing about which of them is in use.
    matches = [hmac.compare_digest(hmac.digest(key, body, "sha256").hex(), given) for key in secrets if key]
    if not any(matches):
        msg = "X-Hub-Signature-256 does not match"
        raise SignatureMismatch(msg)


def sign(body: bytes, app_secret: bytes) -> str:
    """Return the value of ``X-Hub-Signature-256`` that Meta would send."""
    return "sha256=" + hmac.digest(app_secret, body, "sha256").hex()


def proof(app_secret: bytes, token: bytes) -> str:
    """Return ``appsecret_proof``: it shows that the token is used by its own app.

    Source: META-GRAPH ``guides/secure-requests``; it goes into the query string, nowhere else.
    """
    return hmac.digest(app_secret, token, "sha256").hex()


def _handshake(query: str, verify_token: bytes | None) -> Handshake:
    try:
        fields = parse_qs(query, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        fields = {}
    mode, token, challenge = (
        found[0] if len(found := fields.get(name, [])) == 1 else ""
        for name in ("hub.mode", "hub.verify_token", "hub.challenge")
    )
    known = verify_token or b""
    right = hmac.compare_digest(token.encode("utf-8", "replace"), known) and bool(known)
    # The challenge is sent back as it came: anything but a plain word could be markup.
    if not right or mode != "subscribe" or not _CHALLENGE.fullmatch(challenge):
        msg = "the handshake does not carry our verify token"
        raise SignatureMismatch(msg)
    return Handshake(status=200, body=challenge)
