"""Reads the credentials of Facebook pages from the environment."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from connectors._meta.environment import OPTIONS, App, apps_of, webhook_secrets
from connectors._meta.subscriptions import AppAccess, Asset, GraphAccount
from connectors._meta.transport import Credentials, Secret
from connectors.facebook.client import Access, FacebookSender
from connectors.facebook.files import FacebookFetcher
from connectors.facebook.product import PRODUCT
from connectors.facebook.uploads import FacebookUploader
from hub.contracts import AssetRoute, Connection, WebhookSecrets
from hub.errors import Misconfigured

PREFIX: Final = "HUB_FACEBOOK__"
SECRETS: Final = {
    "app_secret": "Meta app dashboard > App settings > Basic > App secret",
    "verify_token": "any long random word, the same as in the dashboard's webhook page",
}
PAGE: Final = {"id", "access_token", "access_token_file"}
TOKEN_FROM: Final = "the page's own token, made from a system user's with pages_messaging"  # noqa: S105 - says where

# Facts 4.11: 300 texts a second a page; the rest is left to whoever else speaks through it.
PER_SECOND: Final = 100.0

_PAGE_ID: Final = re.compile(r"[0-9]{5,20}", re.ASCII)


@dataclass(frozen=True)
class _Page:
    slug: str
    id: str
    token: Secret


def connect(environ: Mapping[str, str]) -> Connection | None:
    """Return the configured connection; None when no ``HUB_FACEBOOK__…`` variable is set.

    Raises:
        Misconfigured: Naming every wrong variable with its cure, never a value.
    """
    apps, problems = apps_of(environ, PREFIX, _knows, "README of connectors/facebook")
    if not apps and not problems:
        return None
    secrets: dict[str, Callable[[], WebhookSecrets]] = {}
    assets: dict[str, AssetRoute] = {}
    seen: dict[str, str] = {}
    accounts: list[GraphAccount] = []
    for app in apps:
        app_secret, word = (app.secret(name, where) for name, where in SECRETS.items())
        url, version, timeout = app.graph_url(), app.api_version(), app.timeout_seconds()
        pages, app_id = _pages(app, seen), app.number("app_id", "the app's id (App settings > Basic)")
        problems += app.problems
        if problems or app_secret is None or word is None:
            continue
        secrets[app.name] = webhook_secrets(app_secret, word)
        tokens = {page.id: Credentials(page.token, app_secret) for page in pages}
        access = Access(url, version, timeout, tokens)
        sender, fetcher, uploader = FacebookSender(access), FacebookFetcher(url, timeout), FacebookUploader(access)
        watched = AppAccess(app.name, app.knob(""), app_id, url, version, timeout, app_secret, word)
        accounts.append(GraphAccount(watched, PRODUCT, [Asset(page.id, tokens[page.id]) for page in pages]))
        for page in pages:
            assets[page.id] = AssetRoute(
                slug=page.slug,
                sender=sender,
                # A page's token is its own: one that ended stops no other page.
                breaker=f"{urlsplit(url).netloc}|facebook:{app.name}:{page.slug}",
                per_second=PER_SECOND,
                deadline_seconds=timeout + 1,
                line=f"facebook:{page.id}",
                fetcher=fetcher,
                uploader=uploader,
            )
    if problems:
        raise Misconfigured(problems)
    return Connection(secrets=secrets, assets=assets, accounts=tuple(accounts))


def _knows(path: list[str]) -> bool:
    match path:
        case ["pages", slug, knob]:
            return bool(slug) and knob in PAGE
        case [knob]:
            return knob in {"app_id", *OPTIONS, *SECRETS, *(f"{name}_file" for name in SECRETS)}
    return False


def _pages(app: App, seen: dict[str, str]) -> list[_Page]:
    found = []
    if not app.slugs("pages"):
        app.refuse("pages__<slug>__id", "missing; name at least one page by its id (page > About > Page transparency)")
    for slug in app.slugs("pages"):
        name = f"pages__{slug}__id"
        token = app.secret(f"pages__{slug}__access_token", TOKEN_FROM)
        page = app.knobs.get(name)
        if page is None or not _PAGE_ID.fullmatch(page):
            app.refuse(name, "takes the page's id, digits only, not its name or address")
        elif seen.setdefault(page, app.knob(name)) != app.knob(name):
            app.refuse(name, f"the same page as {seen[page]}; one page has one name")
        elif token is not None:
            found.append(_Page(slug, page, token))
    return found
