"""Webhook bodies as Meta writes them for a page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from connectors._meta.signature import sign
from connectors._simulator.courier import Update
from connectors.facebook.simulator.options import SimulatorOptions
from connectors.facebook.simulator.people import author_of


def messaging_update(
    options: SimulatorOptions,
    psid: str,
    item: Mapping[str, Any],
    about: tuple[tuple[str, str], ...],
    *,
    from_page: bool = False,
    standby: bool = False,
) -> Update:
    """Return the update that tells of something in a chat; an echo comes from the page to the person."""
    sender, recipient = (options.page_id, psid) if from_page else (psid, options.page_id)
    whole = {"sender": {"id": sender}, "recipient": {"id": recipient}, **item}
    whole = {name: value for name, value in whole.items() if value is not None}
    entry = {"id": options.page_id, "time": milliseconds(options), "standby" if standby else "messaging": [whole]}
    return Update(psid, entry, about)


def comment_update(
    options: SimulatorOptions, psid: str, value: Mapping[str, Any], *, field: str = "feed", by_page: bool = False
) -> Update:
    """Return the update that tells of a comment, of its author's or of the page's own."""
    author = {"id": options.page_id, "name": options.page_name} if by_page else {"id": author_of(psid)}
    told = {"item": "comment", "from": author, **value}
    told = {name: given for name, given in told.items() if given is not None}
    change = {"field": field, "value": told}
    entry = {"id": options.page_id, "time": seconds(options), "changes": [change]}
    return Update(psid, entry, ((told["comment_id"], told["verb"]),))


def wire(updates: Sequence[Update]) -> bytes:
    """Return the bytes of one webhook: Meta escapes whatever is not ASCII, the slash as well."""
    webhook = {"object": "page", "entry": [update.content for update in updates]}
    return json.dumps(webhook, separators=(",", ":")).replace("/", "\\/").encode()


def headers(options: SimulatorOptions, body: bytes) -> dict[str, str]:
    """Return what goes with a body."""
    return {"user-agent": "facebookexternalua", "x-hub-signature-256": sign(body, options.app_secret)}


def milliseconds(options: SimulatorOptions) -> int:
    """Return now as Messenger writes it."""
    return int(options.clock.now().timestamp() * 1000)


def seconds(options: SimulatorOptions) -> int:
    """Return now as the feed writes it."""
    return int(options.clock.now().timestamp())
