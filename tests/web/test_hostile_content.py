"""What was accepted can be looked at, however strange it is."""

from __future__ import annotations

import pytest

from hub.web.private import _names_us
from hub.web.views import _readable


@pytest.mark.parametrize("body", [b'{"text": "\\ud800"}', b"[" * 100_000, b"\xff\xfe no json", b""])
def test_any_body_can_be_shown(body: bytes) -> None:
    assert isinstance(_readable(body).encode(), bytes)


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("127.0.0.1:8321", True),
        ("localhost", True),
        ("[::1]:8321", True),
        ("127.0.0.1:evil.com", False),
        ("evil", False),
    ],
)
def test_the_private_listener_answers_to_its_own_name_only(host: str, ours: bool) -> None:  # noqa: FBT001
    assert _names_us({"headers": [(b"host", host.encode())]}) is ours
