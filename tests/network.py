"""Shuts the network for the test process: only this machine's loopback can be reached."""

import ipaddress
import socket
from collections.abc import Callable
from typing import Any

READ_ON = "Tests reach loopback only; docs/testing.md, 'The network is shut', says what to do instead."


class NetworkShutError(RuntimeError):
    """A test tried to leave the machine.

    No ``OSError``: code under test must not take it for a network failure that it knows how to survive.
    """


def is_local(host: object) -> bool:
    """Say whether a host is this machine: loopback, a wildcard to listen on, or ``localhost``."""
    if isinstance(host, bytes | bytearray):
        host = host.decode("ascii", "replace")
    if host is None or host in {"", "localhost"}:
        return True
    if not isinstance(host, str):
        return False
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def refuse(what: str, host: object) -> None:
    """Raise unless the host is this machine.

    Raises:
        NetworkShutError: The host is elsewhere, or a name that would have to be looked up.
    """
    if not is_local(host):
        msg = f"{what} {host!r} was stopped. {READ_ON}"
        raise NetworkShutError(msg)


def refuse_address(sock: socket.socket, what: str, address: object) -> None:
    """Raise unless the address is a loopback one; only internet families have a host to judge."""
    if sock.family in {socket.AF_INET, socket.AF_INET6} and isinstance(address, tuple):
        refuse(what, address[0])


def guarded_lookup(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a lookup function of the socket module."""

    def lookup(host: object, *args: object, **kwargs: object) -> object:
        refuse(f"{name} of", host)
        return original(host, *args, **kwargs)

    return lookup


def guarded_method(name: str, original: Callable[..., Any], position: int) -> Callable[..., Any]:
    """Wrap a socket method whose address stands at a position, counted from the end when negative."""

    def method(self: socket.socket, *args: Any, **kwargs: Any) -> object:
        if len(args) > max(position, 0):
            refuse_address(self, f"{name} to", args[position])
        return original(self, *args, **kwargs)

    return method


def shut() -> None:
    """Shut the network for the rest of this process; a second call changes nothing."""
    if getattr(socket, "shut_for_tests", False):
        return
    for name, position in (("connect", 0), ("connect_ex", 0), ("sendto", -1), ("sendmsg", 3)):
        setattr(socket.socket, name, guarded_method(name, getattr(socket.socket, name), position))
    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
        setattr(socket, name, guarded_lookup(name, getattr(socket, name)))
    setattr(socket, "shut_for_tests", True)  # noqa: B010 - the module has no such attribute of its own
