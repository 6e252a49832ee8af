"""Files are handed over to WhatsApp within what it takes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors._meta.transport import Credentials
from connectors.whatsapp.client import Access
from connectors.whatsapp.uploads import MOST_BYTES, WhatsAppUploader
from hub.contracts import KeptFile, NotTaken, Rejected, Uploaded
from tests.connectors.whatsapp.harness import APP_SECRET, NUMBER_ID, TOKEN, Rig, running

PHOTO = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 3000


@contextlib.asynccontextmanager
async def uploading(token: str = TOKEN) -> AsyncIterator[tuple[Rig, WhatsAppUploader]]:
    async with running() as rig:
        credentials = Credentials(lambda: (token.encode(),), lambda: (APP_SECRET,))
        uploader = WhatsAppUploader(Access(rig.url, "v26.0", 2, credentials))
        try:
            yield rig, uploader
        finally:
            await uploader.close()


def kept(tmp_path: Path, content: bytes = PHOTO, kind: str = "image", mime: str = "image/jpeg") -> KeptFile:
    path = tmp_path / "aa11"
    path.write_bytes(content)
    return KeptFile(path, kind, mime, 'Guía "nueva"\r\n.jpg', len(content))


async def test_a_file_arrives_whole_under_its_name(tmp_path: Path) -> None:
    async with uploading() as (rig, uploader):
        found = await uploader.upload(NUMBER_ID, kept(tmp_path))

        assert isinstance(found, Uploaded)
        (told,) = await rig.ledger("file")
        assert (told["id"], told["mime_type"], told["size"]) == (found.provider_id, "image/jpeg", len(PHOTO))
        assert told["filename"] == "Guía _nueva___.jpg"


@pytest.mark.parametrize(
    ("kind", "mime", "size", "code"),
    [
        ("image", "image/webp", 9, "file_type"),
        ("voice", "audio/mpeg", 9, "file_type"),
        ("image", "image/jpeg", 0, "file_empty"),
        ("image", "image/jpeg", MOST_BYTES["image"] + 1, "file_too_large"),
        ("document", "application/x-anything", MOST_BYTES["document"] + 1, "file_too_large"),
    ],
)
async def test_what_is_beyond_its_limits_never_leaves(
    tmp_path: Path, kind: str, mime: str, size: int, code: str
) -> None:
    async with uploading() as (rig, uploader):
        file = KeptFile(kept(tmp_path, b"x").path, kind, mime, None, size)

        found = await uploader.upload(NUMBER_ID, file)

        assert isinstance(found, Rejected)
        assert found.code == code
        assert await rig.ledger("upload") == []


@pytest.mark.parametrize("mime", ["application/pdf", "application/octet-stream", "text/xml", "application/zip"])
async def test_a_document_is_of_any_type(tmp_path: Path, mime: str) -> None:
    async with uploading() as (_, uploader):
        found = await uploader.upload(NUMBER_ID, kept(tmp_path, b"%PDF-1.7", "document", mime))

        assert isinstance(found, Uploaded)


async def test_a_file_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    async with uploading() as (_, uploader):
        found = await uploader.upload(NUMBER_ID, KeptFile(tmp_path / "none", "document", "text/xml", None, 9))

        assert isinstance(found, Rejected)
        assert found.code == "file_gone"


@pytest.mark.parametrize(
    ("fault", "code", "scope"),
    [
        ({"do": "error", "status": 500, "code": 131000}, "131000", "conversation"),
        ({"do": "error", "status": 400, "code": 80007}, "80007", "asset"),
        ({"do": "error", "status": 401, "code": 190}, "190", "credential"),
        ({"do": "plain", "status": 502}, "http_502", "conversation"),
        ({"do": "cut_before"}, "upload", "conversation"),
        ({"do": "cut_after"}, "upload", "conversation"),
        ({"do": "truncated"}, "upload", "conversation"),
    ],
)
async def test_trouble_is_never_a_doubt(tmp_path: Path, fault: dict[str, object], code: str, scope: str) -> None:
    async with uploading() as (rig, uploader):
        await rig.control("POST", "faults", {"uploads": [fault]})

        found = await uploader.upload(NUMBER_ID, kept(tmp_path))
        again = await uploader.upload(NUMBER_ID, kept(tmp_path))

        assert isinstance(found, NotTaken)
        assert (found.code, found.scope) == (code, scope)
        assert isinstance(again, Uploaded)


async def test_a_wrong_token_is_the_credentials_trouble(tmp_path: Path) -> None:
    async with uploading("EAAG-another") as (_, uploader):
        found = await uploader.upload(NUMBER_ID, kept(tmp_path))

        assert isinstance(found, NotTaken)
        assert found.scope == "credential"
