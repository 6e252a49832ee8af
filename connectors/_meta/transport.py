"""Makes one call to the Graph API, bounded in time with its answer bounded in size."""

from __future__ import annotations

import asyncio
import contextvars
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Final

from connectors._meta.signature import proof
from hub.errors import Misconfigured

if TYPE_CHECKING:
    import httpx
    from aiohttp.abc import AbstractResolver

CONNECT_SECONDS: Final = 5.0
# Below what servers grant (uvicorn 5 s): one that is closed just as a request leaves on it makes a doubtful reply.
IDLE_SECONDS: Final = 3.0
MAX_ANSWER_BYTES: Final = 1024 * 1024

_TOKEN: Final = re.compile(rb"[!-~]+")

Secret = Callable[[], tuple[bytes, ...]]


@dataclass(slots=True)
class _Way:
    """How far one request has come.

    Attributes:
        open: Whether it has a connection: from here on bytes may have left.
    """

    open: bool = False


_way: Final[contextvars.ContextVar[_Way]] = contextvars.ContextVar("way of the request")


@dataclass(frozen=True)
class Credentials:
    """What opens the API for one call.

    Attributes:
        token: Asked at each call, so that a new token needs no restart; the first one counts.
        app_secret: Signs ``appsecret_proof``; the first one counts.
    """

    token: Secret = field(repr=False)
    app_secret: Secret = field(repr=False)


@dataclass(frozen=True)
class Answer:
    """What came back; ``body`` is None when it was longer than we care to hold, or encoded."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True)
class Broken:
    """No answer.

    Attributes:
        error: Name of what went wrong.
        begun: Whether bytes of the request may have left.
    """

    error: str
    begun: bool


@dataclass(frozen=True)
class Form:
    """What goes as multipart/form-data: fields, then one file under ``name``."""

    fields: Mapping[str, str]
    name: str
    file: IO[bytes]
    filename: str
    mime_type: str

    @property
    def files(self) -> dict[str, tuple[str, IO[bytes], str]]:
        """The file, as httpx takes it."""
        return {self.name: (self.filename, self.file, self.mime_type)}


@dataclass(frozen=True)
class Fields:
    """What goes as an urlencoded form, out of the address: it may be secret."""

    values: Mapping[str, str] = field(repr=False)


class NoCredentialsError(Exception):
    """Token or app secret cannot be read, or no header can carry the token."""


class GraphTransport:
    """Calls one Graph API; opens no socket before the first call."""

    def __init__(self, timeout_seconds: float) -> None:
        """Bound each whole call by ``timeout_seconds``."""
        self._timeout_seconds = timeout_seconds
        self._client: httpx.AsyncClient | None = None

    async def post(self, url: str, body: bytes, credentials: Credentials) -> Answer | Broken:
        """Send JSON; never raises for what provider or network do.

        Raises:
            NoCredentialsError: Nothing was sent, for want of a usable token.
        """
        return await self._call("POST", url, credentials, {}, body)

    async def upload(self, url: str, form: Form, credentials: Credentials) -> Answer | Broken:
        """Send a form with a file; the same otherwise, but that whoever calls bounds it in time."""
        return await self._call("POST", url, credentials, {}, form)

    async def get(self, url: str, credentials: Credentials, **query: str) -> Answer | Broken:
        """Ask for something; the same otherwise."""
        return await self._call("GET", url, credentials, query, None)

    async def ask(self, url: str, fields: Fields, credentials: Credentials) -> Answer | Broken:
        """Ask for something in words that no address may carry; the same otherwise.

        Graph takes a GET as a POST that names its method, which its own SDKs did for years; not tried on the real one.
        """
        return await self._call("POST", url, credentials, {}, Fields({**fields.values, "method": "GET"}))

    async def _call(
        self,
        method: str,
        url: str,
        credentials: Credentials,
        query: Mapping[str, str],
        body: bytes | Form | Fields | None,
    ) -> Answer | Broken:
        token, app_secret = read_credentials(credentials)
        import aiohttp
        import httpx

        if self._client is None:
            self._client = new_client(self._timeout_seconds)
        client, way = self._client, _Way()
        _way.set(way)
        try:
            async with asyncio.timeout(None if isinstance(body, Form) else self._timeout_seconds):
                request = client.build_request(
                    method,
                    url,
                    params={**query, "appsecret_proof": proof(app_secret, token)},
                    headers={"authorization": f"Bearer {token.decode()}"}
                    | ({"content-type": "application/json"} if isinstance(body, bytes) else {}),
                    **_content(body),
                )
                response = await client.send(request, stream=True)
                try:
                    return Answer(response.status_code, response.headers, await read_capped(response))
                finally:
                    await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, TimeoutError) as error:
            return Broken(type(error).__name__, begun=way.open)

    async def close(self) -> None:
        """Give back sockets; calls under way are cut."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


def _content(body: bytes | Form | Fields | None) -> dict[str, Any]:
    if isinstance(body, Form):
        return {"data": body.fields, "files": body.files}
    return {"data": body.values} if isinstance(body, Fields) else {"content": body}


async def read_capped(response: httpx.Response) -> bytes | None:
    """Return the answer's bytes; None when there are more than we care to hold."""
    if response.headers.get("content-encoding", "identity") != "identity":
        return None
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            return None
    return bytes(body)


def read_credentials(credentials: Credentials) -> tuple[bytes, bytes]:
    """Return token with app secret.

    Raises:
        NoCredentialsError: One of them cannot be read, or no header can carry the token.
    """
    try:
        token, app_secret = credentials.token()[0], credentials.app_secret()[0]
    except (Misconfigured, OSError, IndexError):
        token = app_secret = b""
    if not _TOKEN.fullmatch(token):
        raise NoCredentialsError
    return token, app_secret


def new_client(timeout_seconds: float, resolver: AbstractResolver | None = None) -> httpx.AsyncClient:
    """Return a client whose connections tell when they are had; ``resolver`` looks names up in its own way.

    httpx over its own transport cost 1.3 to 2.4 ms of CPU a call here, over aiohttp's 0.6 (measured).
    """
    import aiohttp
    import httpx
    from httpx_aiohttp import AiohttpTransport

    async def had(*_: object) -> None:
        _way.get(_Way()).open = True

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(had)
    trace.on_connection_reuseconn.append(had)
    session = aiohttp.ClientSession(
        # The worker bounds how many calls are under way.
        connector=aiohttp.TCPConnector(
            limit=0,
            keepalive_timeout=IDLE_SECONDS,
            ssl=httpx.create_ssl_context(trust_env=False),
            resolver=resolver,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=[trace],
    )
    return httpx.AsyncClient(
        transport=AiohttpTransport(client=session),
        timeout=httpx.Timeout(timeout_seconds, connect=CONNECT_SECONDS),
        # An encoded answer could be a small bomb.
        headers={"accept-encoding": "identity"},
        follow_redirects=False,
        trust_env=False,
    )
