"""BAJA alone opts out, ALTA undoes it; neither is a matter for support (R-C12)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.store.tables import cases, preferences
from schemas.conversations import ContactPreferenceChanged
from schemas.replies import ReplyRequested
from tests.support.desk import Desk


@pytest.mark.feature("CO-09")
async def test_the_word_alone_is_kept_and_opens_no_case(desk: Desk) -> None:
    await desk.says("BAJA")
    await desk.settle()

    (event,) = await desk.stated(ContactPreferenceChanged)
    assert (event.data.category, event.data.allowed) == ("started_by_us", False)
    assert await desk.rows(cases) == []
    assert await desk.stated(ReplyRequested) == []

    desk.clock.move(timedelta(minutes=1))
    await desk.says("Alta")
    await desk.settle()
    kept = {row.category: row.allowed for row in await desk.rows(preferences)}
    assert kept == {"started_by_us": 1, "marketing_messages": 1}


async def test_a_question_with_the_word_in_it_is_a_question(desk: Desk) -> None:
    await desk.says("¿Cómo doy de baja a un usuario?")
    await desk.settle()

    assert await desk.stated(ContactPreferenceChanged) == []
    assert len(await desk.rows(cases)) == 1
