"""Identifiers are the same for ever: these values may never change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schemas import ids

AT = datetime(2026, 11, 23, 16, 30, tzinfo=UTC)

GOLDEN = {
    "item": (ids.item_event_id("/whatsapp/2234", "whatsapp:2234:message:wamid.x"), "ev_6xhwh72pf3kwpgg5wzi2esglul"),
    "derived": (
        ids.derived_event_id("ev_cause", "open-tickets", "hub.ticket.opened.v1", 0),
        "ev_baxdl4qryon3dkrpev7zxxsmwq",
    ),
    "timer": (ids.timer_event_id("run-service-levels", "warn:ck_1", 3), "ev_kcevctqoyjztjn4e4tcfw3y223"),
    "effect": (ids.effect_event_id("ef_1", 2, "accepted"), "ev_ys5nvqxna6qosb57fn3ikwhpgd"),
    "check": (ids.check_event_id("silence", "whatsapp:2234", AT), "ev_e556kszqmpms5fpz2glg47enar"),
    "entity": (ids.entity_id("tk", "ev_cause", "open-tickets", 0), "tk_mugz6wppvr26az53lsw7426efn"),
    "born": (
        ids.derived_event_id("ev_cause", "open-tickets", "hub.ticket.opened.v1", 0, ids.instant_prefix(AT)),
        "ev_01a2093e2f40082e35f211c39bb1aa2f",
    ),
    "delivery": (ids.delivery_id("journal", "segment", 7), "dl_pxjloe4irswxxdztkexa5sgzdf"),
}


@pytest.mark.parametrize("kind", GOLDEN)
def test_an_id_is_what_it_was(kind: str) -> None:
    made, ever = GOLDEN[kind]

    assert made == ever


def test_every_kind_of_id_has_its_own_space() -> None:
    assert len({ids.digest(kind, "a", "b") for kind in GOLDEN}) == len(GOLDEN)


def test_parts_do_not_run_into_each_other() -> None:
    assert ids.digest("ab", "c") != ids.digest("a", "bc")
    assert ids.digest("a", "") != ids.digest("a")
    assert ids.digest("1:a") != ids.digest("a")


def test_ids_are_short_plain_words() -> None:
    made = ids.item_event_id("/correo/ñ", "clave con espacios")

    assert made.startswith("ev_")
    assert len(made) == 29
    assert made[3:].isalnum()
    assert made == made.lower()


def test_what_is_born_later_sorts_later() -> None:
    instants = [AT + timedelta(milliseconds=step) for step in (0, 1, 60_000, 86_400_000 * 365 * 50)]
    made = [ids.entity_id("tk", "ev_cause", "open-tickets", 0, ids.instant_prefix(at)) for at in instants]

    assert made == sorted(made)
    assert {len(one) for one in made} == {35}


def test_the_result_of_an_effect_lies_beside_the_effect() -> None:
    born = ids.entity_id("ef", "ev_cause", "attend", 0, ids.instant_prefix(AT))
    older = "ef_" + ids.digest("effect")

    assert ids.effect_event_id(born, 1, "accepted")[3:15] == born[3:15]
    assert ids.effect_event_id(born, 1, "accepted") != ids.effect_event_id(born, 2, "accepted")
    assert ids.effect_event_id(older, 1, "accepted") == "ev_" + ids.digest("effect", older, "1", "accepted")
