"""Whatever an item can do without may be null, of another type or absent: it is told all the same."""

from __future__ import annotations

import contextlib
import copy
import json
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub import discovery
from hub.contracts import Item, MessageItem, RawDelivery, RefusedItem
from hub.errors import Unreadable
from tests.connectors.mutations import places, recorded

DROPPED: Final = object()
WRONG: Final = [DROPPED, None, 7, 1.5, True, "x", [], {}, [None], ["x", 7], {"a": 1}]

# What no item can be told without: where lists stand, which kind it is, whom and which message it is about.
REQUIRED: Final = {
    "facebook": """
        object entry entry.id entry.changes entry.changes.field entry.changes.value entry.messaging entry.standby
        value.comment_id value.verb value.item value.post_id
        messaging.sender messaging.sender.id standby.sender standby.sender.id
        messaging.message messaging.message.mid standby.message standby.message.mid standby.postback
        messaging.message_edit message_edit.mid message_edit.text messaging.reaction reaction.mid reaction.action
        messaging.delivery delivery.mids messaging.read read.watermark messaging.referral messaging.postback
        messaging.optin messaging.payment messaging.app_roles messaging.account_linking messaging.policy_enforcement
        messaging.pass_thread_control messaging.take_thread_control messaging.request_thread_control
    """,
    "whatsapp": """
        object entry entry.changes entry.changes.field entry.changes.value value.metadata metadata.phone_number_id
        value.messages messages.id messages.from value.statuses statuses.id statuses.status value.errors
        messages.edit edit.original_message_id edit.message edit.message.type edit.message.text
        messages.reaction reaction.message_id messages.revoke revoke.original_message_id
        value.message_echoes message_echoes.id message_echoes.to message_echoes.edit
        value.calls calls.id value.history value.state_sync
        value.user_id_update user_id_update.user_id user_id.current user_id.previous
        value.user_preferences user_preferences.category user_preferences.value
    """,
}


def is_required(connector: str, way: tuple[str | int, ...]) -> bool:
    names = ".".join(step for step in way if isinstance(step, str))
    return isinstance(way[-1], int) or any(
        names == one or names.endswith(f".{one}") for one in REQUIRED[connector].split()
    )


def normalize(connector: str, webhook: object) -> list[Item]:
    at = datetime.fromtimestamp(1795350000, UTC)
    path = f"/webhooks/{connector}/main"
    body = webhook if isinstance(webhook, bytes) else json.dumps(webhook).encode()
    raw = RawDelivery("dl_x", connector, "main", at, "POST", path, {}, body)
    return list(discovery.connectors()[connector].normalize(raw))


def refused(items: list[Item]) -> list[str]:
    """Return why items would be dead letters."""
    nobody = [
        item for item in items if isinstance(item, MessageItem) and (item.party is None or not item.party.aliases)
    ]
    return [item.reason for item in items if isinstance(item, RefusedItem)] + ["nobody"] * len(nobody)


def broken(webhook: Any, way: tuple[str | int, ...], wrong: object) -> Any:
    whole = copy.deepcopy(webhook)
    holder = whole
    for step in way[:-1]:
        holder = holder[step]
    if wrong is DROPPED:
        del holder[way[-1]]
    else:
        holder[way[-1]] = copy.deepcopy(wrong)
    return whole


def sound(connector: str) -> list[Any]:
    """Return the recorded payloads in which nothing is refused as they are."""
    return [
        webhook for webhook in recorded(connector) if isinstance(webhook, dict) and not _is_refused(connector, webhook)
    ]


def _is_refused(connector: str, webhook: Any) -> bool:
    try:
        return bool(refused(normalize(connector, webhook)))
    except ValueError:
        return True


@pytest.mark.parametrize("connector", sorted(REQUIRED))
def test_no_optional_field_costs_an_item(connector: str) -> None:
    """Every place of every sample is taken away, then set to null."""
    for webhook in sound(connector):
        told = len(normalize(connector, webhook))
        for way in places(webhook):
            if not is_required(connector, way):
                for wrong in (DROPPED, None):
                    items = normalize(connector, broken(webhook, way, wrong))
                    assert (refused(items), len(items) >= told) == ([], True), (way, wrong)


@pytest.mark.parametrize("connector", sorted(REQUIRED))
def test_no_wrong_type_in_an_optional_field_costs_an_item(connector: str) -> None:
    samples = sound(connector)

    @settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def run(data: st.DataObject) -> None:
        webhook = data.draw(st.sampled_from(samples))
        ways = [way for way in places(webhook) if not is_required(connector, way)]
        way = data.draw(st.sampled_from(ways))
        items = normalize(connector, broken(webhook, way, data.draw(st.sampled_from(WRONG))))
        assert refused(items) == []
        assert len(items) >= len(normalize(connector, webhook))

    run()


@pytest.mark.parametrize("content", [{"text": None}, {"text": {"a": 1}}, {"text": None, "attachments": None}])
def test_a_message_of_messenger_that_says_nothing_readable_is_told_as_such(content: dict[str, Any]) -> None:
    item = {"sender": {"id": "1"}, "recipient": {"id": "2"}, "timestamp": 1795350000045}
    item |= {"message": {"mid": "m_1", "is_echo": None, **content}, "postback": None, "read": None}

    (told,) = normalize("facebook", {"object": "page", "entry": [{"id": "2", "messaging": [item]}]})

    assert isinstance(told, MessageItem)
    assert told.unsupported == "a message without content"


def test_a_null_text_lets_the_attachment_speak() -> None:
    image = {"type": "image", "payload": {"url": "https://scontent.example/a.jpg"}}
    message = {"mid": "m_1", "text": None, "quick_reply": None, "attachments": [image, None]}
    item = {"sender": {"id": "1"}, "recipient": {"id": "2"}, "message": message}

    (told,) = normalize("facebook", {"object": "page", "entry": [{"id": "2", "messaging": [item]}]})

    assert isinstance(told, MessageItem)
    assert (told.kind, told.text, len(told.files), told.unsupported) == ("image", "", 1, None)


@pytest.mark.parametrize("connector", sorted(REQUIRED))
@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 4000])
def test_no_number_however_large_costs_a_neighbour(connector: str, number: str) -> None:
    """JSON sets no bound to numbers: what no float can hold is told or refused with its own item."""
    mark = "a number that no float can hold"
    for webhook in recorded(connector):
        for way in places(webhook):
            body = json.dumps(broken(webhook, way, mark)).replace(f'"{mark}"', number)
            with contextlib.suppress(Unreadable):
                normalize(connector, body.encode())
