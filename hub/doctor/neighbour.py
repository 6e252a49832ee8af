"""Asks the hub that may be running whether it is ready."""

from __future__ import annotations

import http.client
from typing import Final

from hub.doctor.findings import Finding, ok, warning, wrong
from hub.settings import HubSettings

_SECONDS: Final = 3.0
_OK: Final = 200
_UNAVAILABLE: Final = 503
_LONGEST: Final = 300


def examine(wiring: HubSettings) -> Finding:
    """Check whether a hub answers on the private port."""
    place = f"{wiring.private_host}:{wiring.private_port}"
    connection = http.client.HTTPConnection(wiring.private_host, wiring.private_port, timeout=_SECONDS)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        said = answer.read(_LONGEST).decode("utf-8", "replace")
    except ConnectionRefusedError:
        cure = "Arráncalo con «hub run»; lo aceptado antes se conserva y se atiende al arrancar."
        return warning("running", f"El hub no está corriendo (nadie responde en {place}).", cure)
    except (OSError, http.client.HTTPException) as error:
        cure = "Revisa el registro del proceso; si no responde, deténlo y arráncalo de nuevo."
        return wrong("running", f"En {place} alguien escucha, pero no responde ({type(error).__name__}).", cure)
    finally:
        connection.close()
    if answer.status == _OK and said == "ready":
        return ok("running", f"El hub está corriendo y recibe ({place}).")
    if answer.status == _UNAVAILABLE:
        return wrong(
            "running", f"El hub corre, pero no recibe: {said}.", "Corrige la causa; los proveedores reintentan."
        )
    cure = "Cambia HUB_PRIVATE_PORT o detén al otro programa."
    return wrong("running", f"En {place} responde otro programa.", cure)
