"""Reads the apps of one product of Meta from the environment, naming each wrong variable with its cure."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from connectors._meta.transport import Secret
from hub.contracts import WebhookSecrets
from hub.errors import Misconfigured
from hub.settings import SecretFile

OPTIONS: Final = {"graph_url": "https://graph.facebook.com", "api_version": "v26.0", "timeout_seconds": "10"}
MAX_TIMEOUT_SECONDS: Final = 60.0

_APP: Final = re.compile(r"[a-z0-9-]+(?:_[a-z0-9-]+)*", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{5,20}", re.ASCII)
_VERSION: Final = re.compile(r"v[0-9]{1,3}\.[0-9]{1,2}", re.ASCII)


@dataclass
class App:
    """The variables of one app.

    Attributes:
        knobs: By lower-case name; those of an asset as ``<assets>__<slug>__<name>``.
        problems: What is wrong with them, one sentence each.
    """

    prefix: str
    name: str
    knobs: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def knob(self, name: str) -> str:
        """Return the variable's full name."""
        return f"{self.prefix}{self.name}__{name}".upper()

    def refuse(self, name: str, cure: str) -> None:
        """Note that a variable is wrong."""
        self.problems.append(f"{self.knob(name)}: {cure}")

    def slugs(self, assets: str) -> list[str]:
        """Return the names that people gave the assets."""
        return sorted({name.split("__")[1] for name in self.knobs if name.startswith(f"{assets}__")})

    def secret(self, name: str, where: str) -> Secret | None:
        """Return what reads a secret, from its variable or from its file."""
        direct, file = self.knobs.get(name), self.knobs.get(f"{name}_file")
        if direct is not None and file is not None:
            self.refuse(name, f"given twice; keep only {self.knob(name)}_FILE")
        elif file is not None:
            return self._secret_file(name, file)
        elif direct is None:
            self.refuse(f"{name}_file", f"missing; put the secret into a file of mode 0600 ({where})")
        elif not direct or set(direct) <= {"*"}:
            self.refuse(name, f"empty or masked; copy the real one ({where})")
        else:
            value = (direct.encode(),)
            return lambda: value
        return None

    def graph_url(self) -> str:
        """Return where the Graph API is."""
        url = self.knobs.get("graph_url", OPTIONS["graph_url"])
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            host = None
        if host is None or parts.username or parts.query or parts.fragment:
            self.refuse("graph_url", "write https:// with a host, nothing behind it")
        elif parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
            self.refuse("graph_url", "must be https; plain http is for a simulator on 127.0.0.1")
        return url.rstrip("/")

    def api_version(self) -> str:
        """Return the version of the Graph API."""
        version = self.knobs.get("api_version", OPTIONS["api_version"])
        if not _VERSION.fullmatch(version):
            self.refuse("api_version", "write it as in v26.0")
        return version

    def number(self, name: str, what: str) -> str | None:
        """Return an id that may be left out."""
        found = self.knobs.get(name)
        if found is not None and not _NUMBER.fullmatch(found):
            self.refuse(name, f"takes {what}, digits only")
        return found

    def timeout_seconds(self) -> float:
        """Return the bound of one call."""
        try:
            seconds = float(self.knobs.get("timeout_seconds", OPTIONS["timeout_seconds"]))
        except ValueError:
            seconds = math.nan
        if not 0 < seconds <= MAX_TIMEOUT_SECONDS:
            self.refuse("timeout_seconds", f"takes a number of seconds above 0, at most {MAX_TIMEOUT_SECONDS:g}")
        return seconds

    def _secret_file(self, name: str, path: str) -> Secret | None:
        if not path:
            self.refuse(f"{name}_file", "empty; name the file that holds the secret")
            return None
        secret = SecretFile(Path(path))
        try:
            secret.current()
        except Misconfigured as error:
            for problem in error.problems:
                self.refuse(f"{name}_file", problem)
            return None
        except OSError as error:
            self.refuse(f"{name}_file", f"cannot be read ({error.strerror})")
            return None
        return secret.current


def apps_of(
    environ: Mapping[str, str], prefix: str, knows: Callable[[list[str]], bool], readme: str
) -> tuple[list[App], list[str]]:
    """Return the apps under a prefix, with what is wrong about the variables' names.

    Args:
        environ: The environment.
        prefix: What a variable of the product begins with, e.g. ``HUB_FACEBOOK__``.
        knows: Whether the parts of a name, behind the app's, are a setting.
        readme: Where the settings are listed.
    """
    apps: dict[str, App] = {}
    problems: list[str] = []
    for variable, value in sorted(environ.items()):
        if not variable.upper().startswith(prefix):
            continue
        name, *path = variable.lower()[len(prefix) :].split("__")
        if not _APP.fullmatch(name) or not path:
            problems.append(f"{variable}: write {prefix}<APP>__<KNOB>, the app in letters, digits, - or single _")
            continue
        app = apps.setdefault(name, App(prefix, name))
        if knows(path):
            app.knobs["__".join(path)] = value.strip()
        else:
            problems.append(f"{variable}: no such setting; {readme} lists them")
    return list(apps.values()), problems


def webhook_secrets(app_secret: Secret, verify_token: Secret) -> Callable[[], WebhookSecrets]:
    """Return what reads the secrets of an app's webhook address."""
    return lambda: WebhookSecrets(signing=app_secret(), verify_token=verify_token()[0])


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
