"""Both subscriptions of Meta are made, then each thing that is missing is told by name."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.facebook import settings as facebook_settings
from connectors.facebook.product import FIELDS
from connectors.whatsapp import settings as whatsapp_settings
from connectors.whatsapp.simulator.business import APP_ID
from hub.contracts import Account, Checked
from tests.connectors.facebook import harness as facebook
from tests.connectors.whatsapp import harness as whatsapp

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
OURS = "https://hub.example/webhooks/whatsapp/main"


@contextlib.asynccontextmanager
async def an_account(channel: str, **instead: str) -> AsyncIterator[tuple[Any, Account, str]]:
    """Run a simulated provider with the account that its settings make, not subscribed yet."""
    if channel == "whatsapp":
        async with whatsapp.running() as rig:
            options = rig.simulator._options
            environ = {"NUMBERS__SOPORTE": options.phone_number_id, "ACCOUNT": options.business_account_id}
            environ |= {"APP_ID": APP_ID, "ACCESS_TOKEN": options.access_token}
            made = whatsapp_settings.connect(_environ("WHATSAPP", rig, environ | instead))
            assert made is not None
            yield rig, made.accounts[0], options.webhook_url
            await made.accounts[0].close()
        return
    async with facebook.running() as page:
        of_page = page.simulator._options
        environ = {"APP_ID": of_page.app_id, "PAGES__SOPORTE__ID": of_page.page_id}
        environ |= {"PAGES__SOPORTE__ACCESS_TOKEN": of_page.access_token}
        made = facebook_settings.connect(_environ("FACEBOOK", page, environ | instead))
        assert made is not None
        yield page, made.accounts[0], of_page.webhook_url
        await made.accounts[0].close()


def _environ(channel: str, rig: Any, more: dict[str, str]) -> dict[str, str]:
    options = rig.simulator._options
    shared = {
        "APP_SECRET": options.app_secret.decode(),
        "VERIFY_TOKEN": options.verify_token,
        "GRAPH_URL": rig.url,
        "API_VERSION": "v26.0",
    }
    return {f"HUB_{channel}__MAIN__{name}": value for name, value in (shared | more).items() if value}


def troubles(found: Sequence[Checked]) -> list[str]:
    return [one.what_es for one in found if one.level != "ok"]


@pytest.mark.feature("CI-07")
@pytest.mark.parametrize("channel", ["whatsapp", "facebook"])
async def test_what_is_not_subscribed_is_told_until_it_is(channel: str) -> None:
    async with an_account(channel) as (_, account, callback):
        before = troubles(await account.check(callback, NOW))

        made = await account.subscribe(callback)
        again = await account.subscribe(callback)
        after = await account.check(callback, NOW)

        assert len(before) == 2
        assert "no tiene webhook activo" in before[0]
        assert "no está suscrito a esta app" in before[1]
        assert troubles(made) == troubles(again) == troubles(after) == []
        assert all(one.cure_es == "" for one in after)


@pytest.mark.feature("CI-07")
async def test_the_missing_field_is_named_on_either_level() -> None:
    async with an_account("facebook") as (rig, account, callback):
        await account.subscribe(callback)
        await rig.control("POST", "app", {"fields": sorted(FIELDS - {"feed"})})
        page = rig.simulator._options.page_id
        headers = {"authorization": f"Bearer {rig.simulator._options.access_token}"}
        fields = ",".join(sorted(FIELDS - {"standby", "mention"}))
        await rig.http.post(f"{rig.url}/v26.0/{page}/subscribed_apps?subscribed_fields={fields}", headers=headers)

        found = troubles(await account.check(callback, NOW))

        assert found == ["Faltan campos por suscribir: feed.", "Faltan campos por suscribir: mention, standby."]


@pytest.mark.feature("CI-07")
@pytest.mark.parametrize(
    ("told", "what"),
    [
        ({"callback_url": "https://other.example/webhook"}, "apunta a otra dirección"),
        ({"scopes": ["whatsapp_business_messaging"]}, "perdió el permiso whatsapp_business_management"),
        ({"valid": False}, "El token ya no es válido"),
        ({"expires_at": int((NOW + timedelta(days=5)).timestamp())}, "El token vence el 2026-11-28"),
    ],
)
async def test_what_meta_changed_is_told(told: dict[str, Any], what: str) -> None:
    async with an_account("whatsapp") as (rig, account, callback):
        await account.subscribe(callback)
        await rig.control("POST", "app", told)

        (found,) = troubles(await account.check(callback, NOW))

        assert what in found


@pytest.mark.parametrize(
    ("told", "what"), [({"quality_rating": "RED"}, "calidad"), ({"status": "DISCONNECTED"}, "no está conectado")]
)
async def test_a_number_in_trouble_is_told(told: dict[str, str], what: str) -> None:
    async with an_account("whatsapp") as (rig, account, callback):
        await account.subscribe(callback)
        await rig.control("POST", "number", told)

        (found,) = troubles(await account.check(callback, NOW))

        assert what in found


async def test_an_address_that_does_not_answer_as_ours_is_refused() -> None:
    async with an_account("whatsapp") as (_, account, _callback):
        (found, *_) = troubles(await account.subscribe("https://hub.example/webhooks/whatsapp/main"))

        assert "error 2200" in found


@pytest.mark.parametrize(
    ("version", "level"),
    [("v26.0", "ok"), ("v22.0", "ok"), ("v21.0", "warning"), ("v20.0", "wrong"), ("v99.0", "warning")],
)
async def test_a_version_that_ends_is_told(version: str, level: str) -> None:
    async with an_account("whatsapp", API_VERSION=version, APP_ID="") as (_, account, callback):
        (found, unnamed) = await account.check(callback, NOW)

        assert (found.check, found.level) == ("version", level)
        assert (unnamed.check, unnamed.level) == ("app_id", "warning")
        assert not account.is_watched


async def test_a_provider_that_is_away_is_told_without_any_secret() -> None:
    async with an_account("whatsapp", GRAPH_URL="http://127.0.0.1:9") as (_, account, callback):
        found = await account.check(callback, NOW)

        assert all("no hay conexión" in what for what in troubles(found))
        assert len(troubles(found)) == 4
        assert whatsapp.TOKEN not in repr(found)
