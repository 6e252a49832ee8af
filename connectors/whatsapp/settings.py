"""Reads the credentials of WhatsApp from the environment."""

from __future__ import annotations

import ipaddress
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from connectors.whatsapp.client import Access, WhatsAppSender
from hub.contracts import AssetRoute, Connection, WebhookSecrets
from hub.errors import Misconfigured
from hub.settings import SecretFile

PREFIX: Final = "HUB_WHATSAPP__"
SECRETS: Final = {
    "app_secret": "Meta app dashboard > App settings > Basic > App secret",
    "access_token": "a system user's token with whatsapp_business_messaging",
    "verify_token": "any long random word, the same as in the dashboard's webhook page",
}
OPTIONS: Final = {"graph_url": "https://graph.facebook.com", "api_version": "v26.0", "timeout_seconds": "10"}

# Facts 3.6: 80 messages a second a number, in with out together; one to a person each 6 s beyond a burst of 10.
PER_SECOND: Final = 40.0
PAIR_INTERVAL_SECONDS: Final = 6.0
PAIR_BURST: Final = 10
MAX_TIMEOUT_SECONDS: Final = 60.0

_APP: Final = re.compile(r"[a-z0-9-]+(?:_[a-z0-9-]+)*", re.ASCII)
_NUMBER_ID: Final = re.compile(r"[0-9]{5,20}", re.ASCII)
_VERSION: Final = re.compile(r"v[0-9]{1,3}\.[0-9]{1,2}", re.ASCII)

Secret = Callable[[], tuple[bytes, ...]]


@dataclass
class _App:
    name: str
    knobs: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def knob(self, name: str) -> str:
        return f"{PREFIX}{self.name}__{name}".upper()

    def refuse(self, name: str, cure: str) -> None:
        self.problems.append(f"{self.knob(name)}: {cure}")


def connect(environ: Mapping[str, str]) -> Connection | None:
    """Return the configured connection; None when no ``HUB_WHATSAPP__…`` variable is set.

    Raises:
        Misconfigured: Naming every wrong variable with its cure, never a value.
    """
    apps, problems = _read(environ)
    if not apps and not problems:
        return None
    secrets: dict[str, Callable[[], WebhookSecrets]] = {}
    assets: dict[str, AssetRoute] = {}
    seen: dict[str, str] = {}
    for app in apps.values():
        found = {name: _secret(app, name, where) for name, where in SECRETS.items()}
        url, version, timeout = _graph_url(app), _version(app), _timeout(app)
        numbers = _numbers(app, seen)
        problems += app.problems
        app_secret, token, word = (found[name] for name in ("app_secret", "access_token", "verify_token"))
        if problems or app_secret is None or token is None or word is None:
            continue
        access = Access(url, version, timeout, token=token, app_secret=app_secret)
        secrets[app.name] = _webhook_secrets(app_secret, word)
        sender = WhatsAppSender(access)
        for slug, number in numbers.items():
            assets[number] = AssetRoute(
                slug=slug,
                sender=sender,
                breaker=f"{urlsplit(url).netloc}|whatsapp:{app.name}",
                per_second=PER_SECOND,
                pair_interval_seconds=PAIR_INTERVAL_SECONDS,
                pair_burst=PAIR_BURST,
                deadline_seconds=timeout + 1,
            )
    if problems:
        raise Misconfigured(problems)
    return Connection(secrets=secrets, assets=assets)


def _read(environ: Mapping[str, str]) -> tuple[dict[str, _App], list[str]]:
    apps: dict[str, _App] = {}
    problems: list[str] = []
    known = {*OPTIONS, *SECRETS, *(f"{name}_file" for name in SECRETS)}
    for variable, value in sorted(environ.items()):
        if not variable.upper().startswith(PREFIX):
            continue
        name, *path = variable.lower()[len(PREFIX) :].split("__")
        if not _APP.fullmatch(name) or not path:
            problems.append(f"{variable}: write {PREFIX}<APP>__<KNOB>, the app in letters, digits, - or single _")
            continue
        app = apps.setdefault(name, _App(name))
        match path:
            case ["numbers", slug] if slug:
                app.numbers[slug] = value.strip()
            case [knob] if knob in known:
                app.knobs[knob] = value.strip()
            case _:
                problems.append(f"{variable}: no such setting; README of connectors/whatsapp lists them")
    return apps, problems


def _secret(app: _App, name: str, where: str) -> Secret | None:
    direct, file = app.knobs.get(name), app.knobs.get(f"{name}_file")
    if direct is not None and file is not None:
        app.refuse(name, f"given twice; keep only {app.knob(name)}_FILE")
    elif file is not None:
        return _secret_file(app, name, file)
    elif direct is None:
        app.refuse(f"{name}_file", f"missing; put the secret into a file of mode 0600 ({where})")
    elif not direct or set(direct) <= {"*"}:
        app.refuse(name, f"empty or masked; copy the real one ({where})")
    else:
        value = (direct.encode(),)
        return lambda: value
    return None


def _secret_file(app: _App, name: str, path: str) -> Secret | None:
    if not path:
        app.refuse(f"{name}_file", "empty; name the file that holds the secret")
        return None
    secret = SecretFile(Path(path))
    try:
        secret.current()
    except Misconfigured as error:
        for problem in error.problems:
            app.refuse(f"{name}_file", problem)
        return None
    except OSError as error:
        app.refuse(f"{name}_file", f"cannot be read ({error.strerror})")
        return None
    return secret.current


def _webhook_secrets(app_secret: Secret, verify_token: Secret) -> Callable[[], WebhookSecrets]:
    return lambda: WebhookSecrets(signing=app_secret(), verify_token=verify_token()[0])


def _numbers(app: _App, seen: dict[str, str]) -> dict[str, str]:
    if not app.numbers:
        app.refuse("numbers__<slug>", "missing; name at least one phone number id (WhatsApp > API setup)")
    for slug, number in app.numbers.items():
        knob = app.knob(f"numbers__{slug}")
        if not _NUMBER_ID.fullmatch(number):
            app.refuse(f"numbers__{slug}", "takes the phone number id, digits only, not the phone number itself")
        elif seen.setdefault(number, knob) != knob:
            app.refuse(f"numbers__{slug}", f"the same phone number id as {seen[number]}; one number has one name")
    return app.numbers


def _graph_url(app: _App) -> str:
    url = app.knobs.get("graph_url", OPTIONS["graph_url"])
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if host is None or parts.username or parts.query or parts.fragment:
        app.refuse("graph_url", "write https:// with a host, nothing behind it")
    elif parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        app.refuse("graph_url", "must be https; plain http is for a simulator on 127.0.0.1")
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _version(app: _App) -> str:
    version = app.knobs.get("api_version", OPTIONS["api_version"])
    if not _VERSION.fullmatch(version):
        app.refuse("api_version", "write it as in v26.0")
    return version


def _timeout(app: _App) -> float:
    try:
        seconds = float(app.knobs.get("timeout_seconds", OPTIONS["timeout_seconds"]))
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= MAX_TIMEOUT_SECONDS:
        app.refuse("timeout_seconds", f"takes a number of seconds above 0, at most {MAX_TIMEOUT_SECONDS:g}")
    return seconds
