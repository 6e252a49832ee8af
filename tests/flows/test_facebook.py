"""A customer of a Facebook page is answered where they wrote: in the chat, or once in public with once in private."""

from __future__ import annotations

import pytest

from tests.support.audit import Books, doubles, problems, settled
from tests.support.hub_process import HubProcess, until
from tests.support.simulated_facebook import SimulatedFacebook

ANA = "Ana Torres"
TEXT = "Desde la actualización todas las facturas salen con errores contables"
QUESTION = "¿Sirve para CFDI 4.0?"
PUBLIC = "¡Gracias por escribirnos! Le contestamos por mensaje privado."


def sends(facebook: SimulatedFacebook, kind: str) -> list[tuple[str, str]]:
    """Return (comment or phone, text) of what the page was made to say."""
    found = [entry for entry in facebook.ledger(kind="send", taken="True") if entry["type"] == kind]
    return [(entry["comment"] or entry["phone"], entry["text"]) for entry in found]


def at_rest(books: Books, effects: int) -> bool:
    """Tell whether so many effects have come to their end."""
    open_ones = "state IN ('intent', 'sending') OR (state = 'unknown' AND code IS NULL)"
    return books.count("effects") >= effects and books.count("effects", open_ones) == 0


@pytest.mark.feature("TS-01", part="facebook")
@pytest.mark.feature("DX-03", part="facebook")
def test_a_message_becomes_a_ticket_with_its_reply(hub: HubProcess, facebook: SimulatedFacebook, books: Books) -> None:
    hub.start()

    said = facebook.say(ANA, TEXT, times=3)
    (reply,) = facebook.phone(ANA, after=said["after"], wait_seconds=10)
    until(lambda: settled(books, {ANA: [TEXT]}) and books.events("reply.read"), "settled, read")

    assert reply["text"].startswith("Hola, gracias por escribir a Soporte Exsim.")
    assert problems(books, facebook, {ANA: [TEXT]}) == []
    ((key, ticket),) = books.events("ticket.opened")
    assert (ticket["folio"], ticket["title"], ticket["conversation_id"]) == ("T-1001", TEXT, key)
    assert [data["channel"] for _, data in books.events("message.received")] == ["facebook"]
    # Its own echo is no colleague's word.
    assert books.events("reply.echoed") == []
    assert books.count("effects", "state = 'confirmed'") == 1


@pytest.mark.feature("CI-08", part="facebook")
def test_what_a_colleague_writes_in_the_inbox_is_recorded_never_answered(
    hub: HubProcess, facebook: SimulatedFacebook, books: Books
) -> None:
    hub.start()
    facebook.say(ANA, TEXT)
    until(lambda: settled(books, {ANA: [TEXT]}), "settled")

    facebook.elsewhere(ANA, "Ana, le llamo en un momento")
    until(lambda: books.events("reply.echoed"), "recorded")
    facebook.say(ANA, "Gracias, espero su llamada")
    until(lambda: len(books.events("message.received")) == 2, "heard")
    until(lambda: not facebook.undelivered() and at_rest(books, 1), "at rest")

    ((_, echoed),) = books.events("reply.echoed")
    assert echoed["text"] == "Ana, le llamo en un momento"
    assert len(sends(facebook, "message")) == 1
    assert books.count("messages", "direction = 'out' AND state = 'echoed'") == 1


@pytest.mark.feature("CI-06")
@pytest.mark.feature("CI-08", part="facebook")
def test_what_a_colleague_answers_below_a_comment_stands_on_the_persons_timeline_and_starts_nothing(
    hub: HubProcess, facebook: SimulatedFacebook, books: Books
) -> None:
    hub.start()
    asked = facebook.comment(ANA, QUESTION)
    until(lambda: at_rest(books, 2) and len(facebook.phone(ANA)) == 2, "answered")

    by_hand = facebook.elsewhere(ANA, "Sí, ¿le interesa una demostración?", comment=asked["id"])
    until(lambda: books.events("reply.echoed"), "recorded")
    facebook.comment(ANA, "Gracias, ¿y para nómina?", parent=asked["id"])
    until(lambda: len(books.events("comment.posted")) == 2 and books.count("tickets"), "heard")
    until(lambda: books.count("cases", "left_to_people_at IS NOT NULL"), "left to people")
    until(lambda: not facebook.undelivered() and at_rest(books, 2), "at rest")

    ((key, echoed),) = books.events("reply.echoed")
    assert (echoed["provider_message_id"], echoed["kind"]) == (by_hand["id"], "comment")
    assert {of for of, _ in books.events("comment.posted")} == {key}
    # Our own line came back the same way and was known again; nobody answered anything else.
    assert [text for _, text in sends(facebook, "comment_reply")] == [PUBLIC]
    assert (books.count("cases"), books.count("tickets"), books.count("effects")) == (1, 1, 2)
    assert books.count("effects", "kind = 'comment_reply' AND state = 'confirmed'") == 1


@pytest.mark.feature("CO-04", part="facebook")
@pytest.mark.parametrize("point", ["effect.sending", "effect.answered"])
def test_a_kill_around_the_call_sends_once_at_most_else_a_person_is_asked(
    hub: HubProcess, facebook: SimulatedFacebook, books: Books, point: str
) -> None:
    # No echo comes to the rescue.
    facebook.faults(drop=["echo", "delivery", "read"])
    hub.start(kill_at=point)
    facebook.say(ANA, TEXT)
    assert hub.wait_dead() < 0

    hub.start()
    until(lambda: settled(books, {ANA: [TEXT]}), "settled")

    taken = len(sends(facebook, "message"))
    assert taken == (1 if point == "effect.answered" else 0)
    assert books.count("effects", "state = 'unknown' AND code IS NOT NULL") == 1
    assert doubles(books, facebook) == []


def test_a_lost_answer_is_settled_by_the_echo_never_sent_again(
    hub: HubProcess, facebook: SimulatedFacebook, books: Books
) -> None:
    hub.start()
    facebook.faults(answers=[{"do": "cut_after"}])

    facebook.say(ANA, TEXT)
    until(lambda: settled(books, {ANA: [TEXT]}) and books.events("reply.sent"), "settled")

    assert len(sends(facebook, "message")) == 1
    assert doubles(books, facebook) == []
    assert books.count("effects", "state = 'confirmed'") == 1
    assert books.events("reply.echoed") == []


def test_an_echo_that_overtakes_the_answer_is_still_our_own(
    hub: HubProcess, facebook: SimulatedFacebook, books: Books
) -> None:
    hub.start()
    facebook.faults(echo_first=True)

    facebook.say(ANA, TEXT)
    until(lambda: settled(books, {ANA: [TEXT]}) and not facebook.undelivered(), "settled")

    assert len(sends(facebook, "message")) == 1
    assert doubles(books, facebook) == []
    assert books.events("reply.echoed") == []
    assert len(books.events("reply.sent")) == 1


def test_a_lost_answer_to_a_private_reply_still_tells_who_it_reached(
    hub: HubProcess, facebook: SimulatedFacebook, books: Books
) -> None:
    hub.start()
    # Both are taken without anybody hearing of it.
    facebook.faults(answers=[{"do": "cut_after", "times": 2}])

    facebook.comment(ANA, QUESTION)
    # The public line comes back without an id of ours, yet in the same words below the same comment.
    until(lambda: len(facebook.phone(ANA)) == len(books.events("reply.sent")) == 2, "their echoes settle both")
    facebook.say(ANA, "Uso Microsip 2026")
    until(lambda: books.events("message.received"), "heard")

    assert len(sends(facebook, "comment_reply")) == len(sends(facebook, "private_reply")) == 1
    ((_, posted),) = books.events("comment.posted")
    ((_, received),) = books.events("message.received")
    assert received["contact_id"] == posted["contact_id"]
    assert books.count("effects", "kind = 'comment_reply' AND state = 'confirmed'") == 1
    assert books.events("reply.echoed") == []


def test_while_another_app_has_the_thread_nothing_is_answered(
    hub: HubProcess, facebook: SimulatedFacebook, books: Books
) -> None:
    hub.start()

    facebook.say(ANA, TEXT, standby=True)
    until(lambda: len(books.events("message.received")) == 1, "recorded")
    facebook.say("Luis Pérez", TEXT)
    until(lambda: len(sends(facebook, "message")) == 1, "somebody else is answered")

    ((phone, _),) = sends(facebook, "message")
    assert phone == facebook.say("Luis Pérez", "sigo")["phone"]


def test_where_another_app_took_the_thread_a_case_is_opened_without_a_word_of_ours(
    hub: HubProcess, facebook: SimulatedFacebook, books: Books
) -> None:
    hub.start()
    taken = {"previous_owner_app_id": "456780000000004", "new_owner_app_id": "263902037430900", "metadata": ""}

    facebook.say(ANA, None, event="take_thread_control", content=taken)
    until(lambda: books.events("conversation.handed_over"), "known")
    facebook.say(ANA, TEXT)
    facebook.say("Luis Pérez", TEXT)
    until(lambda: books.count("tickets") == 2 and at_rest(books, 1), "both have a ticket")

    # Only the other customer is greeted.
    ((phone, _),) = sends(facebook, "message")
    assert phone == facebook.say("Luis Pérez", "sigo")["phone"]
    ((key, told),) = books.events("conversation.handed_over")
    assert (told["holder"], told["application"]) == ("other", "263902037430900")
    assert books.count("conversations", "holder = 'other'") == 1
    assert [of for of, ticket in books.events("ticket.opened") if of == key] == [key]


@pytest.mark.feature("CI-06")
def test_a_question_below_a_post_gets_one_public_line_with_one_private_reply(
    hub: HubProcess, facebook: SimulatedFacebook, books: Books
) -> None:
    hub.start()

    asked = facebook.comment(ANA, QUESTION, times=3)
    until(lambda: at_rest(books, 2) and len(facebook.phone(ANA)) == 2, "answered")
    facebook.say(ANA, "Uso Microsip 2026")
    until(lambda: len(books.events("message.received")) == 1, "the answer in the chat is heard")
    # The chat goes on with the comment's case: nobody is greeted a second time, no second ticket is opened.
    until(lambda: books.count("messages", "direction = 'in' AND case_id IS NOT NULL") == 2, "both joined it")
    until(lambda: books.count("tickets") and not facebook.undelivered() and at_rest(books, 2), "at rest")

    assert sends(facebook, "comment_reply") == [(asked["id"], PUBLIC)]
    ((comment, private),) = sends(facebook, "private_reply")
    assert (comment, private.startswith("Hola")) == (asked["id"], True)
    ((_, posted),) = books.events("comment.posted")
    ((_, received),) = books.events("message.received")
    assert (posted["text"], received["text"]) == (QUESTION, "Uso Microsip 2026")
    # Two ids of Facebook, one person: the private reply told that they belong together.
    assert received["contact_id"] == posted["contact_id"]
    assert books.count("contacts") == 1
    assert (books.count("cases"), books.count("tickets"), books.count("effects")) == (1, 1, 2)
    assert sends(facebook, "message") == []
    # Facebook keeps no correlation of a public line, so the ledger cannot name its effect.
    assert [found for found in doubles(books, facebook) if _public(books) not in found] == []


def _public(books: Books) -> str:
    """Return the effect of the public line."""
    return str(books.rows("SELECT id FROM effects WHERE kind = 'comment_reply'")[0][0])


def test_tags_emoji_praise_with_the_pages_own_words_stay_without_answer(
    hub: HubProcess, facebook: SimulatedFacebook, books: Books
) -> None:
    hub.start()

    for text in ("😍😍", "Luis Pérez", "¡Excelente sistema!", "@Exsim"):
        facebook.comment(ANA, text)
    asked = facebook.comment("Luis Pérez", QUESTION)
    until(lambda: at_rest(books, 2) and len(books.events("comment.posted")) == 5, "heard")
    until(lambda: not facebook.undelivered(), "the page's own line came back")

    assert [comment for comment, _ in sends(facebook, "comment_reply")] == [asked["id"]]
    assert books.count("cases") == 1
    assert books.count("effects") == 2
