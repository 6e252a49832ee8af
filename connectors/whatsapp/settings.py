"""Reads the credentials of WhatsApp from the environment."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from connectors._meta.environment import OPTIONS, App, apps_of, webhook_secrets
from connectors._meta.subscriptions import AppAccess, Asset, GraphAccount
from connectors._meta.transport import Credentials
from connectors.whatsapp.client import Access, WhatsAppSender
from connectors.whatsapp.files import WhatsAppFetcher
from connectors.whatsapp.office import Office
from connectors.whatsapp.product import PRODUCT
from connectors.whatsapp.uploads import WhatsAppUploader
from hub.contracts import AssetRoute, Connection, WebhookSecrets
from hub.errors import Misconfigured

PREFIX: Final = "HUB_WHATSAPP__"
SECRETS: Final = {
    "app_secret": "Meta app dashboard > App settings > Basic > App secret",
    "access_token": "a system user's token with whatsapp_business_messaging",
    "verify_token": "any long random word, the same as in the dashboard's webhook page",
}

# Facts 3.6: 80 messages a second a number, in with out together; one to a person each 6 s beyond a burst of 10.
PER_SECOND: Final = 40.0
PAIR_INTERVAL_SECONDS: Final = 6.0
PAIR_BURST: Final = 10
# Facts 3.6: messages may arrive in another order than they were taken in, unless each waits for the one before.
CONFIRM_SECONDS: Final = 3.0

_NUMBER_ID: Final = re.compile(r"[0-9]{5,20}", re.ASCII)


def connect(environ: Mapping[str, str]) -> Connection | None:
    """Return the configured connection; None when no ``HUB_WHATSAPP__…`` variable is set.

    Raises:
        Misconfigured: Naming every wrong variable with its cure, never a value.
    """
    apps, problems = apps_of(environ, PREFIX, _knows, "README of connectors/whatsapp")
    if not apps and not problems:
        return None
    secrets: dict[str, Callable[[], WebhookSecrets]] = {}
    assets: dict[str, AssetRoute] = {}
    seen: dict[str, str] = {}
    offices: list[Office] = []
    accounts: list[GraphAccount] = []
    for app in apps:
        found = {name: app.secret(name, where) for name, where in SECRETS.items()}
        url, version, timeout = app.graph_url(), app.api_version(), app.timeout_seconds()
        numbers = _numbers(app, seen)
        app_id = app.number("app_id", "the app's id (App settings > Basic)")
        account = app.number("account", "the id of the WhatsApp Business account (WhatsApp > API setup)")
        problems += app.problems
        app_secret, token, word = (found[name] for name in ("app_secret", "access_token", "verify_token"))
        if problems or app_secret is None or token is None or word is None:
            continue
        access = Access(url, version, timeout, Credentials(token, app_secret))
        secrets[app.name] = webhook_secrets(app_secret, word)
        if account:
            offices.append(Office(access, account))
        sender, fetcher, uploader = WhatsAppSender(access), WhatsAppFetcher(access), WhatsAppUploader(access)
        watched = AppAccess(app.name, app.knob(""), app_id, url, version, timeout, app_secret, word)
        business = [Asset(account, access.credentials, tuple(numbers.values()))] if account else []
        accounts.append(GraphAccount(watched, PRODUCT, business))
        for slug, number in numbers.items():
            assets[number] = AssetRoute(
                slug=slug,
                sender=sender,
                breaker=f"{urlsplit(url).netloc}|whatsapp:{app.name}",
                per_second=PER_SECOND,
                pair_interval_seconds=PAIR_INTERVAL_SECONDS,
                pair_burst=PAIR_BURST,
                deadline_seconds=timeout + 1,
                confirm_seconds=CONFIRM_SECONDS,
                line=f"whatsapp:{number}",
                fetcher=fetcher,
                uploader=uploader,
            )
    if problems:
        raise Misconfigured(problems)
    return Connection(secrets=secrets, assets=assets, offices=tuple(offices), accounts=tuple(accounts))


def _knows(path: list[str]) -> bool:
    match path:
        case ["numbers", slug]:
            return bool(slug)
        case [knob]:
            return knob in {"account", "app_id", *OPTIONS, *SECRETS, *(f"{name}_file" for name in SECRETS)}
    return False


def _numbers(app: App, seen: dict[str, str]) -> dict[str, str]:
    """Return the phone number ids by the names that people gave them."""
    found = {slug: app.knobs[f"numbers__{slug}"] for slug in app.slugs("numbers")}
    if not found:
        app.refuse("numbers__<slug>", "missing; name at least one phone number id (WhatsApp > API setup)")
    for slug, number in found.items():
        knob = app.knob(f"numbers__{slug}")
        if not _NUMBER_ID.fullmatch(number):
            app.refuse(f"numbers__{slug}", "takes the phone number id, digits only, not the phone number itself")
        elif seen.setdefault(number, knob) != knob:
            app.refuse(f"numbers__{slug}", f"the same phone number id as {seen[number]}; one number has one name")
    return found
