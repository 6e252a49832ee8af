"""Runs the test run's own broker until the run has ended, however it ends.

``python -m tests.support.kafka.keeper PID ANSWER``: keeps a broker while the process PID lives; the file ANSWER tells
its port, or why there is none.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.support.kafka import probe
from tests.support.kafka.absent import KafkaAbsent
from tests.support.kafka.broker import Broker
from tests.support.kafka.libraries import VERSION, libraries
from tests.support.ports import free_ports

_DOCKER_SECONDS: Final = 120.0


def main(owner: int, answer: Path) -> None:
    """Keep a broker while ``owner`` lives."""
    run = os.pidfd_open(owner)
    folder = Path(tempfile.mkdtemp(prefix="hub-kafka-"))
    broker: Broker | Container | None = None
    try:
        try:
            broker = _start(folder)
            _tell(answer, {"port": broker.port})
        except (KafkaAbsent, RuntimeError) as error:
            _tell(answer, {"absent": str(error)[-500:]})
            return
        select.select([run], [], [])
    finally:
        if broker is not None:
            broker.kill()
        shutil.rmtree(folder, ignore_errors=True)


class Container:
    """The same broker as a container; not to be stopped by tests."""

    def __init__(self) -> None:
        """Run it.

        Raises:
            KafkaAbsent: Docker is missing, or could not run it.
        """
        if shutil.which("docker") is None:
            msg = "there is no docker on PATH"
            raise KafkaAbsent(msg)
        (self.port,) = free_ports(1)
        self._name = f"hub-kafka-{os.getpid()}"
        listeners = f"PLAINTEXT://:{self.port},CONTROLLER://:9093"
        settings = {
            "KAFKA_NODE_ID": "1",
            "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_LISTENERS": listeners,
            "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{self.port}",
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
            "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "1",
            "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
            "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
        }
        given = [part for name, value in settings.items() for part in ("-e", f"{name}={value}")]
        publish = f"127.0.0.1:{self.port}:{self.port}"
        command = [
            "docker",
            "run",
            "--rm",
            "-d",
            "--name",
            self._name,
            "-p",
            publish,
            *given,
            f"apache/kafka:{VERSION}",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_DOCKER_SECONDS)
        if done.returncode != 0:
            msg = f"Docker could not run a broker: {done.stderr.strip()[-200:]}"
            raise KafkaAbsent(msg)
        signal.alarm(int(_DOCKER_SECONDS))
        while not probe.serves(self.port):
            select.select([], [], [], 0.2)
        signal.alarm(0)

    def kill(self) -> None:
        """Remove the container."""
        subprocess.run(["docker", "rm", "-f", self._name], capture_output=True, check=False)


def _start(folder: Path) -> Broker | Container:
    try:
        jars = libraries()
    except KafkaAbsent as reason:
        try:
            return Container()
        except KafkaAbsent as other:
            msg = f"{reason}; {other}"
            raise KafkaAbsent(msg) from None
    first, second = free_ports(2)
    broker = Broker(jars, folder, (first, second))
    broker.start()
    return broker


def _tell(answer: Path, what: dict[str, object]) -> None:
    part = answer.with_suffix(".part")
    part.write_text(json.dumps(what))
    part.rename(answer)


if __name__ == "__main__":
    # Ctrl-C is the run's: its end ends this process as well.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    main(int(sys.argv[1]), Path(sys.argv[2]))
