"""The hub proves who it is by SCRAM over TLS, to a real broker that asks for it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.bus.kafka import topics
from hub.bus.kafka.bus import KafkaBus
from hub.errors import BrokerUnavailable, Misconfigured
from hub.kafka_settings import KafkaSettings, load
from hub.ports import Subscription
from hub.system import SystemClock
from schemas.operations import PolicyChanged
from tests.contracts.event_bus.workshop import eventually
from tests.kafka.test_bus import SWIFT, Place
from tests.kafka.test_publishing import relaying
from tests.support.kafka import Broker, KafkaPlace
from tests.support.kafka.absent import KafkaAbsent, give_up
from tests.support.kafka.libraries import libraries
from tests.support.ports import free_ports
from tests.support.stores import migrated_store

pytestmark = pytest.mark.kafka

PASSWORD = "una-contraseña-de-prueba"


@dataclass(frozen=True)
class Guarded:
    """A broker that lets nobody in without a password over TLS."""

    environment: dict[str, str]

    def settings(self, **more: str) -> KafkaSettings:
        """Return how the hub is told of it."""
        settings = load(self.environment | {f"HUB_KAFKA_{name.upper()}": value for name, value in more.items()})
        assert settings is not None
        return settings


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    try:
        jars = libraries()
    except KafkaAbsent as reason:
        give_up(str(reason))
    certificate, store = _certificate(folder)
    plain, controller, port = free_ports(3)
    extra = f"""
ssl.keystore.location={store}
ssl.keystore.type=PKCS12
ssl.keystore.password=changeit
ssl.key.password=changeit
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
"""
    broker = Broker(jars, folder / "kafka", (plain, controller), f",SASL_SSL://127.0.0.1:{port}", extra)
    broker.format("--add-scram", f"SCRAM-SHA-512=[name=hub,password={PASSWORD}]")
    broker.start()
    secret = folder / "password"
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o600)
    try:
        yield Guarded(
            {
                "HUB_KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{port}",
                "HUB_KAFKA_REPLICATION": "1",
                "HUB_KAFKA_TLS": "true",
                "HUB_KAFKA_TLS_CA_FILE": str(certificate),
                "HUB_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
                "HUB_KAFKA_SASL_USERNAME": "hub",
                "HUB_KAFKA_SASL_PASSWORD_FILE": str(secret),
            }
        )
    finally:
        broker.kill()


def _certificate(folder: Path) -> tuple[Path, Path]:
    store, certificate = folder / "broker.p12", folder / "broker.pem"
    common = ["-alias", "broker", "-keystore", str(store), "-storetype", "PKCS12", "-storepass", "changeit"]
    make = ["-genkeypair", "-keyalg", "RSA", "-dname", "CN=127.0.0.1", "-ext", "san=ip:127.0.0.1", "-validity", "2"]
    for words in ([*make, *common], ["-exportcert", "-rfc", "-file", str(certificate), *common]):
        subprocess.run(["keytool", *words], check=True, capture_output=True)
    return certificate, store


async def test_topics_relay_with_groups_work_over_it(guarded: Guarded, tmp_path: Path) -> None:
    settings = guarded.settings(topic_prefix="seguro.")
    await topics.apply(settings)
    async with migrated_store(tmp_path) as store:
        place = Place(store, KafkaPlace(settings.bootstrap_servers[0]))
        told: list[str] = []

        async def work(keys: object) -> None:
            told.extend(keys)  # type: ignore[arg-type]

        bus = KafkaBus(store, settings, SystemClock(), SWIFT)
        bus.subscribe(Subscription("group", frozenset({PolicyChanged.TYPE}), work))
        await bus.start()
        async with relaying(store, settings):
            keys = await place.state(10)

            async def all_told() -> bool:
                return set(keys) <= set(told)

            await eventually(all_told, "the notices came")
        await bus.stop()


@pytest.mark.parametrize("wrong", ["password", "user", "authority", "plain text"])
async def test_who_is_not_let_in_is_told_so_without_the_password(guarded: Guarded, tmp_path: Path, wrong: str) -> None:
    secret = tmp_path / "wrong"
    secret.write_text("not-" + PASSWORD)
    secret.chmod(0o600)
    settings = {
        "password": lambda: guarded.settings(sasl_password_file=str(secret)),
        "user": lambda: guarded.settings(sasl_username="somebody"),
        "authority": lambda: guarded.settings().model_copy(update={"tls_ca_file": None}),
        "plain text": lambda: guarded.settings().model_copy(update={"tls": False}),
    }[wrong]()

    with pytest.raises(BrokerUnavailable) as refused:
        async with asyncio.timeout(60):
            await topics.apply(settings, only_look=True, seconds=5)

    assert PASSWORD not in str(refused.value)
    assert "HUB_KAFKA_" in str(refused.value)


async def test_a_certificate_that_is_none_is_a_wrong_knob(guarded: Guarded, tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("nothing")

    with pytest.raises(Misconfigured, match="HUB_KAFKA_TLS_CA_FILE"):
        await topics.apply(guarded.settings(tls_ca_file=str(tmp_path / "no.pem")), only_look=True)
