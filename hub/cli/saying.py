"""Speaks to a running simulator through its control surface."""

from __future__ import annotations

import http.client
import json
import os
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

import typer

import connectors
from hub import sandbox, settings
from hub.errors import NotFound, Permanent
from hub.system import SystemClock

_ANSWER_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 20.0
_OK: Final = 200


def say(data: Path | None, channel: str, said: Mapping[str, Any], wait_seconds: float) -> dict[str, Any]:
    """Say something, then return ids, phone, the replies that came in time.

    Raises:
        NotFound: No simulator of the channel runs.
        Permanent: It refused.
        typer.BadParameter: There is no such channel.
    """
    wiring = settings.load(os.environ, data=data)
    names = [module.name for module in pkgutil.iter_modules(connectors.__path__) if not module.name.startswith("_")]
    if channel not in names:
        msg = f"there is no channel {channel}; known are {', '.join(sorted(names))}"
        raise typer.BadParameter(msg)
    port = sandbox.simulator_port(wiring, names, channel)
    told = _ask(channel, port, "POST", "/control/say", said)
    heard = {"ids": told["ids"], "phone": told["phone"], "replies": []}
    if wait_seconds:
        heard["replies"] = _listen(channel, port, told, wait_seconds)
    return heard


def _listen(channel: str, port: int, told: Mapping[str, Any], wait_seconds: float) -> list[dict[str, Any]]:
    clock = SystemClock()
    until = clock.monotonic() + wait_seconds
    while (left := until - clock.monotonic()) > 0:
        query = urlencode({"after": told["after"], "wait_seconds": min(left, _LOOK_SECONDS)})
        found = _ask(channel, port, "GET", f"/control/phones/{quote(told['phone'], safe='')}?{query}")
        if found["messages"]:
            return [{"id": one["id"], "at": one["at"], "text": one["text"]} for one in found["messages"]]
    return []


def _ask(channel: str, port: int, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_LOOK_SECONDS + _ANSWER_SECONDS)
    try:
        headers = {} if body is None else {"content-type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        found = json.loads(answer.read())
    except (OSError, http.client.HTTPException):
        msg = (
            f"no {channel} simulator answers on port {port}; start one with hub run --sandbox (or hub sandbox serve), "
            "or set HUB_SIMULATOR_PORT as it was started with"
        )
        raise NotFound(msg) from None
    except ValueError:
        msg = f"what answers on port {port} is no simulator; set HUB_SIMULATOR_PORT as the hub was started with"
        raise NotFound(msg) from None
    finally:
        connection.close()
    if answer.status != _OK:
        msg = f"the {channel} simulator refused it: {'; '.join(map(str, found.get('problems', [answer.status])))}"
        raise Permanent(msg)
    return dict(found)
