"""One real Kafka broker (KRaft, a single node) that a test may stop, kill, freeze."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

from tests.support.hub_process import die_with_us
from tests.support.kafka import probe

_READY_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 20.0

# Time-outs this short let a killed broker be back within three seconds: the controller keeps a dead one
# registered until its session ends. One partition of the offsets topic keeps the first group's start fast.
_PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners={listeners},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={listeners},CONTROLLER://127.0.0.1:{controller}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
num.partitions=1
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
num.network.threads=2
num.io.threads=2
background.threads=2
broker.session.timeout.ms=1000
broker.heartbeat.interval.ms=200
log.cleaner.dedupe.buffer.size=4194304
"""
_LOGGING: Final = """\
status=WARN
appenders=c
appender.c.type=Console
appender.c.name=C
appender.c.layout.type=PatternLayout
appender.c.layout.pattern=%d{ISO8601} %p %c{1} %m%n
rootLogger.level=WARN
rootLogger.appenderRefs=c
rootLogger.appenderRef.c.ref=C
"""


class Broker:
    """A broker on loopback; it ends with the thread that started it, however that ends.

    Attributes:
        port: Where clients connect.
    """

    def __init__(self, libraries: Path, root: Path, ports: tuple[int, int], more: str = "", extra: str = "") -> None:
        """Write the configuration.

        Args:
            libraries: The folder with the jars.
            root: An empty folder of its own.
            ports: For clients, for the controller.
            more: Further listeners, comma before each.
            extra: Further lines of the configuration.
        """
        self.port, controller = ports
        self._libraries, self._root = libraries, root
        self._process: subprocess.Popen[bytes] | None = None
        root.mkdir(parents=True, exist_ok=True)
        self._properties = root / "server.properties"
        listeners = f"PLAINTEXT://127.0.0.1:{self.port}{more}"
        text = _PROPERTIES.format(listeners=listeners, controller=controller, data=root / "data")
        self._properties.write_text(text + extra)
        (root / "log4j2.properties").write_text(_LOGGING)

    @property
    def address(self) -> str:
        """What a client is given as bootstrap server."""
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What the broker has printed."""
        path = self._root / "broker.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def format(self, *arguments: str) -> None:
        """Prepare the empty storage.

        Raises:
            RuntimeError: The broker's own tool refused, with what it said.
        """
        # An id that begins with a dash would be taken for an option.
        cluster = "A" + base64.urlsafe_b64encode(os.urandom(16)).decode()[1:22]
        tool = ["kafka.tools.StorageTool", "format", "--standalone", "-t", cluster, "-c", str(self._properties)]
        done = subprocess.run([*self._java("64m"), *tool, *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stdout + done.stderr)

    def start(self, *, wait: bool = True) -> None:
        """Begin a life of the broker; it has what the life before was told."""
        if not (self._root / "data").exists():
            self.format()
        with (self._root / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._java("256m"), "kafka.Kafka", str(self._properties)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._root,
                start_new_session=True,
                preexec_fn=die_with_us,  # noqa: PLW1509 - it asks the kernel for one thing
            )
        if wait:
            self.wait_ready()

    def wait_ready(self) -> None:
        """Return once clients are served.

        Raises:
            RuntimeError: The broker ended, or did not serve in time, with the end of its log.
        """
        deadline = time.monotonic() + _READY_SECONDS
        while not probe.serves(self.port):
            if not self.alive or time.monotonic() > deadline:
                raise RuntimeError(self.log[-4000:])
            time.sleep(0.05)

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End the broker as its administrator would."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End the broker at once."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def freeze(self) -> None:
        """Let the broker stand still: connections stay, nothing answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen broker go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _java(self, heap: str) -> list[str]:
        quick = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Djava.awt.headless=true"]
        logging = f"-Dlog4j2.configurationFile={self._root / 'log4j2.properties'}"
        return ["java", f"-Xms{heap}", f"-Xmx{heap}", *quick, logging, "-cp", f"{self._libraries}/*"]
