"""Tells the hub what became of what it sent: echoes, deliveries, reads, the page's own comments."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from connectors._simulator.courier import Courier, Update
from connectors._simulator.faults import FaultPlan
from connectors._simulator.ledger import Ledger
from connectors.facebook.simulator.faults import Faults
from connectors.facebook.simulator.options import SimulatorOptions
from connectors.facebook.simulator.updates import comment_update, messaging_update, milliseconds, seconds

_ECHO_HEAD_START_SECONDS = 0.3


class Teller:
    """Writes the webhooks that follow a message of the hub."""

    def __init__(self, options: SimulatorOptions, ledger: Ledger, courier: Courier, faults: FaultPlan[Faults]) -> None:
        """Join the parts."""
        self._options, self._ledger, self._courier, self._faults = options, ledger, courier, faults

    async def of_message(self, psid: str, mid: str, message: Mapping[str, Any]) -> None:
        """Begin to tell of a message; with ``echo_first`` its echo leaves before the answer does."""
        told: set[tuple[str, str]] = set()
        if self._faults.current.echo_first:
            self._courier.post(self._echo(psid, mid, message))
            told.add((mid, "echo"))
            await asyncio.sleep(_ECHO_HEAD_START_SECONDS)
        self._courier.spawn(self._tell(psid, mid, message, milliseconds(self._options), told))

    def of_comment(self, note: Mapping[str, Any], comment_id: str, post_id: str) -> None:
        """Tell of the page's own comment: it comes back like anybody's."""
        if "comment" in self._faults.current.drop:
            return
        value = {
            "verb": "add",
            "comment_id": comment_id,
            "post_id": post_id,
            "parent_id": note["comment"],
            "message": note["text"],
            "created_time": seconds(self._options),
        }
        self._courier.post(comment_update(self._options, note["phone"], value, by_page=True))

    def resume(self) -> None:
        """Tell what an earlier run did not get to."""
        told = {(one, name) for entry in self._ledger.find(kind="webhook") for one, name in entry["about"]}
        for entry in self._ledger.find(kind="send", taken="True"):
            if entry["type"] in {"message", "private_reply"}:
                message = {"text": entry["text"], "metadata": entry["effect"]}
                sent_at = milliseconds(self._options)
                self._courier.spawn(self._tell(entry["phone"], entry["id"], message, sent_at, told))

    async def _tell(
        self, psid: str, mid: str, message: Mapping[str, Any], sent_at: int, told: set[tuple[str, str]]
    ) -> None:
        for name, pause in self._options.statuses:
            await asyncio.sleep(pause)
            if name in self._faults.current.drop or (mid, name) in told:
                continue
            if name == "echo":
                self._courier.post(self._echo(psid, mid, message))
            else:
                self._courier.post(self._mark(psid, mid, name, sent_at))

    def _echo(self, psid: str, mid: str, message: Mapping[str, Any]) -> Update:
        app = int(self._options.app_id)
        told = {"mid": mid, "is_echo": True, "app_id": app, **message}
        if attachment := told.pop("attachment", None):
            told["attachments"] = [attachment]
        told = {name: value for name, value in told.items() if value is not None}
        item = {"timestamp": milliseconds(self._options), "message": told}
        return messaging_update(self._options, psid, item, ((mid, "echo"),), from_page=True)

    def _mark(self, psid: str, mid: str, name: str, sent_at: int) -> Update:
        watermark: dict[str, Any] = {"watermark": max(sent_at, milliseconds(self._options))}
        if name == "delivery" and not self._faults.current.without_mids:
            watermark["mids"] = [mid]
        item: dict[str, Any] = {name: watermark}
        if name == "read":
            item["timestamp"] = milliseconds(self._options)
        return messaging_update(self._options, psid, item, ((mid, name),))
