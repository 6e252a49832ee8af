"""Reads recorded or invented webhooks of a page."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import connectors.facebook
from connectors.facebook import CONNECTOR
from hub.contracts import Alias, AmendmentItem, Item, MessageItem, RawDelivery

SAMPLES = Path(connectors.facebook.__path__[0]) / "samples"
PAYLOADS = sorted(path for path in SAMPLES.glob("*.json") if not path.name.endswith(".events.json"))
PAGE = "345670000000003"
PSID = "6543210987654321"
ANA = Alias("facebook-psid", f"{PAGE}:{PSID}")
AT = datetime.fromtimestamp(1795350000.045, UTC)


def items(body: bytes) -> list[Item]:
    delivery = RawDelivery("dl_x", "facebook", "main", AT, "POST", "/webhooks/facebook/main", {}, body)
    return list(CONNECTOR.normalize(delivery))


def sample(name: str) -> list[Item]:
    return items((SAMPLES / f"{name}.json").read_bytes())


def message(name: str) -> MessageItem:
    (item,) = sample(name)
    assert isinstance(item, MessageItem)
    return item


def chat(*told: Any, **entry: Any) -> bytes:
    return json.dumps({"object": "page", "entry": [{"id": PAGE, "time": 1, "messaging": list(told), **entry}]}).encode()


def said(**content: Any) -> dict[str, Any]:
    return {"sender": {"id": PSID}, "recipient": {"id": PAGE}, "timestamp": 1795350000045, **content}


def recorded() -> list[dict[str, Any]]:
    """Return every item of a chat in the samples."""
    entries = [
        entry for path in PAYLOADS for entry in json.loads(path.read_bytes())["entry"] if isinstance(entry, dict)
    ]
    found = [item for entry in entries for name in ("messaging", "standby") for item in entry.get(name, [])]
    return [item for item in found if isinstance(item, dict)]


def changes(*names: str) -> list[AmendmentItem]:
    return [item for name in names for item in sample(name) if isinstance(item, AmendmentItem)]
