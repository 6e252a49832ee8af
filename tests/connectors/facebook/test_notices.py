"""Echoes, changes, marks, hand-overs become the items that they tell of."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hub.contracts import AccountItem, EchoItem, HandoverItem, MessageItem, StatusItem, WatermarkItem
from tests.connectors.facebook.reading import ANA, changes, chat, items, sample


def test_changes_name_the_message_that_they_change() -> None:
    found = changes("edit", "unsent", "reactions")

    assert [(one.target, one.kind, one.text, one.emoji, one.revision) for one in found] == [
        ("m_2", "edit", "Sí, por favor", None, 1),
        ("m_1", "delete", "", None, None),
        ("m_21", "reaction", "", "❤", None),
        ("m_22", "reaction", "", "😮", None),
        ("m_21", "reaction", "", None, None),
    ]


@pytest.mark.feature("CI-08", part="facebook")
def test_echoes_tell_the_hubs_own_words_from_a_colleagues() -> None:
    ours, theirs, picture = (sample(name)[0] for name in ("echo_of_the_hub", "echo_of_the_inbox", "echo_of_a_file"))

    assert isinstance(ours, EchoItem)
    assert isinstance(theirs, EchoItem)
    assert isinstance(picture, EchoItem)
    assert (ours.correlation, theirs.correlation) == ("ef_" + "a" * 26, None)
    assert theirs.party is not None
    assert (theirs.party.aliases, theirs.text) == ((ANA,), "Le llamo en un momento")
    assert [one.kind for one in picture.files] == ["image"]


def test_deliveries_name_messages_then_their_mark() -> None:
    first, second, mark = sample("delivery")
    (only,) = sample("delivery_without_mids")
    (read,) = sample("read")

    assert isinstance(first, StatusItem)
    assert isinstance(second, StatusItem)
    assert (first.provider_id, second.provider_id, first.status) == ("m_21", "m_22", "delivered")
    assert isinstance(mark, WatermarkItem)
    assert mark == only
    assert (mark.party.aliases, mark.status) == ((ANA,), "delivered")
    assert isinstance(read, WatermarkItem)
    assert read.time == datetime.fromtimestamp(1795350000.3, UTC)


def test_in_standby_everything_is_told_as_such_while_the_window_opens() -> None:
    found = sample("standby")

    assert [(one.standby, one.opens_window) for one in found if isinstance(one, MessageItem)] == [(True, True)] * 2


def test_who_has_the_thread_is_told() -> None:
    passed, taken = (sample(name)[0] for name in ("thread_passed", "thread_taken"))

    assert isinstance(passed, HandoverItem)
    assert isinstance(taken, HandoverItem)
    assert (passed.holder, taken.holder, taken.application) == ("hub", "other", "26390203743090")


def test_what_people_must_know_of_the_page_is_told() -> None:
    roles, policy, request = (sample(name)[0] for name in ("app_roles", "policy_enforcement", "thread_requested"))

    assert isinstance(roles, AccountItem)
    assert isinstance(request, AccountItem)
    assert isinstance(policy, AccountItem)
    assert (policy.severity, policy.alert) == ("critical", "policy")
    (freed,) = items(chat({"timestamp": 1795350000045, "policy_enforcement": {"action": "unblock"}}))
    assert isinstance(freed, AccountItem)
    assert (freed.severity, freed.alert) == ("info", "policy")


def test_the_same_reaction_taken_back_is_another_change() -> None:
    assert len({item.provider_id for item in changes("reactions")}) == 3
