"""The Kafka libraries weigh on nobody who does not use them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hub.errors import Misconfigured
from tests.support.embedded_hub import embedded_hub

LOADED = "print(sorted({name.partition('.')[0] for name in sys.modules} & {'aiokafka', 'faststream'}))"


def loaded_after(imports: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys, {imports}; {LOADED}"], capture_output=True, text=True, check=True
    )
    return ran.stdout.strip()


@pytest.mark.parametrize("module", ["hub.bootstrap", "hub.cli.serve", "hub.publishing", "hub.pipeline.relay"])
def test_a_hub_without_kafka_does_not_load_them(module: str) -> None:
    assert loaded_after(module) == "[]"


def test_the_relay_needs_no_faststream() -> None:
    assert loaded_after("hub.bus.kafka.publisher") == "['aiokafka']"


async def test_a_certificate_that_cannot_be_read_refuses_the_start(tmp_path: Path) -> None:
    wrong = {
        "HUB_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
        "HUB_KAFKA_TLS": "true",
        "HUB_KAFKA_TLS_CA_FILE": str(tmp_path / "no.pem"),
    }
    with pytest.raises(Misconfigured, match="HUB_KAFKA_TLS_CA_FILE"):
        async with embedded_hub(tmp_path / "data", more_environment=wrong):
            pass


async def test_a_hub_without_kafka_publishes_nothing(tmp_path: Path) -> None:
    async with embedded_hub(tmp_path / "data") as hub:
        assert hub.hub.relay is None
        assert [task.get_name() for task in hub.hub.tasks if task.get_name() == "relay"] == []
