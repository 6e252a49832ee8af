"""Settings: shipped values, every wrong knob at once, secrets that change under a running hub."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hub.errors import Misconfigured
from hub.settings import Limits, SecretFile, Waits, load


def test_the_shipped_waits_are_those_of_the_architecture() -> None:
    assert Waits().model_dump() == {
        "event_retry_seconds": (1, 10, 60, 300, 1800),
        "sweep_interval_seconds": 60,
        "sweep_age_seconds": 60,
        "probe_seconds": 30,
        "probe_max_seconds": 900,
        "store_retry_seconds": 0.5,
        "provider_retry_seconds": (60, 300, 1800, 7200, 21600, 43200, 86400),
        "effect_useful_seconds": 3 * 86400,
        "effect_alarm_seconds": 900,
        "doubt_seconds": 120,
        "report_seconds": 5,
        "breaker_seconds": 30,
        "breaker_max_seconds": 900,
        "lease_seconds": 60,
        "file_retry_seconds": (10, 60, 300, 1800, 7200, 21600),
        "file_seconds": 300,
        "account_check_seconds": 600,
        "look_seconds": 0.25,
        "publish_seconds": 60,
        "publish_retry_seconds": 1,
        "publish_look_seconds": 1,
        "publish_stop_seconds": 5,
        "kafka_poll_seconds": 0.05,
        "kafka_session_seconds": 10,
        "kafka_drain_seconds": 20,
        "kafka_look_seconds": 1,
        "kafka_stall_seconds": 60,
        "kafka_stop_seconds": 5,
        "away_sweep_seconds": 1,
        "stop_seconds": 20,
    }


def test_the_shipped_limits_are_those_of_the_architecture() -> None:
    assert Limits().model_dump() == {
        "body_bytes": 4 * 1024**2,
        "bodies_in_flight_bytes": 64 * 1024**2,
        "header_bytes": 16 * 1024,
        "request_seconds": 10,
        "connections": 4096,
        "bad_signatures_burst": 100,
        "bad_signatures_per_second": 1,
        "segment_bytes": 64 * 1024**2,
        "segment_keep_seconds": 86_400,
        "disk_free_bytes": 1024**3,
        "file_bytes": 100 * 1024 * 1024,
        "suspicious_endings": (),
    }


def test_variables_override_what_is_shipped() -> None:
    settings = load(
        {
            "HUB_DATA": "elsewhere",
            "HUB_WAITS__EVENT_RETRY_SECONDS": "0.1, 0.2",
            "HUB_LIMITS__BODY_BYTES": "1000",
            "HUB_TRUSTED_PROXIES": "10.0.0.5, 10.1.0.0/16,",
            "HUB_WHATSAPP__APP__APP_SECRET": "another's",
            "PATH": "/bin",
        },
        webhook_port=9000,
        private_port=None,
    )

    assert settings.data == Path("elsewhere")
    assert settings.waits.event_retry_seconds == (0.1, 0.2)
    assert settings.waits.probe_seconds == 30
    assert settings.limits.body_bytes == 1000
    assert settings.trusted_proxies == ("10.0.0.5", "10.1.0.0/16")
    assert (settings.webhook_port, settings.private_port) == (9000, 8321)


def test_every_wrong_knob_is_named_at_once_without_its_value() -> None:
    with pytest.raises(Misconfigured) as caught:
        load(
            {
                "HUB_WEBHOOK_PORT": "canary",
                "HUB_ROLE": "canary",
                "HUB_WAITS__LOOK_SECONDS": "-1",
                "HUB_WAITS__EVENT_RETRY_SECONDS": "1,canary",
                "HUB_WAITS__PROVIDER_RETRY_SECONDS": ",",
                "HUB_LIMITS__CANARY": "1",
                "HUB_TRUSTED_PROXIES": "proxy.example",
            }
        )

    for name in (
        "HUB_WEBHOOK_PORT",
        "HUB_ROLE",
        "HUB_WAITS__LOOK_SECONDS",
        "HUB_WAITS__EVENT_RETRY_SECONDS",
        "HUB_WAITS__PROVIDER_RETRY_SECONDS",
        "HUB_LIMITS__CANARY",
        "HUB_TRUSTED_PROXIES",
    ):
        assert any(problem.startswith(name) for problem in caught.value.problems), name
    assert "canary" not in str(caught.value)
    assert "proxy.example" not in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        ({"HUB_PRIVATE_HOST": "0.0.0.0"}, "HUB_PRIVATE_HOST must be a loopback address"),  # noqa: S104
        ({"HUB_PRIVATE_HOST": "example.org"}, "HUB_PRIVATE_HOST must be a loopback address"),
        ({"HUB_DATABASE_URL": "postgresql://x"}, "HUB_DATABASE_URL"),
        ({"HUB_PRIVATE_PORT": "8320"}, "must differ"),
        ({"HUB_WAITS": "5", "HUB_WAITS__LOOK_SECONDS": "1"}, "HUB_WAITS has a value of its own"),
        ({"HUB_WAITS": "5"}, "HUB_WAITS"),
        ({"HUB_WEBHOOK_PORT__X": "5"}, "HUB_WEBHOOK_PORT"),
    ],
)
def test_what_cannot_be_meant_is_refused(environ: dict[str, str], problem: str) -> None:
    with pytest.raises(Misconfigured, match=problem):
        load(environ)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_the_private_listener_may_be_on_any_loopback(host: str) -> None:
    assert load({"HUB_PRIVATE_HOST": host}).private_host == host


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "app.secret"
    path.touch(mode=0o600)
    path.write_bytes(b"first\n")
    return path


def test_a_secret_that_changes_is_read_again(secret: Path) -> None:
    file = SecretFile(secret)
    assert file.current() == (b"first",)

    draft = secret.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_bytes(b"\n second \nfirst\nforgotten\n")
    draft.replace(secret)

    assert file.current() == (b"second", b"first"), "the new one beside the old, no third"


def test_a_secret_is_not_read_twice_for_nothing(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = SecretFile(secret)
    file.current()
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("read again"))

    assert file.current() == (b"first",)


def test_a_secret_that_others_can_read_is_refused_even_later(secret: Path) -> None:
    file = SecretFile(secret)
    file.current()
    secret.chmod(0o640)

    with pytest.raises(Misconfigured, match=r"app\.secret: others can read it; set its mode to 0600"):
        file.current()


@pytest.mark.parametrize("content", [b"", b"\n \n", b"********", b"new\n***\n"])
def test_what_is_no_secret_is_refused(secret: Path, content: bytes) -> None:
    secret.write_bytes(content)

    with pytest.raises(Misconfigured, match="holds no secret") as caught:
        SecretFile(secret).current()
    assert "new" not in str(caught.value)


def test_a_secret_that_is_gone_is_named_not_shown(secret: Path) -> None:
    file = SecretFile(secret)
    file.current()
    secret.unlink()
    with pytest.raises(Misconfigured, match=r"app\.secret: cannot be read"):
        file.current()
    secret.mkdir(mode=0o700)
    with pytest.raises(Misconfigured, match=r"app\.secret: cannot be read"):
        file.current()
    assert os.fspath(secret.parent) not in str(caught_text(file))


def caught_text(file: SecretFile) -> str:
    """Return what an operator is told."""
    try:
        file.current()
    except Misconfigured as error:
        return str(error)
    return ""
