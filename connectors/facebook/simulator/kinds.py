"""What a customer of a page can do in the chat, taken from the recorded payloads."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from connectors._simulator.files import Files
from connectors._simulator.kinds import Kinds, Raw, first, placeholder

_ENVELOPE: Final = frozenset({"sender", "recipient", "timestamp"})
_NOT_SAID: Final = frozenset({"delivery", "read", "app_roles", "policy_enforcement"})
_AMENDING: Final = frozenset({"message_edit", "reaction"})
_TYPES: Final = {
    "image": "image/jpeg",
    "sticker": "image/webp",
    "audio": "audio/ogg",
    "video": "video/mp4",
    "file": "application/pdf",
}


def kinds() -> Kinds:
    """Return every kind of which an item was recorded."""
    return Kinds(Path(__file__).parents[1] / "samples", _item)


def completed(content: Raw, files: Files, about: str | None, *, event: str) -> Raw:
    """Return what stands under an item's name, with files that can be fetched; of another message if that is named."""
    for one in content.get("attachments", []):
        if one.get("type") in _TYPES and "url" in one.get("payload", {}):
            name = "Factura.pdf" if one["type"] == "file" else None
            one["payload"]["url"] = files.url(placeholder(files, _TYPES[one["type"]], name))
    if about is not None and (event in _AMENDING or content.get("is_deleted")):
        content["mid"] = about
    elif about is not None and "reply_to" in content:
        content["reply_to"]["mid"] = about
    return content


def _item(payload: Any) -> Raw | None:
    entry = first(payload, "entry")
    item = first(entry, "messaging")
    if entry is None or item is None or item.get("sender", {}).get("id") in {None, entry.get("id")}:
        return None
    names = [name for name in item if name not in _ENVELOPE]
    if len(names) != 1 or names[0] in _NOT_SAID or not isinstance(item[names[0]], dict):
        return None
    content = {name: value for name, value in item[names[0]].items() if name != "mid" or names[0] in _AMENDING}
    return {"event": names[0], "content": content}
