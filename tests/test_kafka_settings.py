"""How Kafka is reached: absent by default, every wrong knob named, no secret shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.configuration import configure
from hub.errors import Misconfigured
from hub.kafka_settings import load

SERVERS = {"HUB_KAFKA_BOOTSTRAP_SERVERS": "one.example:9092, two.example:9093"}


def test_without_a_word_there_is_no_kafka() -> None:
    assert load({"HUB_DATA": "x"}) is None


def test_servers_alone_are_enough() -> None:
    settings = load(SERVERS)

    assert settings is not None
    assert settings.bootstrap_servers == ("one.example:9092", "two.example:9093")
    assert (settings.replication, settings.topic("hub.log")) == (3, "hub.log")


def test_a_prefix_stands_before_every_topic() -> None:
    settings = load({**SERVERS, "HUB_KAFKA_TOPIC_PREFIX": "prueba."})

    assert settings is not None
    assert settings.topic("hub.log") == "prueba.hub.log"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"HUB_KAFKA_BOOTSTRAP_SERVERS": ""}, "HUB_KAFKA_BOOTSTRAP_SERVERS"),
        ({"HUB_KAFKA_BOOTSTRAP_SERVERS": "no-port"}, "such as kafka-1.example:9092"),
        ({"HUB_KAFKA_REPLICATION": "0"}, "HUB_KAFKA_REPLICATION"),
        ({"HUB_KAFKA_TOPIC_PREFIX": "a/b"}, "HUB_KAFKA_TOPIC_PREFIX"),
        ({"HUB_KAFKA_SASL_USERNAME": "hub"}, "HUB_KAFKA_SASL_PASSWORD_FILE go together"),
        ({"HUB_KAFKA_TLS_CA_FILE": "/x"}, "set HUB_KAFKA_TLS=true"),
        ({"HUB_KAFKA_TLS": "true", "HUB_KAFKA_TLS_KEY_FILE": "/x"}, "HUB_KAFKA_TLS_CERTIFICATE_FILE"),
        (
            {
                "HUB_KAFKA_SASL_MECHANISM": "PLAIN",
                "HUB_KAFKA_SASL_USERNAME": "hub",
                "HUB_KAFKA_SASL_PASSWORD_FILE": "/x",
            },
            "would show the password",
        ),
    ],
)
def test_a_wrong_knob_is_named_with_the_cure(more: dict[str, str], said: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        load(SERVERS | more)

    assert said in str(refused.value)


def test_a_slip_of_the_pen_is_no_setting() -> None:
    with pytest.raises(Misconfigured, match=r"did you mean HUB_KAFKA_REPLICATION\?"):
        configure({**SERVERS, "HUB_KAFKA_REPLICATON": "1"})


def test_everything_else_that_is_wrong_is_named_beside_it() -> None:
    with pytest.raises(Misconfigured) as refused:
        configure({"HUB_WEBHOOK_PORT": "x", "HUB_KAFKA_REPLICATION": "1"})

    assert {problem.partition(":")[0] for problem in refused.value.problems} == {
        "HUB_WEBHOOK_PORT",
        "HUB_KAFKA_BOOTSTRAP_SERVERS",
    }


def test_the_password_comes_from_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("a-password\n")
    secret.chmod(0o644)
    settings = load(
        SERVERS
        | {
            "HUB_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "HUB_KAFKA_SASL_USERNAME": "hub",
            "HUB_KAFKA_SASL_PASSWORD_FILE": str(secret),
        }
    )
    assert settings is not None

    with pytest.raises(Misconfigured, match="0600"):
        settings.password()
    secret.chmod(0o600)

    assert settings.password() == "a-password"
    assert "a-password" not in repr(settings)
