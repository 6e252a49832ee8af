"""Finds the plug-ins: every folder under ``connectors``, every file under ``handlers``."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from types import ModuleType

import connectors as connectors_package
import handlers as handlers_package
from hub.contracts import Connector, Handler
from hub.errors import Misconfigured


@cache
def connectors() -> dict[str, Connector]:
    """Return every connector by name.

    Raises:
        Misconfigured: A folder has no ``CONNECTOR``, or one under another name.
    """
    found: dict[str, Connector] = {}
    for module in _modules(connectors_package):
        folder = module.__name__.rpartition(".")[2]
        connector = getattr(module, "CONNECTOR", None)
        if not isinstance(connector, Connector) or connector.name != folder:
            raise Misconfigured([f"connectors/{folder} must set CONNECTOR = Connector(name={folder!r}, …)"])
        found[folder] = connector
    return found


@cache
def handlers() -> dict[str, Handler]:
    """Return every handler by group.

    Raises:
        Misconfigured: A file has no ``HANDLER``.
    """
    found: dict[str, Handler] = {}
    for module in _modules(handlers_package):
        handler = getattr(module, "HANDLER", None)
        if not isinstance(handler, Handler):
            raise Misconfigured([f"{module.__name__.replace('.', '/')}.py must set HANDLER = Handler(…)"])
        found[handler.group] = handler
    return found


def _modules(package: ModuleType) -> list[ModuleType]:
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__))
    return [importlib.import_module(f"{package.__name__}.{name}") for name in names if not name.startswith("_")]
