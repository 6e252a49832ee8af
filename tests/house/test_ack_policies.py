"""Nothing of the hub may acknowledge a Kafka record before its work is done.

FastStream's default, ACK_FIRST, commits before the handler; ACK, REJECT_ON_ERROR commit what failed; NACK_ON_ERROR
turns in circles; ``ack()`` commits whatever was handed out (all measured). What is left: MANUAL, explicit offsets.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("hub", "connectors", "handlers", "schemas")
POLICIES = {"ACK_FIRST", "ACK", "NACK_ON_ERROR", "REJECT_ON_ERROR"}
ACKNOWLEDGING = {"ack", "nack", "reject"}
RAISED = {"AckMessage", "NackMessage", "RejectMessage"}
WANTED: dict[str, dict[str, str]] = {
    "subscriber": {"ack_policy": "AckPolicy.MANUAL", "auto_offset_reset": "'earliest'", "no_reply": "True"},
    "KafkaBroker": {"allow_auto_create_topics": "False", "apply_types": "False"},
    "AIOKafkaConsumer": {"enable_auto_commit": "False"},
}


def faults(source: str) -> Iterator[str]:
    """Yield what a module does that can lose a record, with its line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in POLICIES:
            yield f"{node.lineno}: {node.attr}"
        if isinstance(node, ast.Name | ast.alias) and _name(node) in RAISED | POLICIES:
            yield f"{getattr(node, 'lineno', 0)}: {_name(node)}"
        if isinstance(node, ast.Constant) and node.value in {policy.lower() for policy in POLICIES - {"ACK"}}:
            yield f"{node.lineno}: {node.value!r} as a policy"
        if isinstance(node, ast.Call):
            yield from _call(node)


def _call(node: ast.Call) -> Iterator[str]:
    name = _name(node.func)
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
    if isinstance(node.func, ast.Attribute) and name in ACKNOWLEDGING:
        yield f"{node.lineno}: {name}()"
    is_consumers = isinstance(node.func, ast.Attribute) and "consumer" in ast.unparse(node.func.value).lower()
    if name == "commit" and is_consumers and (not node.args or ast.unparse(node.args[0]) == "None"):
        yield f"{node.lineno}: commit() without offsets"
    for argument, value in WANTED.get(name, {}).items():
        if given.get(argument) != value:
            yield f"{node.lineno}: {name}(...) without {argument}={value}"


def _name(node: ast.expr | ast.alias) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return getattr(node, "id", getattr(node, "name", ""))


@pytest.mark.feature("OP-04")
def test_no_module_acknowledges_before_its_work() -> None:
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    found = [f"{path.relative_to(ROOT)}:{fault}" for path in files for fault in faults(path.read_text())]

    assert found == []


@pytest.mark.feature("OP-04")
def test_the_hub_subscribes_somewhere() -> None:
    """Else the check above would be satisfied by a hub that consumes in a way it does not see."""
    text = "\n".join(path.read_text() for path in (ROOT / "hub" / "bus").rglob("*.py"))

    assert text.count(".subscriber(") == 1
    assert text.count("KafkaBroker(\n") == 1
    assert text.count("AIOKafkaConsumer(") == 1, "the doctor's look at the ends of the log, of no group"


@pytest.mark.feature("OP-04")
@pytest.mark.parametrize(
    "planted",
    [
        "broker.subscriber('t')",
        "broker.subscriber('t', ack_policy=AckPolicy.ACK_FIRST, auto_offset_reset='earliest', no_reply=True)",
        "broker.subscriber('t', ack_policy=AckPolicy.MANUAL, no_reply=True)",
        "broker.subscriber('t', ack_policy=AckPolicy.MANUAL, auto_offset_reset='latest', no_reply=True)",
        "policy = AckPolicy.ACK",
        "policy = AckPolicy.NACK_ON_ERROR",
        "policy = AckPolicy('ack_first')",
        "from faststream.middlewares import ACK_FIRST",
        "KafkaBroker('x', apply_types=False)",
        "KafkaBroker('x', ack_policy=AckPolicy.MANUAL)",
        "AIOKafkaConsumer('t')",
        "AIOKafkaConsumer('t', enable_auto_commit=True)",
        "async def f(msg): await msg.ack()",
        "async def f(msg): await msg.nack()",
        "async def f(): raise AckMessage",
        "async def f(consumer): await consumer.commit()",
        "async def f(self): await self._subscriber.consumer.commit(None)",
    ],
)
def test_what_would_lose_a_record_is_found(planted: str) -> None:
    assert list(faults(planted))


def test_what_is_right_is_left_alone() -> None:
    right = "broker.subscriber('t', ack_policy=AckPolicy.MANUAL, auto_offset_reset='earliest', no_reply=True)"
    commit = "async def f(consumer, offsets): await consumer.commit(offsets)"

    assert list(faults(right)) == list(faults(commit)) == []
