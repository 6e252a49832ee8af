"""Every documented error code of Messenger has its class with a sentence in Spanish."""

from __future__ import annotations

import json

import pytest

from connectors._meta.transport import Answer
from connectors.facebook.answers import judge, psid_in
from connectors.facebook.errors import ABUSE_PAUSE_SECONDS, PAIRS, TABLE, ErrorClass, explain, find, outcome
from hub.contracts import Accepted, NotTaken, Outcome, Rejected, Unclear

# Facts 4.10, row by row; the versions' codes come from the Graph API itself.
DOCUMENTED = {
    ErrorClass.TRANSIENT: {1, 2, 1200},
    ErrorClass.ONE_RETRY: {2018008, 2018294},
    ErrorClass.THROTTLE: {4, 17, 32, 341, 613, 2534040},
    ErrorClass.ABUSE: {2018338},
    ErrorClass.CREDENTIALS: {102, 190},
    ErrorClass.PERMISSION: {3, 10, *range(200, 300), 2018028},
    ErrorClass.POLICY: {368},
    ErrorClass.PAGE_RESTRICTED: {1893063},
    ErrorClass.SET_UP: {2500, 2635},
    ErrorClass.WINDOW: {2018278, 2018065, 2534022},
    ErrorClass.RECIPIENT: {551, 1545041, 2018108, 2018001, 9000001},
    ErrorClass.THREAD_OWNER: {2018300},
    ErrorClass.ATTACHMENT: {2018047, 2018109},
    ErrorClass.COMMENT: {506, 2534025},
    ErrorClass.OURS: {100, 1893061},
}
TOKEN_SUBCODES = {458, 459, 460, 463, 464, 467, 492}


def judged(status: int, error: dict[str, object] | None = None, *, about_comment: bool = False) -> Outcome:
    body = json.dumps({} if error is None else {"error": error}).encode()
    return judge(Answer(status, {}, body), names="message_id", attempt=1, about_comment=about_comment)


@pytest.mark.feature("OP-08", part="facebook")
def test_the_table_holds_every_documented_code_under_its_class() -> None:
    found = {kind: {code for code, row in TABLE.items() if row.kind is kind} for kind in ErrorClass}

    assert found == DOCUMENTED
    assert {pair for pair in PAIRS if pair[0] == 190} == {(190, subcode) for subcode in TOKEN_SUBCODES}


@pytest.mark.parametrize("row", [*TABLE.values(), *PAIRS.values()])
def test_every_code_is_explained_in_a_full_sentence(row: object) -> None:
    text = getattr(row, "explanation_es", "")

    assert text[0].isupper()
    assert text.endswith(".")
    assert len(text.split()) > 5


@pytest.mark.feature("OP-08", part="facebook")
@pytest.mark.parametrize("code", TABLE)
def test_every_code_leads_to_what_its_class_says(code: int) -> None:
    row = TABLE[code]
    first, later = (outcome(row, str(code), attempt=attempt, retry_after_seconds=7) for attempt in (1, 2))

    match row.kind:
        case ErrorClass.TRANSIENT:
            assert later == NotTaken(str(code), row.explanation_es, 7)
        case ErrorClass.THROTTLE:
            assert later == NotTaken(str(code), row.explanation_es, 7, scope="asset")
        case ErrorClass.CREDENTIALS | ErrorClass.PERMISSION | ErrorClass.SET_UP:
            assert later == NotTaken(str(code), row.explanation_es, 7, scope="credential")
        case ErrorClass.ABUSE | ErrorClass.POLICY | ErrorClass.PAGE_RESTRICTED:
            assert later == NotTaken(str(code), row.explanation_es, ABUSE_PAUSE_SECONDS, scope="credential")
        case ErrorClass.ONE_RETRY:
            assert isinstance(first, NotTaken)
            assert isinstance(later, Rejected)
        case _:
            assert later == Rejected(str(code), row.explanation_es)


@pytest.mark.parametrize(
    ("code", "subcode", "kind"),
    [
        (10, None, ErrorClass.PERMISSION),
        (10, 2018278, ErrorClass.WINDOW),
        (10, 2018108, ErrorClass.RECIPIENT),
        (10, 1893063, ErrorClass.PAGE_RESTRICTED),
        (200, 1545041, ErrorClass.RECIPIENT),
        (200, 2018028, ErrorClass.PERMISSION),
        (613, 2018338, ErrorClass.ABUSE),
        (100, 2018001, ErrorClass.RECIPIENT),
        (100, 33, ErrorClass.SET_UP),
        (190, 460, ErrorClass.CREDENTIALS),
        # 460 beside another code says nothing about a password, nor is 551 as a subcode a person.
        (100, 460, ErrorClass.OURS),
        (100, 551, ErrorClass.OURS),
        (1, 99, ErrorClass.TRANSIENT),
    ],
)
def test_a_known_subcode_decides_else_the_code(code: int, subcode: int | None, kind: ErrorClass) -> None:
    found = find(code, subcode)

    assert found is not None
    assert found.kind is kind


def test_what_is_in_no_table_is_unclear() -> None:
    assert find(424242, 2018278) is not None
    assert find(424242, 7) is None
    assert isinstance(judged(400, {"code": 424242}), Unclear)
    assert isinstance(judged(500), Unclear)
    assert isinstance(judged(200), Unclear)
    assert "424242" in explain(424242)


def test_a_deleted_comment_stops_nothing_but_its_answer() -> None:
    gone: dict[str, object] = {"code": 100, "error_subcode": 33, "message": "Unsupported post request."}

    assert isinstance(judged(400, gone, about_comment=True), Rejected)
    assert isinstance(judged(400, gone), NotTaken)


def test_a_wrong_app_secret_is_a_channel_that_is_down() -> None:
    found = judged(400, {"code": 100, "message": "Invalid appsecret_proof provided in the API argument"})

    assert isinstance(found, NotTaken)
    assert found.scope == "credential"


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_without_a_code_pauses_the_credential(status: int) -> None:
    found = judged(status)

    assert isinstance(found, NotTaken)
    assert found.scope == "credential"


def test_the_usage_header_tells_how_long_to_wait() -> None:
    usage = json.dumps({"345": [{"type": "messenger", "estimated_time_to_regain_access": 5}]})
    body = json.dumps({"error": {"code": 613}}).encode()

    found = judge(
        Answer(400, {"x-business-use-case-usage": usage}, body), names="message_id", attempt=1, about_comment=False
    )

    assert isinstance(found, NotTaken)
    assert found.retry_after_seconds == 300


def test_the_answer_to_a_private_reply_names_the_person() -> None:
    whole = Answer(200, {}, b'{"recipient_id":"6543210987654321","message_id":"m_1"}')

    assert judge(whole, names="message_id", attempt=1, about_comment=True) == Accepted("m_1")
    assert psid_in(whole) == "6543210987654321"
    assert psid_in(Answer(200, {}, b'{"recipient_id":7}')) is None
    assert psid_in(Answer(500, {}, whole.body)) is None
