"""Wiring of one hub process, from the environment."""

from __future__ import annotations

import ipaddress
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from hub.errors import Misconfigured

PREFIX: Final = "HUB_"
_POSTGRESQL: Final = re.compile(r"postgresql\+psycopg://[^/]*/[^/?]+(\?.+)?")


def _split(value: object) -> object:
    """Read a list as it stands in a variable: comma-separated."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        msg = "each entry is an address or a network, such as 10.0.0.5 or 10.0.0.0/24"
        raise ValueError(msg) from None
    return value


Ladder = Annotated[tuple[Annotated[float, Field(gt=0)], ...], BeforeValidator(_split), Field(min_length=1)]
Peers = Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], BeforeValidator(_split)]
Endings = Annotated[tuple[Annotated[str, Field(pattern="^[a-z0-9]{1,10}$")], ...], BeforeValidator(_split)]
Role = Literal["all", "intake", "receiver", "ingester", "worker", "effects", "console"]


class Waits(BaseModel):
    """Every wait of pipeline, timers or effects; harnesses shorten them by ``HUB_WAITS__…``."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    event_retry_seconds: Ladder = Field(
        default=(1, 10, 60, 300, 1800), description="Pauses between the attempts at one event; then a dead letter."
    )
    sweep_interval_seconds: float = Field(default=60, gt=0, description="How often each group looks for missed events.")
    sweep_age_seconds: float = Field(default=60, ge=0, description="How old an event is when a sweep may take it.")
    probe_seconds: float = Field(default=30, gt=0, description="First pause before a paused group tries one event.")
    probe_max_seconds: float = Field(default=900, gt=0, description="Longest pause between two such tries.")
    store_retry_seconds: float = Field(default=0.5, gt=0, description="Pause after the database could not serve.")
    provider_retry_seconds: Ladder = Field(
        default=(60, 300, 1800, 7200, 21600, 43200, 86400),
        description="Pauses between the attempts at one effect; the last repeats until its last useful instant.",
    )
    effect_useful_seconds: float = Field(default=259_200, gt=0, description="How long an effect is worth trying.")
    doubt_seconds: float = Field(default=120, gt=0, description="How long an unclear send may settle by itself.")
    breaker_seconds: float = Field(default=30, gt=0, description="First pause of an open circuit breaker.")
    breaker_max_seconds: float = Field(default=900, gt=0, description="Longest pause of an open circuit breaker.")
    lease_seconds: float = Field(default=60, gt=0, description="How long the lease on an asset lasts unrenewed.")
    file_retry_seconds: Ladder = Field(
        default=(10, 60, 300, 1800, 7200, 21600),
        description="Pauses between the attempts at one file; the last repeats until day 6.",
    )
    file_seconds: float = Field(default=300, gt=0, description="How long fetching one file may take.")
    account_check_seconds: float = Field(default=600, gt=0, description="How often providers are asked for our state.")
    effect_alarm_seconds: float = Field(default=900, gt=0, description="Age of an unsent effect that is an alarm.")
    report_seconds: float = Field(default=5, gt=0, description="How often a journal tells the database what it holds.")
    look_seconds: float = Field(default=0.25, gt=0, description="How often changes by other processes are looked for.")
    publish_seconds: float = Field(default=60, gt=0, description="Without an answer of Kafka a new producer is made.")
    publish_retry_seconds: float = Field(default=1, gt=0, description="Pause after Kafka could not serve the relay.")
    publish_look_seconds: float = Field(default=1, gt=0, description="How often the relay looks for what nobody told.")
    publish_stop_seconds: float = Field(default=5, gt=0, description="How long a stop waits for Kafka's answers.")
    kafka_poll_seconds: float = Field(default=0.05, gt=0, description="How long a group waits for notices at a time.")
    kafka_session_seconds: float = Field(default=10, gt=0, description="Silence after which a group's member is gone.")
    kafka_drain_seconds: float = Field(default=20, gt=0, description="How long a partition waits for its batch.")
    kafka_look_seconds: float = Field(default=1, gt=0, description="How often it is looked whether Kafka serves.")
    kafka_stall_seconds: float = Field(default=60, gt=0, description="Lag that stands still so long starts anew.")
    kafka_stop_seconds: float = Field(default=5, gt=0, description="How long a group may take to leave Kafka.")
    away_sweep_seconds: float = Field(default=1, gt=0, description="How often events are looked for without Kafka.")
    stop_seconds: float = Field(default=20, gt=0, description="How long a clean stop may take.")


class Limits(BaseModel):
    """What the intake accepts; change by ``HUB_LIMITS__…``."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    body_bytes: int = Field(default=4 * 1024 * 1024, gt=0, description="One body; Meta sends up to 3 MB.")
    bodies_in_flight_bytes: int = Field(default=64 * 1024 * 1024, gt=0, description="All bodies being received.")
    header_bytes: int = Field(default=16 * 1024, gt=0, description="Request line with all headers.")
    request_seconds: float = Field(default=10, gt=0, description="Headers or body, from the first byte to the last.")
    connections: int = Field(default=4096, gt=0, description="Open sockets; more are closed at once.")
    bad_signatures_burst: int = Field(default=100, gt=0, description="Failed signatures a source may send at once.")
    bad_signatures_per_second: float = Field(default=1, gt=0, description="How fast that allowance refills.")
    segment_bytes: int = Field(default=64 * 1024 * 1024, gt=0, description="Size at which a journal segment closes.")
    segment_keep_seconds: float = Field(default=86_400, ge=0, description="How long an ingested segment stays.")
    file_bytes: int = Field(default=100 * 1024 * 1024, gt=0, description="One file that came with a message.")
    suspicious_endings: Endings = Field(
        default=(), description="Files so named are set apart, beside all that runs or holds macros."
    )
    disk_free_bytes: int = Field(default=1024**3, ge=0, description="Free disk under which the intake answers 503.")


class HubSettings(BaseModel):
    """Where this process listens, where it keeps its data, which part of the hub it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    data: Path = Field(default=Path(".data"), description="Data directory, on a persistent local disk.")
    role: Role = Field(default="all", description="Which part of the hub this process is.")
    webhook_host: str = Field(default="127.0.0.1", description="Address of the public listener.")
    webhook_port: int = Field(default=8320, ge=1, le=65535, description="Port of the public listener.")
    private_host: str = Field(default="127.0.0.1", description="Address of pages, API, metrics; loopback only.")
    private_port: int = Field(default=8321, ge=1, le=65535, description="Port of pages, API, metrics.")
    simulator_port: int = Field(default=8322, ge=1, le=65535, description="Port of the sandbox's simulators.")
    postgresql_without_kafka: bool = Field(
        default=False, description="For tests alone: PostgreSQL with the bus of one process."
    )
    database_url: SecretStr | None = Field(
        default=None, description="postgresql+psycopg://user:password@host/database; left out for the embedded SQLite."
    )
    public_url: str | None = Field(
        default=None, pattern="^https?://[^/?#@ ]+(/[^?# ]*)?$", description="Address under which webhooks arrive."
    )
    media_dir: Path | None = Field(
        default=None, description="Where files of customers are kept; left out for media in the data directory."
    )
    trusted_proxies: Peers = Field(default=(), description="Addresses or networks whose X-Forwarded-For is believed.")
    waits: Waits = Waits()
    limits: Limits = Limits()

    @property
    def media(self) -> Path:
        """Where files of customers are kept."""
        return self.media_dir or self.data / "media"

    @property
    def handles(self) -> bool:
        """Whether this process runs the groups."""
        return self.role in {"all", "worker"}

    @property
    def calls(self) -> bool:
        """Whether this process makes the calls: on SQLite the one worker does, on PostgreSQL there is a role for it."""
        return self.role in {"all", "effects"} or (self.role == "worker" and self.database_url is None)

    @field_validator("private_host")
    @classmethod
    def _private_stays_private(cls, host: str) -> str:
        try:
            loopback = ipaddress.ip_address(host).is_loopback
        except ValueError:
            loopback = host == "localhost"
        if not loopback:
            msg = "HUB_PRIVATE_HOST must be a loopback address until sign-on exists; put a proxy with sign-on in front"
            raise ValueError(msg)
        return host

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        # The embedded database is the data directory's own: there is no other address to give it.
        if url is None:
            return url
        if not _POSTGRESQL.fullmatch(url.get_secret_value()):
            msg = "HUB_DATABASE_URL reads postgresql+psycopg://user:password@host:port/database"
            raise ValueError(msg)
        return url

    @model_validator(mode="after")
    def _sqlite_has_one_worker(self) -> Self:
        if self.role == "effects" and self.database_url is None:
            msg = "--role effects is for PostgreSQL (HUB_DATABASE_URL); on SQLite --role worker makes the calls, too"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        if len({self.webhook_port, self.private_port, self.simulator_port}) < 3:  # noqa: PLR2004
            msg = "HUB_WEBHOOK_PORT, HUB_PRIVATE_PORT, HUB_SIMULATOR_PORT must differ"
            raise ValueError(msg)
        return self


def nested(environ: Mapping[str, str], prefix: str) -> dict[str, Any]:
    """Return the variables under a prefix as a tree: ``A__B=c`` becomes ``{"a": {"b": "c"}}``.

    Raises:
        Misconfigured: A variable has both a value and variables under it.
    """
    tree: dict[str, Any] = {}
    for name, value in sorted(environ.items()):
        if not name.upper().startswith(prefix):
            continue
        *path, leaf = name.lower()[len(prefix) :].split("__")
        branch = tree
        for part in path:
            branch = branch.setdefault(part, {})
            if not isinstance(branch, dict):
                whole = name.upper().partition(f"{part}__".upper())[0] + part.upper()
                raise Misconfigured([f"{whole} has a value of its own beside {name}; leave {whole} out"])
        branch[leaf] = value
    return tree


def load(environ: Mapping[str, str], **given: object) -> HubSettings:
    """Read the process's settings.

    Args:
        environ: The environment; only ``HUB_…`` names of this class are looked at.
        given: Values from the command line; None means not given.

    Raises:
        Misconfigured: Naming every wrong variable at once.
    """
    values = {k: v for k, v in nested(environ, PREFIX).items() if k in HubSettings.model_fields}
    values |= {k: v for k, v in given.items() if v is not None}
    try:
        return HubSettings.model_validate(values)
    except ValidationError as error:
        raise Misconfigured(explain(error, PREFIX)) from None


def explain(error: ValidationError, prefix: str) -> list[str]:
    """Return one sentence for each wrong variable, without any value."""
    found = []
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        name = prefix + "__".join(str(part) for part in problem["loc"]).upper()
        text = problem["msg"].removeprefix("Value error, ")
        found.append(text if text.startswith(PREFIX) else f"{name}: {text}")
    return found


@dataclass
class SecretFile:
    """A secret kept in a file that only its owner can read, read again when it changes.

    One secret a line; the first two lines count, so that a new one can overlap the old.
    """

    path: Path
    _stamp: tuple[int, int] = (0, 0)
    _secrets: tuple[bytes, ...] = ()

    def current(self) -> tuple[bytes, ...]:
        """Return the active secrets.

        Raises:
            Misconfigured: The file is missing, empty, masked, or readable by others.
        """
        try:
            return self._read()
        except OSError as error:
            raise Misconfigured([f"{self.path.name}: cannot be read ({error.strerror})"]) from None

    def _read(self) -> tuple[bytes, ...]:
        found = self.path.stat()
        # The change time also tells of a mode that was opened to others.
        stamp = (found.st_ctime_ns, found.st_ino)
        if stamp != self._stamp:
            if stat.S_IMODE(found.st_mode) & 0o077:
                raise Misconfigured([f"{self.path.name}: others can read it; set its mode to 0600"])
            lines = [line.strip() for line in self.path.read_bytes().splitlines()]
            secrets = tuple(line for line in lines if line)[:2]
            if not secrets or any(set(secret) <= set(b"*") for secret in secrets):
                raise Misconfigured([f"{self.path.name}: holds no secret; put one a line into it"])
            self._stamp, self._secrets = stamp, secrets
        return self._secrets
