"""Both products of Meta, for tests that say the same of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from connectors._meta.transport import Credentials
from connectors.facebook.client import Access as PageAccess
from connectors.facebook.uploads import FacebookUploader
from connectors.whatsapp.client import Access as NumberAccess
from connectors.whatsapp.uploads import WhatsAppUploader
from hub.contracts import Uploader
from tests.connectors.facebook import harness as facebook
from tests.connectors.whatsapp import harness as whatsapp


@dataclass(frozen=True)
class Product:
    """One of both, with codes that it answers.

    Attributes:
        harness: Runs its simulator, makes calls to it.
        uploader: What hands files over to it, by address with credentials.
        passing: Of a fault that passes.
        throttle: Of an asset at its limit, with the status that it comes under.
        shut: Of a window that is shut, perhaps with the subcode.
    """

    harness: Any
    asset: str
    uploader: Callable[[str, Credentials], Uploader]
    passing: int
    throttle: tuple[int, int]
    shut: dict[str, int]


def _of_page(url: str, credentials: Credentials) -> Uploader:
    return FacebookUploader(PageAccess(url, "v26.0", 2, {facebook.PAGE: credentials}))


def _of_number(url: str, credentials: Credentials) -> Uploader:
    return WhatsAppUploader(NumberAccess(url, "v26.0", 2, credentials))


FACEBOOK: Final = Product(facebook, facebook.PAGE, _of_page, 2, (400, 613), {"code": 10, "subcode": 2018278})
WHATSAPP: Final = Product(whatsapp, whatsapp.NUMBER_ID, _of_number, 131000, (429, 130429), {"code": 131047})
PRODUCTS: Final = {"facebook": FACEBOOK, "whatsapp": WHATSAPP}
