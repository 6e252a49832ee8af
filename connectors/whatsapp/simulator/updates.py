"""Webhook bodies as Meta writes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from connectors._meta.signature import sign
from connectors._simulator.courier import Update
from connectors.whatsapp.errors import TABLE
from connectors.whatsapp.simulator.options import SimulatorOptions
from connectors.whatsapp.simulator.phones import user_id_of, wa_id_of

CHANGES_PER_ENTRY = 2


def message_update(options: SimulatorOptions, phone: str, name: str | None, message: dict[str, Any]) -> Update:
    """Return the update that tells of something a customer said."""
    wa_id, user_id = wa_id_of(phone), user_id_of(phone)
    contact: dict[str, Any] = {"profile": {"name": name} if name else {}, "user_id": user_id}
    sender: dict[str, Any] = {"from_user_id": user_id}
    if wa_id is not None:
        contact["wa_id"] = sender["from"] = wa_id
    value = {**_about_us(options), "contacts": [contact], "messages": [{**sender, **message}]}
    return Update(phone, {"field": "messages", "value": value}, ((message["id"], "message"),))


def status_update(
    options: SimulatorOptions, *, phone: str, wamid: str, effect: str | None, status: str, code: int | None = None
) -> Update:
    """Return the update that tells what became of a message that the hub sent."""
    told: dict[str, Any] = {"id": wamid, "status": status, "timestamp": timestamp(options)}
    wa_id = wa_id_of(phone)
    told |= {"recipient_id": wa_id} if wa_id else {}
    if status == "failed":
        told["errors"] = [error_object(code or 131026)]
    else:
        told["recipient_user_id"] = user_id_of(phone)
    if effect is not None:
        told["biz_opaque_callback_data"] = effect
    value = {**_about_us(options), "statuses": [told]}
    return Update(phone, {"field": "messages", "value": value}, ((wamid, status),))


def error_object(code: int) -> dict[str, Any]:
    """Return Meta's error object for a code."""
    title = TABLE[code].kind.value if code in TABLE else "unknown"
    return {"code": code, "title": title, "message": title, "error_data": {"details": f"Simulated {title}."}}


def wire(options: SimulatorOptions, updates: Sequence[Update]) -> bytes:
    """Return the bytes of one webhook: Meta escapes whatever is not ASCII, the slash as well."""
    changes = [update.content for update in updates]
    entries = [
        {"id": options.business_account_id, "changes": changes[start : start + CHANGES_PER_ENTRY]}
        for start in range(0, len(changes), CHANGES_PER_ENTRY)
    ]
    webhook = {"object": "whatsapp_business_account", "entry": entries}
    return json.dumps(webhook, separators=(",", ":")).replace("/", "\\/").encode()


def headers(options: SimulatorOptions, body: bytes) -> dict[str, str]:
    """Return what goes with a body."""
    return {"user-agent": "facebookexternalua", "x-hub-signature-256": sign(body, options.app_secret)}


def timestamp(options: SimulatorOptions) -> str:
    """Return now as Meta writes it."""
    return str(int(options.clock.now().timestamp()))


def _about_us(options: SimulatorOptions) -> dict[str, Any]:
    return {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": options.display_phone_number,
            "phone_number_id": options.phone_number_id,
        },
    }
