"""The template catalogue of a simulated WhatsApp account."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from connectors._simulator.courier import Courier, Update
from connectors._simulator.ledger import Entry, Ledger
from connectors._simulator.surface import refuse
from connectors.whatsapp.simulator.options import SimulatorOptions
from connectors.whatsapp.simulator.refusal import Refusal

_NAME: Final = re.compile(r"[a-z0-9_]{1,512}", re.ASCII)
_PLACE: Final = re.compile(r"\{\{([^{}]*)\}\}")
MAX_BODY: Final = 1024
_CATEGORIES: Final = frozenset({"UTILITY", "MARKETING"})

Key = tuple[str, str]


class Catalogue:
    """Templates by name with language, rebuilt from the ledger at start; reviewed on demand."""

    def __init__(
        self, options: SimulatorOptions, ledger: Ledger, courier: Courier, authorize: Callable[[Request], None]
    ) -> None:
        """Show again what an earlier run left; ``authorize`` raises a ``Refusal``."""
        self._options, self._ledger, self._courier, self._authorize = options, ledger, courier, authorize
        self._known: dict[Key, dict[str, Any]] = {}
        for entry in ledger.find(kind="template"):
            self._note(entry)

    def routes(self) -> list[Route]:
        """Return what is answered here."""
        return [
            Route("/{version}/{account}/message_templates", self.create, methods=["POST"]),
            Route("/{version}/{account}/message_templates", self.listing),
            Route("/control/templates", self.review, methods=["POST"]),
        ]

    async def create(self, request: Request) -> Response:
        """Take a template for review."""
        try:
            self._authorize(request)
            self._is_the_account(request)
            made = self._judge(json.loads(await request.body()))
        except ValueError:
            return Refusal(400, 100, "The request is no JSON.").answer()
        except Refusal as refusal:
            return refusal.answer()
        number = str(int(self._options.randomness.token()[:12], 16))
        entry = self._ledger.add("template", **made, id=number, status="PENDING")
        self._note(entry)
        return JSONResponse({"id": number, "status": "PENDING", "category": made["category"]})

    async def listing(self, request: Request) -> Response:
        """Show the catalogue."""
        try:
            self._authorize(request)
            self._is_the_account(request)
        except Refusal as refusal:
            return refusal.answer()
        shown = [
            {name: one[name] for name in ("id", "name", "language", "status", "category", "components")}
            for one in self._known.values()
        ]
        return JSONResponse({"data": shown})

    async def review(self, request: Request) -> Response:
        """Decide about a template as Meta's reviewers would, then tell it by webhook."""
        try:
            asked = json.loads(await request.body())
            known = self._known[asked["name"], asked.get("language", "es_MX")]
            status, reason = str(asked["status"]), str(asked.get("reason", "NONE"))
        except (ValueError, KeyError, TypeError) as error:
            return refuse(ValueError(f"no such template: {error}"))
        about = {name: value for name, value in known.items() if name not in {"seq", "at", "kind", "status"}}
        entry = self._ledger.add("template", **about, status=status)
        self._note(entry)
        self._courier.post(self._update(entry, status, reason))
        return JSONResponse({"name": known["name"], "status": status})

    def check(self, template: Mapping[str, Any]) -> str:
        """Return how the customer reads a template that may be sent.

        Raises:
            Refusal: It is unknown, not approved, or its variables do not fit.
        """
        known = self._known.get((template["name"], template["language"]["code"]))
        if known is None or known["status"] not in {"APPROVED", "PAUSED", "DISABLED"}:
            raise Refusal(404, 132001, "Template name does not exist in the translation")
        if known["status"] != "APPROVED":
            raise Refusal(400, 132015 if known["status"] == "PAUSED" else 132016, "Template is paused or disabled")
        body = _body(known["components"])
        values = {
            one.get("parameter_name"): one.get("text")
            for component in template.get("components", [])
            if component.get("type") == "body"
            for one in component.get("parameters", [])
        }
        wanted = set(_PLACE.findall(body))
        if set(values) != wanted:
            raise Refusal(400, 132000, "Number of parameters does not match the expected number of params")
        if any(not isinstance(text, str) or not text or re.search(r"[\n\t]| {5}", text) for text in values.values()):
            raise Refusal(400, 132012, "Parameter format does not match format in the created template")
        return _PLACE.sub(lambda place: str(values[place.group(1)]), body)

    def _judge(self, asked: Any) -> dict[str, Any]:
        if not isinstance(asked, dict) or not _NAME.fullmatch(str(asked.get("name", ""))):
            raise Refusal(400, 100, "name takes lower-case letters, digits, underscores.")
        if asked.get("category") not in _CATEGORIES or asked.get("parameter_format") != "NAMED":
            raise Refusal(400, 100, "category and parameter_format NAMED are required.")
        if (asked["name"], asked.get("language")) in self._known:
            raise Refusal(400, 100, "There is already content in this language for this template.")
        body = _body(asked.get("components"))
        if not body or len(body) > MAX_BODY:
            raise Refusal(400, 100, "A body of at most 1024 characters is required.")
        if body.strip().startswith("{{") or body.strip().endswith("}}"):
            raise Refusal(400, 100, "Variables can't be at the start or end of the template.")
        examples = _examples(asked["components"])
        if set(_PLACE.findall(body)) != set(examples):
            raise Refusal(400, 100, "Each variable needs an example.")
        return {name: asked.get(name) for name in ("name", "language", "category", "components")}

    def _is_the_account(self, request: Request) -> None:
        if request.path_params["account"] != self._options.business_account_id:
            raise Refusal(400, 100, "Unsupported request. Object does not exist")

    def _note(self, entry: Entry) -> None:
        self._known[entry["name"], entry["language"]] = entry

    def _update(self, entry: Entry, status: str, reason: str) -> Update:
        value = {
            "event": status,
            "message_template_id": int(entry["id"]),
            "message_template_name": entry["name"],
            "message_template_language": entry["language"],
            "message_template_category": entry["category"],
            "reason": reason,
        }
        change = {"field": "message_template_status_update", "value": value}
        return Update("", change, ((f"{entry['name']}:{entry['seq']}", status),))


def _body(components: object) -> str:
    found = [one for one in components if isinstance(one, dict)] if isinstance(components, list) else []
    return next((str(one.get("text", "")) for one in found if one.get("type") == "BODY"), "")


def _examples(components: Any) -> dict[str, str]:
    body: dict[str, Any] = next((one for one in components if one.get("type") == "BODY"), {})
    given = body.get("example", {}).get("body_text_named_params", [])
    return {one.get("param_name"): one.get("example") for one in given}
