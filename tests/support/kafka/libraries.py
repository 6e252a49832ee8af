"""Fetches Apache Kafka's jars through Maven, once a checkout."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.support.kafka.absent import KafkaAbsent

VERSION: Final = "4.4.0"
_MAVEN_SECONDS: Final = 300.0
_ROOT: Final = Path(__file__).parents[3]

# log4j-slf4j-impl, not log4j-slf4j2-impl: Kafka 4.4 ships slf4j-api 1.7; without a binding it logs nothing.
_POM: Final = f"""\
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>exsim.hub.tests</groupId><artifactId>kafka-broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.5</version>
    </dependency>
  </dependencies>
</project>
"""


def libraries() -> Path:
    """Return the folder with the broker's jars, fetching them when they are not there yet.

    ``HUB_TEST_SERVICES`` names the folder that keeps them, ``.services`` of the checkout by default.

    Raises:
        KafkaAbsent: Java or Maven is missing, or Maven could not fetch them.
    """
    if shutil.which("java") is None:
        msg = "there is no java on PATH"
        raise KafkaAbsent(msg)
    place = Path(os.environ.get("HUB_TEST_SERVICES", _ROOT / ".services")).absolute() / f"kafka-{VERSION}"
    place.mkdir(parents=True, exist_ok=True)
    with (place / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Copying is not atomic: the stamp is written last.
        if not (place / ".done").exists():
            _fetch(place)
            (place / ".done").touch()
    return place


def _fetch(place: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        msg = "there is no mvn on PATH to fetch the broker with"
        raise KafkaAbsent(msg)
    pom = place / "pom.xml"
    pom.write_text(_POM)
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={place}", "-DincludeScope=runtime"]
    try:
        done = subprocess.run(
            [maven, "-q", "-B", "-f", str(pom), *goal],
            capture_output=True,
            text=True,
            timeout=_MAVEN_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        msg = f"Maven did not fetch the broker within {_MAVEN_SECONDS:g} s"
        raise KafkaAbsent(msg) from None
    if done.returncode != 0:
        told = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line]
        msg = f"Maven could not fetch the broker: {told[0] if told else 'it said nothing'}"
        raise KafkaAbsent(msg)
