"""Turns one webhook of a Facebook page into the items that it tells of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from connectors._meta.fields import elements, entries, instant, word
from connectors.facebook import chats, walls
from connectors.facebook.payload import OBJECT
from hub.contracts import Ignored, Item, RawDelivery, RefusedItem
from hub.errors import Unreadable

MOST_ITEMS: Final = 2_000
"""Twice what Meta says it sends: a body of broken items must not keep everybody else waiting."""


def normalize(delivery: RawDelivery) -> Sequence[Item]:
    """Return every item of one webhook in Meta's order, nothing merged, nothing left out.

    One webhook may carry several entries, each with items of chats (``messaging``; ``standby`` while another app has
    the thread) or changes of the feed. What the hub does not know becomes an unsupported message or is ignored with
    its reason; what is broken is refused by itself, its neighbours go on.

    Raises:
        Unreadable: The body is no webhook of a page, or holds more items than one may.
    """
    read = (item for entry in entries(delivery.body, OBJECT) for item in _entry(entry))
    found = list(islice(read, MOST_ITEMS + 1))
    if len(found) > MOST_ITEMS:
        msg = f"it holds more than {MOST_ITEMS} items; Facebook sends at most 1,000 updates a webhook"
        raise Unreadable(msg)
    return found


def _entry(entry: object) -> Iterator[Item]:
    if not isinstance(entry, dict):
        yield RefusedItem("an entry is no object")
        return
    chat, standby, changes = (elements(entry, name) for name in ("messaging", "standby", "changes"))
    page = word(entry.get("id"))
    if not chat and not standby and not changes:
        yield Ignored("an entry without items")
    elif page is None:
        yield from (RefusedItem("an entry does not name its page") for _ in (*chat, *standby, *changes))
    else:
        for raw in chat:
            yield from chats.items_of(raw, page, standby=False)
        for raw in standby:
            yield from chats.items_of(raw, page, standby=True)
        for change in changes:
            yield from walls.items_of(change, page, instant(entry.get("time")))
