"""Every documented error code has its class with a sentence in Spanish."""

from __future__ import annotations

import pytest

from connectors._meta.transport import Answer
from connectors.whatsapp.answers import judge
from connectors.whatsapp.errors import TABLE, ErrorClass, explain, explain_late, outcome, stops_channel
from hub.contracts import Accepted, NotTaken, Rejected, Unclear

# Facts 3.5, row by row.
DOCUMENTED = {
    ErrorClass.TRANSIENT: {1, 2, 131000, 131016, 133004, 131057},
    ErrorClass.ONE_RETRY: {135000, 131052, 131053},
    ErrorClass.THROTTLE_NUMBER: {130429, 4, 80007},
    ErrorClass.THROTTLE_PAIR: {131056},
    ErrorClass.THROTTLE_SPAM: {131048, 131064},
    ErrorClass.CREDENTIALS: {0, 190, 3, 10, 131005, *range(200, 300)},
    ErrorClass.POLICY: {368, 131031},
    ErrorClass.SET_UP: {131042, 131044, 2500, 2635},
    # One number's: those beside it go on.
    ErrorClass.NUMBER_SET_UP: {133010, 131045, 131037, 33, 133005, 133006, 133008, 133009, 133015, 133016},
    ErrorClass.WINDOW: {131047},
    ErrorClass.RECIPIENT: {130497, 131026, 131021, 131030, 131062, 130403, 137000},
    ErrorClass.MARKETING: {131049, 131050, 130472, 131063},
    ErrorClass.TEMPLATE: {132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 132018, 132068, 132069},
    ErrorClass.OURS: {100, 131008, 131009, 131051},
}


@pytest.mark.feature("OP-08", part="whatsapp")
def test_the_table_holds_every_documented_code_under_its_class() -> None:
    found = {kind: {code for code, row in TABLE.items() if row.kind is kind} for kind in ErrorClass}

    assert found == DOCUMENTED


@pytest.mark.parametrize("code", TABLE)
def test_every_code_is_explained_in_a_full_sentence(code: int) -> None:
    text = explain(code)

    assert text[0].isupper()
    assert text.endswith(".")
    assert len(text.split()) > 5


@pytest.mark.feature("OP-08", part="whatsapp")
@pytest.mark.parametrize("code", TABLE)
def test_every_code_leads_to_what_its_class_says(code: int) -> None:
    found = outcome(code, attempt=2, retry_after_seconds=7)

    match TABLE[code].kind:
        case ErrorClass.TRANSIENT:
            assert found == NotTaken(str(code), explain(code), 7)
        case ErrorClass.THROTTLE_NUMBER:
            assert found == NotTaken(str(code), explain(code), 7, scope="asset")
        case ErrorClass.THROTTLE_SPAM:
            assert found == NotTaken(str(code), explain(code), 3600, scope="asset")
        case ErrorClass.NUMBER_SET_UP:
            assert found == NotTaken(str(code), explain(code), 60, scope="asset")
        case ErrorClass.THROTTLE_PAIR:
            assert found == NotTaken(str(code), explain(code), 16)
        case ErrorClass.CREDENTIALS | ErrorClass.POLICY | ErrorClass.SET_UP:
            assert found == NotTaken(str(code), explain(code), 7, scope="credential")
        case _:
            assert found == Rejected(str(code), explain(code))


@pytest.mark.parametrize("code", TABLE)
def test_what_failed_after_it_was_taken_is_not_said_to_go_on_by_itself(code: int) -> None:
    text = explain_late(code)

    assert "intenta solo" not in text
    assert "Sigue solo" not in text
    assert "una sola vez" not in text


def test_what_stops_the_channel_is_told_from_what_concerns_one_message() -> None:
    assert {code for code in (190, 131042, 368, 133010, 131000, 131026, 130497, 132001) if stops_channel(code)} == {
        190,
        131042,
        368,
        133010,
    }
    assert not stops_channel(None)
    assert not stops_channel(424242)


def test_a_pair_pause_grows_fourfold_up_to_an_hour() -> None:
    pauses = [
        found.retry_after_seconds for n in (1, 2, 3, 99) if isinstance(found := outcome(131056, attempt=n), NotTaken)
    ]

    assert pauses == [4, 16, 64, 3600]


def test_a_generic_error_is_tried_once_more() -> None:
    assert isinstance(outcome(135000, attempt=1), NotTaken)
    assert isinstance(outcome(135000, attempt=2), Rejected)


def test_a_code_that_nobody_documented_has_no_outcome() -> None:
    assert outcome(424242, attempt=1) is None
    assert "424242" in explain(424242)


def answered(status: int, body: bytes, **headers: str) -> object:
    return judge(Answer(status, headers, body), attempt=1)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b""),
        (502, b"<html>Bad gateway</html>"),
        (503, b'{"error":{"code":424242}}'),
        (400, b'{"error":{"code":424242}}'),
        (400, b"[]"),
        (404, b"not here"),
        (302, b""),
        (200, b""),
        (200, b'{"messages":[]}'),
        (200, b'{"messages":[{"id":""}]}'),
        (200, b'{"messages":[{"id":7}]}'),
        (200, b'{"messages":{"id":"x"}}'),
        (200, b'{"error":{"code":131000}}'),
        (500, b'{"error":{"code":true}}'),
        (500, b'{"error":{"code":1' + b"0" * 4000 + b"}}"),
        (403, b'{"error":{"code":424242}}'),
    ],
)
def test_what_proves_nothing_is_unclear(status: int, body: bytes) -> None:
    assert isinstance(answered(status, body), Unclear)


def test_a_message_id_is_acceptance() -> None:
    assert answered(200, b'{"messages":[{"id":"wamid.X"}]}') == Accepted("wamid.X")


@pytest.mark.parametrize(("given", "seconds"), [("17", 17), ("999999999", 86_400), ("-1", None), ("soon", None)])
def test_a_429_of_nobody_waits_as_told(given: str, seconds: float | None) -> None:
    found = answered(429, b"slow down", **{"retry-after": given})

    assert isinstance(found, NotTaken)
    assert (found.scope, found.retry_after_seconds) == ("asset", seconds)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, b"", "http_401"),
        (403, b"<html>", "http_403"),
        (401, b'{"error":{"code":190}}', "190"),
        (401, b'{"error":{"code":"190"}}', "190"),
        (400, b'{"error":{"code":100,"message":"Invalid appsecret_proof provided in the API argument"}}', "190"),
    ],
)
def test_trouble_with_the_credential_pauses_all_that_share_it(status: int, body: bytes, code: str) -> None:
    found = answered(status, body)

    assert isinstance(found, NotTaken)
    assert (found.code, found.scope) == (code, "credential")
