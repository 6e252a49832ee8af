"""How this process reaches Kafka, from the environment."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from hub.errors import Misconfigured
from hub.settings import SecretFile, explain, nested

PREFIX: Final = "HUB_KAFKA_"

Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _server(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal():
        msg = "each entry is a host with its port, such as kafka-1.example:9092"
        raise ValueError(msg)
    return value


Servers = Annotated[tuple[Annotated[str, AfterValidator(_server)], ...], BeforeValidator(_split), Field(min_length=1)]


class KafkaSettings(BaseModel):
    """Where Kafka is, how it is spoken to. Without bootstrap servers the hub uses no Kafka."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    bootstrap_servers: Servers = Field(description="Brokers to ask first, comma-separated, each host:port.")
    topic_prefix: str = Field(
        default="", max_length=100, pattern=r"^[A-Za-z0-9._-]*$", description="Before each topic's, each group's name."
    )
    replication: int = Field(default=3, ge=1, le=9, description="Copies of each topic that hub topics apply makes.")
    max_message_bytes: int = Field(
        default=1024 * 1024, ge=1024, description="Largest record; a larger copy is a dead letter."
    )
    tls: bool = Field(default=False, description="Encrypt the connections.")
    tls_ca_file: Path | None = Field(default=None, description="Certificates to trust instead of the system's.")
    tls_certificate_file: Path | None = Field(default=None, description="The hub's own certificate, where asked for.")
    tls_key_file: Path | None = Field(default=None, description="Key of that certificate.")
    sasl_mechanism: Mechanism | None = Field(default=None, description="How the hub proves who it is.")
    sasl_username: str | None = Field(default=None, min_length=1, description="As whom.")
    sasl_password_file: Path | None = Field(default=None, description="File of mode 0600 with the password.")

    @model_validator(mode="after")
    def _security_is_whole(self) -> Self:
        login = (self.sasl_mechanism, self.sasl_username, self.sasl_password_file)
        if any(part is not None for part in login) and None in login:
            msg = "HUB_KAFKA_SASL_MECHANISM, HUB_KAFKA_SASL_USERNAME, HUB_KAFKA_SASL_PASSWORD_FILE go together"
            raise ValueError(msg)
        if (self.tls_certificate_file is None) != (self.tls_key_file is None):
            msg = "HUB_KAFKA_TLS_CERTIFICATE_FILE, HUB_KAFKA_TLS_KEY_FILE go together"
            raise ValueError(msg)
        if not self.tls and (self.tls_ca_file or self.tls_key_file):
            msg = "HUB_KAFKA_TLS is off, yet a certificate is named; set HUB_KAFKA_TLS=true"
            raise ValueError(msg)
        if self.sasl_mechanism == "PLAIN" and not self.tls and not all(map(_is_loopback, self.bootstrap_servers)):
            msg = "HUB_KAFKA_SASL_MECHANISM=PLAIN would show the password to the network; set HUB_KAFKA_TLS=true"
            raise ValueError(msg)
        return self

    def topic(self, name: str) -> str:
        """Return a topic's name at the broker."""
        return self.topic_prefix + name

    def password(self) -> str:
        """Return the password, as its file has it now.

        Raises:
            Misconfigured: The file is missing, empty, or readable by others.
        """
        if self.sasl_password_file is None:
            raise Misconfigured([f"{PREFIX}SASL_PASSWORD_FILE: name the file with the password"])
        return SecretFile(self.sasl_password_file).current()[0].decode()


def load(environ: Mapping[str, str]) -> KafkaSettings | None:
    """Read how Kafka is reached; None where nothing speaks of Kafka.

    Raises:
        Misconfigured: Naming every wrong variable at once.
    """
    values = nested(environ, PREFIX)
    if not values:
        return None
    try:
        return KafkaSettings.model_validate(values)
    except ValidationError as error:
        raise Misconfigured(explain(error, PREFIX)) from None


def _is_loopback(server: str) -> bool:
    host = server.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
