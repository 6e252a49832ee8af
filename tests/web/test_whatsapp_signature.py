"""WhatsApp's signature at the door: over the raw bytes, with no way around it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors.whatsapp import CONNECTOR
from hub.errors import Misconfigured
from hub.telemetry import metrics
from tests.support.counts import counted
from tests.web.conftest import Serve, Site

PATH = "/webhooks/whatsapp/main"
SECRET = b"0123456789abcdef0123456789abcdef"
BODY = '{"object":"whatsapp_business_account","entry":[{"text":"\\u00e1 ni\\u00f1o \\/ 👍"}]}'.encode()


def environment(tmp_path: Path) -> dict[str, str]:
    """Return working credentials."""
    secret = tmp_path / "app.secret"
    secret.touch(mode=0o600)
    secret.write_bytes(SECRET + b"\n")
    return {
        "HUB_WHATSAPP__MAIN__APP_SECRET_FILE": str(secret),
        "HUB_WHATSAPP__MAIN__ACCESS_TOKEN": "token",
        "HUB_WHATSAPP__MAIN__VERIFY_TOKEN": "a long random word",
        "HUB_WHATSAPP__MAIN__NUMBERS__SUPPORT": "123456789",
    }


@pytest.fixture
async def site(serve: Serve, tmp_path: Path) -> AsyncIterator[Site]:  # type: ignore[override, unused-ignore]
    connection = CONNECTOR.connect(environment(tmp_path))
    assert connection is not None
    async with serve(CONNECTOR, PATH, connection.secrets["main"], bad_signatures_burst=10_000) as site:
        yield site


def signed(body: bytes, *headers: bytes) -> bytes:
    """Return a request with these headers."""
    lines = [b"POST %s HTTP/1.1" % PATH.encode(), b"Host: hub", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def signature(body: bytes, secret: bytes = SECRET, method: str = "sha256") -> bytes:
    """Return the header that Meta would send."""
    return b"X-Hub-Signature-256: %s=%s" % (method.encode(), hmac.new(secret, body, method).hexdigest().encode())


@pytest.mark.feature("SE-01", part="whatsapp")
async def test_a_genuine_body_passes_as_it_was_sent(site: Site) -> None:
    for body in (BODY, b"", b"\xff\x00 not even text", b"x" * 3_000_000):
        assert (await site.ask(signed(body, signature(body)))).status == 200

    assert site.kept() == [BODY, b"", b"\xff\x00 not even text", b"x" * 3_000_000]


@pytest.mark.feature("SE-01", part="whatsapp")
async def test_any_changed_byte_is_401_with_a_count(site: Site) -> None:
    refused = metrics.refused.labels("whatsapp", "signature")
    before = counted(refused)

    for index in range(len(BODY)):
        changed = BODY[:index] + bytes([BODY[index] ^ 1]) + BODY[index + 1 :]
        assert (await site.ask(signed(changed, signature(BODY)))).status == 401

    assert counted(refused) == before + len(BODY)
    assert site.kept() == []


@pytest.mark.feature("SE-01", part="whatsapp")
async def test_nothing_but_the_right_header_will_do(site: Site) -> None:
    right = signature(BODY)
    wrong: list[tuple[bytes, ...]] = [
        (),
        (right[:-1],),
        (right + b"0",),
        (b"X-Hub-Signature-256:",),
        (right.replace(b"sha256=", b""),),
        (right.replace(b"sha256=", b"SHA256="),),
        (right[:28] + right[28:].upper(),),
        (signature(BODY, method="sha1"),),
        (signature(BODY, b"another app's secret"),),
        (signature(BODY, b""),),
        (b"X-Hub-Signature-256: sha256=" + b"\xe9" * 64,),
        (b"X-Hub-Signature-256: sha256=" + "\u0660".encode() * 64,),
        (b"X-Hub-Signature: " + right.partition(b": ")[2],),
        (right, right),
        (right, signature(BODY, b"other")),
        (signature(BODY, b"other"), right),
        (b"X-Hub-Signature-256: sha256=" + hashlib.sha256(SECRET + BODY).hexdigest().encode(),),
    ]

    statuses = [(await site.ask(signed(BODY, *headers))).status for headers in wrong]

    assert set(statuses) <= {400, 401}, statuses
    assert site.kept() == []


@pytest.mark.feature("SE-01", part="whatsapp")
@pytest.mark.parametrize("how", ["absent", "empty", "masked", "no file", "readable by others"])
def test_without_a_secret_the_hub_does_not_start(tmp_path: Path, how: str) -> None:
    environ = environment(tmp_path)
    name, file = "HUB_WHATSAPP__MAIN__APP_SECRET", tmp_path / "app.secret"
    match how:
        case "absent":
            del environ[f"{name}_FILE"]
        case "empty":
            file.write_bytes(b"\n")
        case "masked":
            file.write_bytes(b"******\n")
        case "no file":
            file.unlink()
        case _:
            file.chmod(0o644)

    with pytest.raises(Misconfigured, match=name):
        CONNECTOR.connect(environ)


async def test_a_secret_lost_later_is_503_until_it_is_back(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "app.secret"
    file.rename(tmp_path / "away")
    lost = await site.ask(signed(BODY, signature(BODY)))
    (tmp_path / "away").rename(file)

    assert (lost.status, lost.headers["retry-after"]) == (503, "5")
    assert (await site.ask(signed(BODY, signature(BODY)))).status == 200


async def test_a_new_secret_counts_beside_the_old_without_a_restart(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "app.secret"
    new = b"fedcba9876543210"

    async def statuses() -> list[int]:
        return [(await site.ask(signed(BODY, signature(BODY, secret)))).status for secret in (SECRET, new)]

    assert await statuses() == [200, 401]
    file.write_bytes(new + b"\n" + SECRET + b"\n")
    assert await statuses() == [200, 200]
    file.write_bytes(new + b"\n")
    assert await statuses() == [401, 200]
