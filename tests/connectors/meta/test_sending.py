"""Whatever either product does with a call, its outcome says what surely happened."""

from __future__ import annotations

from typing import Any

import pytest

from hub.contracts import Accepted, NotTaken, Rejected, Unclear
from tests.connectors.meta.products import PRODUCTS, Product
from tests.support.ports import free_ports


@pytest.fixture(
    params=[pytest.param(one, id=name, marks=pytest.mark.feature("DX-03", part=name)) for name, one in PRODUCTS.items()]
)
def product(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"do": "error", "status": 500, "code": "passing"}, NotTaken),
        ({"do": "error", "status": 400, "code": "shut"}, Rejected),
        ({"do": "error", "status": 500, "code": 424242}, Unclear),
        ({"do": "plain", "status": 502}, Unclear),
        ({"do": "plain", "status": 500, "taken": True}, Unclear),
        ({"do": "cut_before"}, Unclear),
        ({"do": "cut_after"}, Unclear),
        ({"do": "truncated"}, Unclear),
        ({"do": "hang", "seconds": 1}, Unclear),
        ({"do": "hang", "seconds": 1, "taken": True}, Unclear),
    ],
)
async def test_each_misbehaviour_has_its_outcome(product: Product, fault: dict[str, Any], expected: type) -> None:
    own = {"passing": {"code": product.passing}, "shut": product.shut}
    fault = {**fault, **own.get(fault.get("code", ""), {})}
    async with product.harness.running() as rig:
        await rig.control("POST", "faults", {"answers": [fault]})
        sender = rig.sender(timeout_seconds=0.3)

        outcome = await sender.send(product.harness.call())
        after = await sender.send(product.harness.call(effect_id="ef_example02"))
        await sender.close()

        assert isinstance(outcome, expected)
        assert isinstance(after, Accepted)
        sends = await rig.ledger("send")
        taken = fault["do"] in {"cut_after", "truncated"} or fault.get("taken", False)
        assert [(entry["effect"], entry["taken"]) for entry in sends] == [
            ("ef_example01", taken),
            ("ef_example02", True),
        ]


async def test_a_throttled_asset_waits_as_long_as_it_is_told(product: Product) -> None:
    status, code = product.throttle
    async with product.harness.running() as rig:
        fault = {"do": "error", "status": status, "code": code, "retry_after": 17}
        await rig.control("POST", "faults", {"answers": [fault, {"do": "plain", "status": 429, "retry_after": 3}]})
        sender = rig.sender()

        outcomes = [await sender.send(product.harness.call()) for _ in range(2)]
        await sender.close()

    found = [(one.code, one.scope, one.retry_after_seconds) for one in outcomes if isinstance(one, NotTaken)]
    assert found == [(str(code), "asset", 17), ("http_429", "asset", 3)]


async def test_a_wrong_token_or_version_pauses_the_credential_without_showing_it(product: Product) -> None:
    async with product.harness.running() as rig:
        for sender, code in ((rig.sender(token="EAAG-other"), "190"), (rig.sender(version="v9.0"), "2500")):
            outcome = await sender.send(product.harness.call())
            await sender.close()

            assert isinstance(outcome, NotTaken)
            assert (outcome.code, outcome.scope) == (code, "credential")
            assert "EAAG" not in repr(outcome)


@pytest.mark.parametrize("token", ["", "two words", "new\nline", "ñ"])
async def test_a_token_that_no_header_can_carry_never_leaves(product: Product, token: str) -> None:
    outcome = await product.harness.sender_to("http://127.0.0.1:1", token=token).send(product.harness.call())

    assert isinstance(outcome, NotTaken)
    assert outcome.scope == "credential"


async def test_nobody_listening_is_surely_not_taken(product: Product) -> None:
    sender = product.harness.sender_to(f"http://127.0.0.1:{free_ports(1)[0]}")
    outcome = await sender.send(product.harness.call())
    await sender.close()

    assert isinstance(outcome, NotTaken)
    assert outcome.code == "unreachable"
