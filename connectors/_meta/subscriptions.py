"""Makes the two subscriptions of Meta, tells what is missing: the app's webhook, each asset's app."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from connectors._meta.bodies import error_code, read_object
from connectors._meta.transport import (
    Answer,
    Broken,
    Credentials,
    Fields,
    GraphTransport,
    NoCredentialsError,
    Secret,
    read_credentials,
)
from connectors._meta.versions import check_version
from hub.contracts import Checked

TOKEN_WARNED_BEFORE: Final = timedelta(days=14)
_OK: Final = 200
_UNREADABLE_ES: Final = "no se puede leer el token o el secreto (archivo de modo 0600)"
_NO_TOKEN: Final = frozenset({102, 190})


class UnansweredError(Exception):
    """A question that Meta did not answer; says why in Spanish."""


@dataclass(frozen=True)
class Product:
    """What is subscribed to.

    Attributes:
        object: Meta's name of it, e.g. ``page``.
        fields: All that the hub reads.
        permissions: That tokens need.
        names_fields: Whether an asset's subscription lists its fields.
    """

    object: str
    fields: frozenset[str]
    permissions: frozenset[str]
    names_fields: bool


@dataclass(frozen=True)
class Asset:
    """What has a subscription of its own: a page, a WhatsApp business account; ``numbers`` are its phones."""

    id: str
    credentials: Credentials = field(repr=False)
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True)
class AppAccess:
    """One app, with what opens it.

    Attributes:
        prefix: What its variables begin with, for cures.
        id: Meta's id of the app; None when the settings do not tell.
    """

    name: str
    prefix: str
    id: str | None
    url: str
    version: str
    timeout_seconds: float
    secret: Secret = field(repr=False)
    verify_token: Secret = field(repr=False)


class GraphAccount:
    """The subscriptions of one app with its assets."""

    def __init__(self, access: AppAccess, product: Product, assets: Sequence[Asset]) -> None:
        """Join the parts; no socket is opened before the first question."""
        self.app = access.name
        self.is_watched = access.id is not None
        self._access, self._product, self._assets = access, product, assets
        self._transport = GraphTransport(access.timeout_seconds)
        self._app_credentials = Credentials(
            lambda: tuple(f"{access.id}|{secret.decode()}".encode() for secret in access.secret()), access.secret
        )

    async def check(self, callback: str | None, now: datetime) -> Sequence[Checked]:
        """Look at version, webhook, tokens, subscriptions, numbers."""
        access = self._access
        found = [check_version(access.version, f"{access.prefix}API_VERSION", now)]
        if access.id is None:
            return [*found, self._unnamed("warning")]
        found += await self._asked("webhook", self._webhook(callback))
        for asset in self._assets:
            found += await self._asked(f"token:{asset.id}", self._token(asset, now))
            found += await self._asked(f"subscribed:{asset.id}", self._subscribed(asset))
            for number in asset.numbers:
                found += await self._asked(f"number:{number}", self._number(asset, number))
        return found

    async def subscribe(self, callback: str) -> Sequence[Checked]:
        """Subscribe the app, then each asset, always to the complete list of fields."""
        access, fields = self._access, ",".join(sorted(self._product.fields))
        if access.id is None:
            return [self._unnamed("wrong")]
        webhook = {
            "object": self._product.object,
            "callback_url": callback,
            "verify_token": access.verify_token()[0].decode(),
            "fields": fields,
        }
        done = await self._asked("webhook", self._made(f"{access.id}/subscriptions", webhook, self._app_credentials))
        for asset in self._assets:
            body = {"subscribed_fields": fields} if self._product.names_fields else {}
            made = self._made(f"{asset.id}/subscribed_apps", body, asset.credentials)
            done += await self._asked(f"subscribed:{asset.id}", made)
        return done

    async def close(self) -> None:
        """Give back sockets."""
        await self._transport.close()

    def _unnamed(self, level: Literal["warning", "wrong"]) -> Checked:
        cure = f"Pon el identificador de la app (Meta > App settings > Basic) en {self._access.prefix}APP_ID."
        return Checked("app_id", level, "La suscripción no se puede revisar ni hacer sin saber qué app es.", cure)

    async def _asked(self, check: str, asked: Awaitable[list[Checked]]) -> list[Checked]:
        try:
            return await asked
        except UnansweredError as error:
            cure = "Revisa el token, los permisos de la app y la red; se vuelve a revisar solo."
            return [Checked(check, "wrong", f"Meta no contestó sobre «{check}»: {error}.", cure)]

    async def _webhook(self, callback: str | None) -> list[Checked]:
        told = await self._get(f"{self._access.id}/subscriptions", self._app_credentials)
        ours = next((one for one in _records(told.get("data")) if one.get("object") == self._product.object), None)
        cure = f"Ejecuta hub connectors subscribe, o guarda la dirección en Meta > Webhooks > {self._product.object}."
        if ours is None or ours.get("active") is False:
            return [Checked("webhook", "wrong", f"La app no tiene webhook activo para {self._product.object}.", cure)]
        found = []
        if callback is not None and ours.get("callback_url") != callback:
            what = "El webhook de la app apunta a otra dirección: otro sistema usa esta app, o el hub cambió de lugar."
            found.append(Checked("webhook", "wrong", what, cure))
        have = {
            str(name)
            for one in ours.get("fields") or ()
            for name in [one.get("name") if isinstance(one, dict) else one]
        }
        return found or [self._fields("webhook", have, cure)]

    async def _token(self, asset: Asset, now: datetime) -> list[Checked]:
        check = f"token:{asset.id}"
        try:
            token, _ = read_credentials(asset.credentials)
        except NoCredentialsError:
            raise UnansweredError(_UNREADABLE_ES) from None
        told = await self._ask("debug_token", self._app_credentials, input_token=token.decode())
        data = told.get("data")
        data = data if isinstance(data, dict) else {}
        cure = "Genera otro token (README del conector) y ponlo en su archivo; no hace falta reiniciar."
        if data.get("is_valid") is not True:
            return [Checked(check, "wrong", "El token ya no es válido.", cure)]
        if str(data.get("app_id")) != self._access.id:
            return [Checked(check, "wrong", "El token es de otra app.", cure)]
        lost = sorted(self._product.permissions - {str(scope) for scope in data.get("scopes") or ()})
        found = [Checked(check, "wrong", f"El token perdió el permiso {name}.", cure) for name in lost]
        ends = [end for name in ("expires_at", "data_access_expires_at") if (end := _instant(data.get(name)))]
        if ends and min(ends) - now < TOKEN_WARNED_BEFORE:
            found.append(Checked(check, "warning", f"El token vence el {min(ends).date()}.", cure))
        return found or [
            Checked(check, "ok", f"Token válido{f' hasta el {min(ends).date()}' if ends else ', no vence'}.")
        ]

    async def _subscribed(self, asset: Asset) -> list[Checked]:
        check = f"subscribed:{asset.id}"
        told = await self._get(f"{asset.id}/subscribed_apps", asset.credentials)
        apps = [one.get("whatsapp_business_api_data", one) for one in _records(told.get("data"))]
        # Another vendor's app in the list is no success (chatwoot PR 15079).
        ours = next((one for one in apps if isinstance(one, dict) and str(one.get("id")) == self._access.id), None)
        cure = "Ejecuta hub connectors subscribe: sin esto llegan las pruebas de Meta, pero no los mensajes."
        if ours is None:
            return [Checked(check, "wrong", f"{asset.id} no está suscrito a esta app.", cure)]
        if not self._product.names_fields:
            return [Checked(check, "ok", f"{asset.id} está suscrito a esta app.")]
        return [self._fields(check, {str(name) for name in ours.get("subscribed_fields") or ()}, cure)]

    async def _number(self, asset: Asset, number: str) -> list[Checked]:
        check = f"number:{number}"
        told = await self._get(number, asset.credentials, fields="status,quality_rating")
        status, quality = told.get("status", "CONNECTED"), told.get("quality_rating", "UNKNOWN")
        cure = "Revísalo en WhatsApp Manager > Phone numbers."
        if status != "CONNECTED":
            return [Checked(check, "wrong", f"El número {number} no está conectado ({str(status)[:40]}).", cure)]
        if quality in {"YELLOW", "RED"}:
            return [Checked(check, "warning", f"La calidad del número {number} bajó ({quality}).", cure)]
        return [Checked(check, "ok", f"Número {number} conectado.")]

    def _fields(self, check: str, have: AbstractSet[Any], cure: str) -> Checked:
        missing = sorted(self._product.fields - have)
        if missing:
            return Checked(check, "wrong", f"Faltan campos por suscribir: {', '.join(missing)}.", cure)
        return Checked(check, "ok", f"{check}: todos los campos están suscritos.")

    async def _made(self, path: str, body: Mapping[str, str], credentials: Credentials) -> list[Checked]:
        try:
            answer = await self._transport.post(self._address(path), json.dumps(body).encode(), credentials)
        except NoCredentialsError:
            raise UnansweredError(_UNREADABLE_ES) from None
        _read(answer)
        return [Checked(path.replace("/", ":"), "ok", f"Suscripción hecha: {path}.")]

    async def _get(self, path: str, credentials: Credentials, **query: str) -> dict[str, Any]:
        try:
            return _read(await self._transport.get(self._address(path), credentials, **query))
        except NoCredentialsError:
            raise UnansweredError(_UNREADABLE_ES) from None

    async def _ask(self, path: str, credentials: Credentials, **secret: str) -> dict[str, Any]:
        try:
            return _read(await self._transport.ask(self._address(path), Fields(secret), credentials))
        except NoCredentialsError:
            raise UnansweredError(_UNREADABLE_ES) from None

    def _address(self, path: str) -> str:
        return f"{self._access.url}/{self._access.version}/{path}"


def _read(answer: Answer | Broken) -> dict[str, Any]:
    told = {} if isinstance(answer, Broken) else read_object(answer.body)
    if isinstance(answer, Answer) and answer.status == _OK:
        return told
    error = told.get("error")
    code = error_code(error.get("code")) if isinstance(error, dict) else None
    if isinstance(answer, Broken):
        msg = f"no hay conexión ({answer.error})"
    elif code in _NO_TOKEN:
        msg = "el token o el secreto de la app no sirven (190)"
    else:
        msg = f"error {code if code is not None else answer.status}"
    raise UnansweredError(msg)


def _records(value: object) -> Iterator[dict[str, Any]]:
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())


def _instant(value: object) -> datetime | None:
    seconds = error_code(value) if not isinstance(value, int) else value
    return datetime.fromtimestamp(seconds, UTC) if seconds and 0 < seconds < 10**11 else None
