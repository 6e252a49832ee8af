"""Only requests that Meta made are taken for Meta's."""

from __future__ import annotations

import json

import pytest

from connectors._meta.signature import verify
from hub.contracts import Handshake, WebhookRequest, WebhookSecrets
from hub.errors import SignatureMismatch

# Facts 1.2: the vector, with the digests of what re-serialising makes of it.
BODY = (
    rb'{"object":"whatsapp_business_account","entry":[{"id":"123450000000001","changes":[{"field":"messages","value":'
    rb'{"messaging_product":"whatsapp","messages":[{"id":"wamid.HBgT1","type":"text","text":'
    rb'{"body":"Mu\u00f1oz \ud83d\ude00 a\/b"}}]}}]}]}'
)
GOOD = "f95014c1071ffbd623b8ae802384a278ea83418f8ff0b44310b4be76ef8f83b2"
RESERIALISED = "884be58d61efcd035f95c09ac8dc96fa5653ee4f6c5a95e16d18d149e88b9d8d"
UNESCAPED = "1d7e37966ab6a77ee153897cf9ee17ebd1fe95a848aeda2a61906121e9aa4db5"
SECRETS = WebhookSecrets(signing=(b"hub-test-app-secret-2026",), verify_token=b"word")


def post(header: str | None, body: bytes = BODY) -> WebhookRequest:
    headers = {} if header is None else {"x-hub-signature-256": header}
    return WebhookRequest("POST", "/webhooks/whatsapp/app", "", headers, body)


def get(query: str) -> WebhookRequest:
    return WebhookRequest("GET", "/webhooks/whatsapp/app", query, {}, b"")


def test_the_wire_bytes_prove_themselves() -> None:
    assert len(BODY) == 242
    assert verify(post(f"sha256={GOOD}"), SECRETS) is None


def test_while_a_secret_is_replaced_either_one_proves() -> None:
    both = WebhookSecrets(signing=(b"new", *SECRETS.signing))

    assert verify(post(f"sha256={GOOD}"), both) is None


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        GOOD,
        f"sha1={GOOD[:40]}",
        f"sha256={GOOD.upper()}",
        f"SHA256={GOOD}",
        f"sha256={GOOD[:-1]}",
        f"sha256={GOOD}0",
        f"sha256={GOOD}\n",
        f" sha256={GOOD}",
        f"sha256={GOOD}, sha256={RESERIALISED}",
        f"sha256={RESERIALISED}",
        f"sha256={UNESCAPED}",
        "sha256=" + "0" * 64,
        "sha256=" + "é" * 64,
    ],
)
def test_anything_else_in_the_header_is_refused(header: str | None) -> None:
    with pytest.raises(SignatureMismatch):
        verify(post(header), SECRETS)


def test_each_changed_byte_is_refused() -> None:
    for place in range(len(BODY)):
        changed = bytearray(BODY)
        changed[place] ^= 1
        with pytest.raises(SignatureMismatch):
            verify(post(f"sha256={GOOD}", bytes(changed)), SECRETS)


def test_json_written_again_is_refused() -> None:
    with pytest.raises(SignatureMismatch):
        verify(post(f"sha256={GOOD}", json.dumps(json.loads(BODY), separators=(",", ":")).encode()), SECRETS)


@pytest.mark.parametrize("signing", [(), (b"",), (b"another app's secret",)])
def test_without_the_right_secret_nothing_is_proven(signing: tuple[bytes, ...]) -> None:
    with pytest.raises(SignatureMismatch):
        verify(post(f"sha256={GOOD}"), WebhookSecrets(signing=signing))


def test_the_handshake_gives_the_challenge_back() -> None:
    answer = verify(get("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=word"), SECRETS)

    assert answer == Handshake(status=200, body="1158201444")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=other",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=",
        "hub.mode=subscribe&hub.challenge=1",
        "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=word",
        "hub.mode=subscribe&hub.challenge=%3Cb%3E&hub.verify_token=word",
        "hub.mode=subscribe&hub.challenge=&hub.verify_token=word",
        "hub.mode=subscribe&hub.challenge=" + "1" * 257 + "&hub.verify_token=word",
        "hub.mode=subscribe&hub.challenge=1&hub.challenge=2&hub.verify_token=word",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=word&hub.verify_token=other",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=%FF%ED",
        "&".join(f"a{n}=1" for n in range(50)),
    ],
)
def test_any_other_handshake_is_refused(query: str) -> None:
    with pytest.raises(SignatureMismatch):
        verify(get(query), SECRETS)


def test_a_hub_without_verify_token_takes_no_handshake() -> None:
    with pytest.raises(SignatureMismatch):
        verify(get("hub.mode=subscribe&hub.challenge=1&hub.verify_token="), WebhookSecrets(signing=(b"x",)))


def test_other_methods_are_refused() -> None:
    with pytest.raises(SignatureMismatch):
        verify(WebhookRequest("PUT", "/", "", {"x-hub-signature-256": f"sha256={GOOD}"}, BODY), SECRETS)
