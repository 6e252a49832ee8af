"""What a customer of WhatsApp can send, taken from the recorded payloads."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from connectors._simulator.files import Files
from connectors._simulator.kinds import Kinds, Raw, first, placeholder

_OURS: Final = frozenset({"id", "timestamp", "from", "from_user_id", "from_parent_user_id", "group_id"})
_TARGETS: Final = (("reaction", "message_id"), ("edit", "original_message_id"), ("revoke", "original_message_id"))


def kinds() -> Kinds:
    """Return every kind of which a message was recorded."""
    return Kinds(Path(__file__).parents[1] / "samples", _message)


def completed(raw: Raw, files: Files, about: str | None) -> Raw:
    """Return a message whose file can be fetched, that speaks of another one if that is named."""
    content = raw.get(raw.get("type", ""))
    if isinstance(content, dict) and "mime_type" in content:
        held = placeholder(files, content["mime_type"], content.get("filename"))
        content |= {"id": held.id, "url": files.url(held), "sha256": held.announced_sha256}
    if about is not None:
        for kind, name in _TARGETS:
            if kind in raw:
                raw[kind][name] = about
        if "id" in raw.get("context", {}):
            raw["context"]["id"] = about
    return raw


def _message(payload: Any) -> Raw | None:
    change = first(first(payload, "entry"), "changes")
    if change is None or change.get("field") != "messages":
        return None
    # What amends a message was recorded behind that one, a reaction before it was taken back.
    found = [one for one in change["value"].get("messages", []) if isinstance(one, dict) and one.get("type")]
    message = next((one for one in found if one["type"] != "text"), found[0] if found else None)
    if message is None:
        return None
    return {name: value for name, value in message.items() if name not in _OURS}
