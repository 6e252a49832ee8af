"""Files of WhatsApp are looked up, then downloaded from where they are allowed to be."""

from __future__ import annotations

import base64
import contextlib
import io
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors._meta.transport import Credentials
from connectors.whatsapp.client import Access
from connectors.whatsapp.files import WhatsAppFetcher
from hub.contracts import Fetched, NotFetched, WantedFile
from tests.connectors.whatsapp.harness import APP_SECRET, NUMBER_ID, TOKEN, Rig, running

PHOTO = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 300


@contextlib.asynccontextmanager
async def fetching(token: str = TOKEN) -> AsyncIterator[tuple[Rig, WhatsAppFetcher]]:
    async with running() as rig:
        credentials = Credentials(lambda: (token.encode(),), lambda: (APP_SECRET,))
        fetcher = WhatsAppFetcher(Access(rig.url, "v26.0", 2, credentials))
        try:
            yield rig, fetcher
        finally:
            await fetcher.close()


async def put(rig: Rig, content: bytes = PHOTO) -> dict[str, Any]:
    order = {"content": base64.b64encode(content).decode(), "mime_type": "image/jpeg"}
    file: dict[str, Any] = await rig.control("POST", "files", order)
    return file


def wanted(media: str, *, most_bytes: int = 1_000_000, asset: str = NUMBER_ID) -> WantedFile:
    return WantedFile(asset, {"media_id": media}, most_bytes)


async def test_a_file_comes_whole_with_what_is_known_of_it() -> None:
    async with fetching() as (rig, fetcher):
        file = await put(rig)
        into = io.BytesIO()

        found = await fetcher.fetch(wanted(file["id"]), into)

        assert into.getvalue() == PHOTO
        assert isinstance(found, Fetched)
        assert (found.mime_type, len(found.sha256 or "")) == ("image/jpeg", 64)


async def test_the_token_is_shown_to_the_first_host_alone() -> None:
    async with fetching() as (rig, fetcher), running() as elsewhere:
        file = await put(rig)
        there: Any = await put(elsewhere)
        there = there["url"].replace("files", "elsewhere")
        await rig.control("POST", "faults", {"files": [{"do": "redirect", "to": there}]})
        into = io.BytesIO()

        assert isinstance(await fetcher.fetch(wanted(file["id"]), into), Fetched)

        assert [one["token"] for one in await rig.ledger("download")] == [True]
        assert [one["token"] for one in await elsewhere.ledger("download")] == [False]
        assert into.getvalue() == PHOTO


@pytest.mark.parametrize("to", ["http://10.0.0.5/a", "https://example.com/a", "file:///etc/hostname"])
async def test_a_redirect_to_anywhere_else_is_not_followed(to: str) -> None:
    async with fetching() as (rig, fetcher):
        file = await put(rig)
        await rig.control("POST", "faults", {"files": [{"do": "redirect", "to": to}]})

        found = await fetcher.fetch(wanted(file["id"]), io.BytesIO())

        assert isinstance(found, NotFetched)
        assert (found.code, found.for_good) == ("address", False)


async def test_redirects_in_a_circle_end() -> None:
    async with fetching() as (rig, fetcher):
        file = await put(rig)
        await rig.control("POST", "faults", {"files": [{"do": "redirect", "times": 50}]})

        found = await fetcher.fetch(wanted(file["id"]), io.BytesIO())

        assert isinstance(found, NotFetched)
        assert found.code == "redirects"


async def test_what_is_announced_as_too_large_is_not_begun() -> None:
    async with fetching() as (rig, fetcher):
        file = await put(rig)

        found = await fetcher.fetch(wanted(file["id"], most_bytes=1000), io.BytesIO())

        assert isinstance(found, NotFetched)
        assert (found.code, found.for_good) == ("too_large", True)
        assert await rig.ledger("download") == []


@pytest.mark.parametrize(
    "fault", [{"do": "status", "status": 404}, {"do": "status", "status": 500}, {"do": "cut", "times": 2}]
)
# What reads HTTP asks once more by itself when a connection is cut.
async def test_what_fails_may_be_tried_again(fault: dict[str, Any]) -> None:
    async with fetching() as (rig, fetcher):
        file = await put(rig)
        await rig.control("POST", "faults", {"files": [fault]})

        first = await fetcher.fetch(wanted(file["id"]), io.BytesIO())
        into = io.BytesIO()
        second = await fetcher.fetch(wanted(file["id"]), into)

        assert isinstance(first, NotFetched)
        assert not first.for_good
        assert isinstance(second, Fetched)
        assert into.getvalue() == PHOTO


@pytest.mark.parametrize(
    ("given", "asset", "code"),
    [("12345", NUMBER_ID, "graph_100"), ("../me", NUMBER_ID, "source"), (None, "999990000000002", "graph_33")],
)
async def test_an_unknown_file_or_number_is_told(given: str | None, asset: str, code: str) -> None:
    async with fetching() as (rig, fetcher):
        media = given or (await put(rig))["id"]

        found = await fetcher.fetch(wanted(media, asset=asset), io.BytesIO())

        assert isinstance(found, NotFetched)
        assert found.code == code


async def test_a_wrong_token_is_told_without_it() -> None:
    async with fetching(token="EAAG-another") as (rig, fetcher):
        found = await fetcher.fetch(wanted((await put(rig))["id"]), io.BytesIO())

        assert isinstance(found, NotFetched)
        assert found.code == "graph_190"
        assert "EAAG" not in repr(found)


async def test_an_upload_can_be_looked_up() -> None:
    async with running() as rig:
        form = {"messaging_product": "whatsapp", "type": "image/jpeg"}
        headers = {"authorization": f"Bearer {TOKEN}"}
        url = f"{rig.url}/v26.0/{NUMBER_ID}/media"

        async def upload(type_: str, data: dict[str, str] | None = None) -> Any:
            return await rig.http.post(url, files={"file": ("a.jpg", PHOTO, type_)}, data=data, headers=headers)

        taken, untyped, unnamed = (
            await upload("image/jpeg", form),
            await upload("image/png", form),
            await upload("image/jpeg"),
        )
        known = await rig.http.get(f"{rig.url}/v26.0/{taken.json()['id']}", headers=headers)

        assert (untyped.json()["error"]["code"], unnamed.json()["error"]["code"]) == (131053, 100)
        assert known.json()["file_size"] == str(len(PHOTO))
        content = await rig.http.get(known.json()["url"], headers=headers)
        assert content.content == PHOTO
        assert (await rig.http.get(known.json()["url"])).status_code == 404, "without the token"
