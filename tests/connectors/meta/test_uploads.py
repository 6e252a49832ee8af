"""Files are handed over to both products within what each takes; trouble on the way is never a doubt."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from connectors._meta.transport import Credentials
from connectors.facebook import uploads as of_messenger
from connectors.whatsapp import uploads as of_whatsapp
from hub.contracts import KeptFile, NotTaken, Rejected, Uploaded
from tests.connectors.meta.products import PRODUCTS, Product

PHOTO: Final = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 3000


@pytest.fixture(params=PRODUCTS)
def product(request: pytest.FixtureRequest) -> Product:
    return PRODUCTS[request.param]


@contextlib.asynccontextmanager
async def uploading(product: Product, token: str = "") -> AsyncIterator[tuple[Any, Callable[[KeptFile], Any]]]:
    """Run the provider; give it with what hands a file over to it."""
    shown = (token or product.harness.TOKEN).encode()
    async with product.harness.running() as rig:
        credentials = Credentials(lambda: (shown,), lambda: (product.harness.APP_SECRET,))
        uploader = product.uploader(rig.url, credentials)
        try:
            yield rig, lambda file: uploader.upload(product.asset, file)
        finally:
            await uploader.close()


def kept(tmp_path: Path, content: bytes = PHOTO, kind: str = "image", mime: str = "image/jpeg") -> KeptFile:
    path = tmp_path / "aa11"
    path.write_bytes(content)
    return KeptFile(path, kind, mime, 'Guía "nueva"\r\n.jpg', len(content))


async def test_a_file_arrives_whole_under_its_name(product: Product, tmp_path: Path) -> None:
    async with uploading(product) as (rig, upload):
        found = await upload(kept(tmp_path))

        assert isinstance(found, Uploaded)
        (told,) = await rig.ledger("file")
        assert (told["id"], told["mime_type"], told["size"]) == (found.provider_id, "image/jpeg", len(PHOTO))
        assert told["filename"] == "Guía _nueva___.jpg"


@pytest.mark.parametrize(
    ("name", "kind", "mime", "size", "code"),
    [
        ("whatsapp", "image", "image/webp", 9, "file_type"),
        ("whatsapp", "voice", "audio/mpeg", 9, "file_type"),
        ("whatsapp", "image", "image/jpeg", 0, "file_empty"),
        ("whatsapp", "image", "image/jpeg", of_whatsapp.MOST_BYTES["image"] + 1, "file_too_large"),
        ("whatsapp", "document", "x/any", of_whatsapp.MOST_BYTES["document"] + 1, "file_too_large"),
        ("facebook", "document", "application/pdf", 0, "file_empty"),
        ("facebook", "document", "application/pdf", of_messenger.MOST_BYTES + 1, "file_too_large"),
    ],
)
async def test_what_is_beyond_its_limits_never_leaves(
    tmp_path: Path, name: str, kind: str, mime: str, size: int, code: str
) -> None:
    async with uploading(PRODUCTS[name]) as (rig, upload):
        found = await upload(KeptFile(kept(tmp_path, b"x").path, kind, mime, None, size))

        assert isinstance(found, Rejected)
        assert found.code == code
        assert await rig.ledger("upload") == []


@pytest.mark.parametrize("mime", ["application/pdf", "application/octet-stream", "text/xml", "application/zip"])
async def test_a_document_is_of_any_type(product: Product, tmp_path: Path, mime: str) -> None:
    async with uploading(product) as (_, upload):
        assert isinstance(await upload(kept(tmp_path, b"%PDF-1.7", "document", mime)), Uploaded)


async def test_a_file_that_is_gone_is_said_to_be(product: Product, tmp_path: Path) -> None:
    async with uploading(product) as (_, upload):
        found = await upload(KeptFile(tmp_path / "none", "document", "text/xml", None, 9))

        assert isinstance(found, Rejected)
        assert found.code == "file_gone"


@pytest.mark.parametrize(
    ("fault", "code", "scope"),
    [
        ({"do": "error", "status": 500, "code": "passing"}, "passing", "conversation"),
        ({"do": "error", "status": 400, "code": "throttle"}, "throttle", "asset"),
        ({"do": "error", "status": 401, "code": 190}, "190", "credential"),
        ({"do": "plain", "status": 502}, "http_502", "conversation"),
        ({"do": "cut_before"}, "upload", "conversation"),
        ({"do": "cut_after"}, "upload", "conversation"),
        ({"do": "truncated"}, "upload", "conversation"),
    ],
)
async def test_trouble_is_never_a_doubt(
    product: Product, tmp_path: Path, fault: dict[str, Any], code: str, scope: str
) -> None:
    own = {"passing": product.passing, "throttle": product.throttle[1]}
    fault = {name: own.get(value, value) if name == "code" else value for name, value in fault.items()}
    async with uploading(product) as (rig, upload):
        await rig.control("POST", "faults", {"uploads": [fault]})

        found = await upload(kept(tmp_path))
        again = await upload(kept(tmp_path))

        assert isinstance(found, NotTaken)
        assert (found.code, found.scope) == (str(own.get(code, code)), scope)
        assert isinstance(again, Uploaded)


async def test_a_wrong_token_is_the_credentials_trouble(product: Product, tmp_path: Path) -> None:
    async with uploading(product, "EAAG-another") as (_, upload):
        found = await upload(kept(tmp_path))

        assert isinstance(found, NotTaken)
        assert found.scope == "credential"
