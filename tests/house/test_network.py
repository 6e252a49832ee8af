"""Nothing in a test process reaches further than this machine."""

import asyncio
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.network import NetworkShutError, is_local

ELSEWHERE = "198.51.100.7"  # TEST-NET-2 of RFC 5737: nobody is there even with the door open


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", "localhost", b"localhost", None]
)
def test_this_machine_is_local(host: object) -> None:
    assert is_local(host)


@pytest.mark.parametrize(
    "host", [ELSEWHERE, "::ffff:198.51.100.7", "2001:db8::1", "example.com", "127.0.0.1.example.com"]
)
def test_everything_else_is_not(host: object) -> None:
    assert not is_local(host)


@pytest.mark.parametrize(
    "reach_out",
    [
        lambda sock: sock.connect((ELSEWHERE, 80)),
        lambda sock: sock.connect_ex((ELSEWHERE, 80)),
        lambda sock: sock.sendto(b"x", (ELSEWHERE, 53)),
        lambda sock: sock.sendto(b"x", 0, (ELSEWHERE, 53)),
        lambda sock: sock.sendmsg([b"x"], [], 0, (ELSEWHERE, 53)),
    ],
    ids=["connect", "connect_ex", "sendto", "sendto_flags", "sendmsg"],
)
def test_sockets_are_stopped_with_the_page_to_read(reach_out: Callable[[socket.socket], object]) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        pytest.raises(NetworkShutError, match=r"docs/testing\.md"),
    ):
        reach_out(sock)


@pytest.mark.parametrize("lookup", ["getaddrinfo", "gethostbyname", "gethostbyname_ex"])
def test_names_are_not_looked_up(lookup: str) -> None:
    arguments = ("example.com", 443) if lookup == "getaddrinfo" else ("example.com",)

    with pytest.raises(NetworkShutError, match=r"example\.com"):
        getattr(socket, lookup)(*arguments)


async def test_an_http_client_is_stopped() -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(NetworkShutError):
            await client.get("https://example.com/")


async def test_loopback_works() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    async with await asyncio.start_server(answer, "localhost", 0) as server:
        reader, writer = await asyncio.open_connection("localhost", server.sockets[0].getsockname()[1])
        said = await reader.read()
        writer.close()

    assert said == b"hello"


def test_unix_sockets_work(tmp_path: Path) -> None:
    path = str(tmp_path / "wake")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as reader, socket.socket(socket.AF_UNIX) as stream:
        reader.bind(path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as writer:
            writer.sendto(b"up", path)
        assert reader.recv(8) == b"up"
        stream.bind(path + ".stream")
        stream.listen()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path + ".stream")


def test_threads_are_no_way_out() -> None:
    seen: list[BaseException] = []

    def reach_out() -> None:
        try:
            socket.create_connection((ELSEWHERE, 80), timeout=1)
        except NetworkShutError as error:
            seen.append(error)

    thread = threading.Thread(target=reach_out)
    thread.start()
    thread.join()

    assert len(seen) == 1
