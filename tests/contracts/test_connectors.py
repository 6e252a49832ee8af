"""What every connector owes, run on each that discovery would find."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

import connectors
from hub.contracts import (
    AccountItem,
    AmendmentItem,
    Connector,
    Ignored,
    Item,
    MessageItem,
    RawDelivery,
    RefusedItem,
    StatusItem,
    WebhookRequest,
    WebhookSecrets,
)
from hub.errors import SignatureMismatch, Unreadable
from schemas.content import MessageKind
from schemas.fields import Channel

FOUND = [
    importlib.import_module(f"connectors.{module.name}").CONNECTOR
    for module in pkgutil.iter_modules(connectors.__path__)
    if module.ispkg and not module.name.startswith("_")
]
HEADINGS = ("Credentials", "Limits", "Delivery guarantee", "Troubleshooting", "Quality")
EMPTY_HANDED = WebhookSecrets(signing=(b"a secret",), verify_token=b"a token")
NOISE = (
    b"",
    b"\0",
    b"null",
    b"[]",
    b"{}",
    b'"x"',
    b"[" * 50_000,
    b'{"a":NaN}',
    b"\xff\xfe",
    b'{"object":"?"}',
    b"<x/>",
)


def folder(connector: Connector) -> Path:
    return Path(connectors.__path__[0]) / connector.name


def samples(connector: Connector) -> list[Path]:
    """Return what the provider sent, without what we expect of it."""
    return sorted(
        path
        for path in (folder(connector) / "samples").iterdir()
        if not path.name.endswith(".events.json") and path.suffix != ".md"
    )


def delivery(connector: Connector, body: bytes) -> RawDelivery:
    return RawDelivery(
        id="dl_example",
        connector=connector.name,
        app="example",
        received_at=datetime(2026, 11, 22, 13, tzinfo=UTC),
        method="POST",
        path=f"/webhooks/{connector.name}/example",
        headers={},
        body=body,
    )


EVERY_SAMPLE = [
    pytest.param(connector, path, id=f"{connector.name}-{path.stem}")
    for connector in FOUND
    for path in samples(connector)
]
every_connector = pytest.mark.parametrize("connector", FOUND, ids=lambda connector: connector.name)


@every_connector
def test_it_is_named_after_its_folder(connector: Connector) -> None:
    assert (folder(connector) / "__init__.py").is_file()
    assert connector.channel in get_args(Channel)


@every_connector
def test_without_credentials_it_is_off(connector: Connector) -> None:
    assert connector.connect({}) is None
    assert connector.connect({"PATH": "/usr/bin", "HUB_DATA": ".data"}) is None


@every_connector
def test_its_readme_tells_what_an_operator_needs(connector: Connector) -> None:
    text = (folder(connector) / "README.md").read_text(encoding="utf-8")

    found = [line.lstrip("# ").strip() for line in text.splitlines() if line.startswith("##")]
    assert [heading for heading in HEADINGS if heading not in found] == []


@every_connector
def test_its_sandbox_stands_where_it_says(connector: Connector) -> None:
    module, _, attribute = connector.sandbox.partition(":")

    assert callable(getattr(importlib.import_module(module), attribute))


@every_connector
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "HEAD"])
def test_a_request_without_proof_is_refused(connector: Connector, method: str) -> None:
    for query in ("", "hub.mode=subscribe&hub.challenge=1", "token=", "x" * 5000):
        for secrets in (EMPTY_HANDED, WebhookSecrets(signing=())):
            request = WebhookRequest(method, f"/webhooks/{connector.name}/example", query, {}, b"{}")
            with pytest.raises(SignatureMismatch):
                connector.verify(request, secrets)


@every_connector
def test_it_has_samples(connector: Connector) -> None:
    assert samples(connector)


@pytest.mark.parametrize(("connector", "path"), EVERY_SAMPLE)
def test_a_sample_gives_the_same_items_each_time(connector: Connector, path: Path) -> None:
    raw = delivery(connector, path.read_bytes())

    first, second = list(connector.normalize(raw)), list(connector.normalize(raw))

    assert first
    assert first == second
    for item in first:
        check(item)


def check(item: Item) -> None:
    """Assert what ingest relies on."""
    # What the database cannot hold on every engine may not come out of a connector.
    for word in words_in(asdict(item)):
        assert "\0" not in word
        word.encode()
    if isinstance(item, Ignored | RefusedItem):
        assert item.reason.strip()
        return
    assert item.asset
    assert item.provider_id
    assert item.time is None or item.time.tzinfo is not None
    if isinstance(item, MessageItem):
        assert item.unsupported or item.kind in get_args(MessageKind)
        assert item.kind
        assert item.party is None or item.party.reply_to
    elif isinstance(item, StatusItem):
        assert item.explanation_es or item.status != "failed"
    elif isinstance(item, AccountItem):
        assert item.explanation_es
        assert item.alert or item.severity == "info"
    elif isinstance(item, AmendmentItem):
        assert item.target


def words_in(value: Any) -> Iterator[str]:
    """Yield every text within an item."""
    if isinstance(value, BaseModel):
        value = value.model_dump()
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield name
            yield from words_in(one)
    elif isinstance(value, tuple | list):
        for one in value:
            yield from words_in(one)


@pytest.mark.parametrize(("connector", "path"), EVERY_SAMPLE)
def test_a_damaged_sample_is_read_or_unreadable(connector: Connector, path: Path) -> None:
    body = path.read_bytes()
    step = max(len(body) // 60, 1)
    damaged = [body[:cut] for cut in range(0, len(body), step)]
    damaged += [body[:at] + b"\xff" + body[at + 1 :] for at in range(0, len(body), step)]
    damaged += [body[:at] + b"null" + body[at:] for at in range(0, len(body), step)]

    for one in damaged:
        assert items_or_reason(connector, one)


@every_connector
@pytest.mark.parametrize("body", NOISE)
def test_noise_is_read_or_unreadable(connector: Connector, body: bytes) -> None:
    assert items_or_reason(connector, body)


@pytest.mark.parametrize(("connector", "path"), EVERY_SAMPLE)
def test_any_value_of_a_json_sample_may_be_missing_or_of_another_type(connector: Connector, path: Path) -> None:
    if path.suffix != ".json":
        pytest.skip("no JSON")
    for changed in variations(json.loads(path.read_bytes())):
        assert items_or_reason(connector, json.dumps(changed).encode())


def items_or_reason(connector: Connector, body: bytes) -> list[Item] | str:
    """Return the items, or why there are none; anything else that is raised fails the test."""
    raw = delivery(connector, body)
    try:
        found = list(connector.normalize(raw))
    except Unreadable as error:
        return str(error)
    for item in found:
        check(item)
    return found


def variations(node: Any) -> list[Any]:
    """Return a document with each of its values in turn replaced by what nobody expects."""
    found: list[Any] = [None, 7, "", "\0", [], {}, [None], "x" * 100]
    if isinstance(node, dict):
        found += [{k: v for k, v in node.items() if k != name} for name in node]
        found += [{**node, name: other} for name, value in node.items() for other in variations(value)]
    elif isinstance(node, list):
        found += [[*node[:n], other, *node[n + 1 :]] for n, value in enumerate(node[:2]) for other in variations(value)]
    return found
