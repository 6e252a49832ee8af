"""Turns what Meta tells about accounts, numbers, templates into items with an alarm rule each (CI-04)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from connectors._meta.bodies import error_code
from connectors._meta.fields import instant, label, word
from hub.contracts import AccountItem, TemplateWord
from schemas import ids
from schemas.operations import Severity

_MOST_DETAILS: Final = 20
# Addresses are no detail of an event; our own number stays, since it tells which one it is about.
_KEPT_OUT: Final = frozenset({"requester", "wa_id", "user_id", "metadata", "messaging_product"})


class Rule(NamedTuple):
    """What one change means: how grave it is, what to do, which standing alarm it raises or ends."""

    change: str
    severity: Severity
    explanation_es: str
    alert: str | None = None


def item(entry: Mapping[str, Any], field: str, change: Mapping[str, Any]) -> AccountItem:
    """Return the item of one change; one of a field that nobody knows tells at least that it came."""
    value = change["value"]
    rule = RULES.get(field, _unknown)(value, change)
    told = json.dumps([entry.get("time"), value], sort_keys=True, ensure_ascii=True)
    return AccountItem(
        asset=word(entry.get("id")) or "unknown",
        provider_id=ids.digest("account", field, told),
        time=instant(entry.get("time")),
        field=field,
        change=rule.change,
        severity=rule.severity,
        explanation_es=rule.explanation_es,
        details=_details(value),
        alert=rule.alert,
        template=_template_word(value, rule) if field == "message_template_status_update" else None,
    )


def _template_word(value: Mapping[str, Any], rule: Rule) -> TemplateWord:
    states = {"APPROVED": "approved", "REINSTATED": "approved", "IN_APPEAL": "pending"}
    return TemplateWord(
        name=_said(value, "message_template_name"),
        language=_said(value, "message_template_language"),
        state=states.get(rule.change, rule.change.lower()),
        reason=_said(value, "reason") or None,
    )


def trouble(asset: str, code: object, title: str | None, day: date) -> AccountItem:
    """Return the item of an error that Meta reports of itself; the same one within a day is told once."""
    number = error_code(code)
    name = "unknown" if number is None else str(number)
    return AccountItem(
        asset=asset,
        provider_id=ids.digest("trouble", name, title or "", day.isoformat()),
        time=None,
        field="errors",
        change=name,
        severity="warning",
        explanation_es=f"WhatsApp avisa de un problema suyo, {name}: {title or 'sin más detalle'}. Mira si se repite.",
        details={"code": name, **({"title": title} if title else {})},
        alert=f"error:{name}",
    )


def about_customer(asset: str, change: str, key: str, time: datetime | None) -> AccountItem:
    """Return the item of a system message that asks nothing of the hub, e.g. that a customer has a new device."""
    words = "Meta avisa de un cambio en el dispositivo de un cliente; no hay nada que hacer."
    return AccountItem(asset, ids.digest("system", key), time, "system", change, "info", words)


def _details(value: Mapping[str, Any]) -> dict[str, str]:
    """Return the plain facts of a change, those one level down as ``outer.inner``."""
    found: dict[str, str] = {}
    for name, one in value.items():
        inner = one[0] if isinstance(one, list) and one else one
        pairs = inner.items() if isinstance(inner, dict) else (("", inner),)
        for key, fact in pairs:
            words = label(str(fact)) if isinstance(fact, str | int | float) else None
            if words and name not in _KEPT_OUT and key not in _KEPT_OUT and len(found) < _MOST_DETAILS:
                found[label(f"{name}.{key}" if key else name) or "unnamed"] = words
    return found


def _said(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    return label(str(found)) or "" if isinstance(found, str | int) else ""


def _nested(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _account_alerts(value: Mapping[str, Any], _change: object) -> Rule:
    alert = _nested(value, "alert_info") or value
    kind, said = _said(alert, "alert_type") or "unknown", _said(alert, "alert_description")
    graves: dict[str, Severity] = {"CRITICAL": "critical", "WARNING": "warning"}
    severity = graves.get(_said(alert, "alert_severity"), "info")
    if _said(alert, "alert_status") not in {"", "ACTIVE"}:
        severity = "info"
    words = f"Meta avisa de la cuenta: {kind}. {said}".strip()
    return Rule(kind, severity, words, f"account:{_said(value, 'entity_id')}:{kind}")


def _account_review(value: Mapping[str, Any], _change: object) -> Rule:
    decision = _said(value, "decision") or "unknown"
    graves: dict[str, Severity] = {"APPROVED": "info", "REJECTED": "critical"}
    words = f"La revisión de la cuenta de WhatsApp terminó en {decision}. Míralo en Meta Business Manager."
    return Rule(decision, graves.get(decision, "warning"), words, "account_review")


_ACCOUNT: Final[dict[str, tuple[Severity, str, str]]] = {
    "ACCOUNT_DELETED": ("critical", "account", "La cuenta de WhatsApp fue eliminada: no entra ni sale nada."),
    "ACCOUNT_RESTRICTION": (
        "critical",
        "restriction",
        "Meta restringió la cuenta; mira en su panel qué ya no puede.",
    ),
    "ACCOUNT_VIOLATION": ("critical", "violation", "Meta ve una infracción de sus políticas; revísala en su panel."),
    "DISABLED_UPDATE": ("critical", "ban", "Meta deshabilitó o va a deshabilitar la cuenta; apela en su panel."),
    "PARTNER_REMOVED": ("warning", "partner", "Un socio perdió el acceso a la cuenta."),
    "PARTNER_ADDED": ("info", "partner", "Un socio tiene acceso a la cuenta."),
    "PARTNER_APP_UNINSTALLED": ("critical", "app", "La aplicación perdió el acceso a la cuenta; vuelve a suscribirla."),
    "PARTNER_APP_INSTALLED": ("info", "app", "La aplicación tiene acceso a la cuenta."),
    "ACCOUNT_OFFBOARDED": ("critical", "onboarding", "El número salió de la API; vuelve a conectarlo."),
    "ACCOUNT_RECONNECTED": ("info", "onboarding", "El número está conectado a la API otra vez."),
}


def _account_update(value: Mapping[str, Any], _change: object) -> Rule:
    event = _said(value, "event") or "unknown"
    if _said(_nested(value, "ban_info"), "waba_ban_state") == "REINSTATE":
        return Rule("REINSTATE", "info", "Meta rehabilitó la cuenta.", "ban")
    known = _ACCOUNT.get(event)
    if known is None:
        return Rule(event, "info", f"Cambio en la cuenta de WhatsApp: {event}.")
    severity, alert, words = known
    return Rule(event, severity, words, alert)


def _capability(value: Mapping[str, Any], _change: object) -> Rule:
    limit = _said(value, "max_daily_conversations_per_business") or _said(value, "max_daily_conversation_per_phone")
    return Rule(
        limit or "changed", "info", f"Cambió cuántos clientes al día admite la cuenta: {limit or 'ver detalle'}."
    )


def _phone_quality(value: Mapping[str, Any], _change: object) -> Rule:
    event, phone = _said(value, "event") or "unknown", _said(value, "display_phone_number")
    severity: Severity = "warning" if event in {"FLAGGED", "DOWNGRADE"} else "info"
    words = f"Calidad o límite del número {phone}: {event}. Si bajó, envía menos plantillas y revisa las quejas."
    return Rule(event, severity, words, f"phone_quality:{phone}")


def _phone_name(value: Mapping[str, Any], _change: object) -> Rule:
    decision, phone = _said(value, "decision") or "unknown", _said(value, "display_phone_number")
    severity: Severity = "warning" if decision == "REJECTED" else "info"
    words = f"El nombre visible del número {phone}: {decision}. {_said(value, 'rejection_reason')}".strip()
    return Rule(decision, severity, words, f"phone_name:{phone}")


def _template(value: Mapping[str, Any]) -> str:
    name = _said(value, "message_template_name") or _said(value, "message_template_id")
    return f"{name}/{_said(value, 'message_template_language')}"


def _template_status(value: Mapping[str, Any], change: Mapping[str, Any]) -> Rule:
    event, template = _said(value, "event") or "unknown", _template(value)
    # Meta's own syntax puts it sometimes into the value, sometimes beside it (facts 2.8).
    rejection = _nested(value, "rejection_info") or _nested(change, "rejection_info")
    reason = _said(rejection, "reason") or _said(value, "reason")
    fine = event in {"APPROVED", "REINSTATED", "PENDING", "IN_APPEAL", "UNARCHIVED"}
    because = f" ({reason})" if reason not in {"", "NONE"} else ""
    words = f"La plantilla {template} quedó en {event}{because}."
    if not fine:
        words += " No se envía hasta que Meta la apruebe otra vez: corrígela, luego envíala a revisión."
    return Rule(event, "info" if fine else "warning", words, f"template:{template}")


def _template_quality(value: Mapping[str, Any], _change: object) -> Rule:
    score, template = _said(value, "new_quality_score") or "unknown", _template(value)
    severity: Severity = "warning" if score in {"RED", "YELLOW"} else "info"
    words = f"La calidad de la plantilla {template} es {score}. Si baja más, Meta la pausa: revisa a quién se envía."
    return Rule(score, severity, words, f"template_quality:{template}")


def _template_text(value: Mapping[str, Any], _change: object) -> Rule:
    return Rule("changed", "info", f"Cambió el texto de la plantilla {_template(value)}.")


def _template_category(value: Mapping[str, Any], _change: object) -> Rule:
    template, impending = _template(value), _said(value, "correct_category")
    category = impending or _said(value, "new_category") or "unknown"
    words = f"La plantilla {template} {'pasará' if impending else 'pasó'} a la categoría {category}: su precio cambia."
    return Rule(category, "warning", words, f"template_category:{template}")


def _security(value: Mapping[str, Any], _change: object) -> Rule:
    event, phone = _said(value, "event") or "unknown", _said(value, "display_phone_number")
    words = f"Seguridad del número {phone}: {event}. Si no fue nadie de la empresa, cambia el PIN y revisa los accesos."
    return Rule(event, "warning", words, f"security:{phone}:{event}")


def _flows(value: Mapping[str, Any], _change: object) -> Rule:
    event, flow = _said(value, "event") or "unknown", _said(value, "flow_id")
    bad = _said(value, "alert_state") == "ACTIVATED" or _said(value, "new_status") in {"THROTTLED", "BLOCKED"}
    return Rule(
        event,
        "warning" if bad else "info",
        f"Formulario {flow} de WhatsApp: {event} {_said(value, 'new_status')}".strip() + ".",
        f"flow:{flow}:{event}",
    )


def _username(value: Mapping[str, Any], _change: object) -> Rule:
    status = _said(value, "status") or "changed"
    return Rule(status, "info", f"Nombre de usuario de la empresa en WhatsApp: {status}.")


def _business(_value: object, _change: object) -> Rule:
    return Rule("changed", "info", "Cambio en la cuenta de WhatsApp que no pide nada; el detalle está en el original.")


def _unknown(_value: object, _change: object) -> Rule:
    return Rule("unknown", "info", "WhatsApp envía un tipo de aviso que esta versión no conoce; el original se guarda.")


RULES: Final[dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Rule]]] = {
    "account_alerts": _account_alerts,
    "account_review_update": _account_review,
    "account_update": _account_update,
    "business_capability_update": _capability,
    "phone_number_quality_update": _phone_quality,
    "phone_number_name_update": _phone_name,
    "message_template_status_update": _template_status,
    "message_template_quality_update": _template_quality,
    "message_template_components_update": _template_text,
    "template_category_update": _template_category,
    "security": _security,
    "flows": _flows,
    "business_username_update": _username,
    "business_username_updates": _username,
    "payment_configuration_update": _business,
    "partner_solutions": _business,
    "automatic_events": _business,
    "tracking_events": _business,
    "group_lifecycle_update": _business,
    "group_participants_update": _business,
    "group_settings_update": _business,
    "group_status_update": _business,
}
