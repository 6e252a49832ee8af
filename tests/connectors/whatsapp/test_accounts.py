"""What Meta tells of accounts, numbers, templates has a severity, words in Spanish, the alarm it raises or ends."""

from __future__ import annotations

import pytest

from hub.contracts import AccountItem
from tests.connectors.whatsapp.test_kinds import sample

STANDING = [
    ("account_alerts", "warning", "account:123450000000001:INCREASED_CAPABILITIES_ELIGIBILITY_NEED_MORE_INFO"),
    ("account_review_update", "critical", "account_review"),
    ("account_update", "critical", "ban"),
    ("account_update_reinstated", "info", "ban"),
    ("account_update_violation", "critical", "violation"),
    ("business_capability_update", "info", None),
    ("phone_number_quality_update", "warning", "phone_quality:525541234567"),
    ("phone_number_name_update", "warning", "phone_name:525541234567"),
    ("template_approved", "info", "template:encuesta/es_MX"),
    ("template_rejected", "warning", "template:encuesta/es_MX"),
    ("template_paused", "warning", "template:encuesta/es_MX"),
    ("template_quality_update", "warning", "template_quality:encuesta/es_MX"),
    ("template_components_update", "info", None),
    ("template_category_update", "warning", "template_category:encuesta/es_MX"),
    ("template_category_impending", "warning", "template_category:encuesta/es_MX"),
    ("security", "warning", "security:525541234567:PIN_RESET_REQUEST"),
    ("flows", "warning", "flow:6627390910605886:ENDPOINT_ERROR_RATE"),
    ("business_username_update", "info", None),
    ("payment_configuration_update", "info", None),
    ("group_lifecycle_update", "info", None),
    ("a_new_field", "info", None),
    ("errors", "warning", "error:130429"),
    ("system_identity_changed", "info", None),
]


@pytest.mark.parametrize(("name", "severity", "alert"), STANDING, ids=[row[0] for row in STANDING])
def test_what_meta_tells_of_accounts_has_a_rule_for_its_alarm(name: str, severity: str, alert: str | None) -> None:
    (item,) = sample(name)

    assert isinstance(item, AccountItem)
    assert (item.severity, item.alert) == (severity, alert)
    assert item.explanation_es
    assert not {"requester", "wa_id"} & item.details.keys()


def test_why_a_template_was_refused_stands_in_the_value_or_beside_it() -> None:
    (inside,), (beside,) = sample("template_rejected"), sample("template_paused")

    assert isinstance(inside, AccountItem)
    assert isinstance(beside, AccountItem)
    assert "INVALID_FORMAT" in inside.explanation_es
    assert "LOW_QUALITY" in beside.explanation_es


def test_the_same_change_delivered_twice_is_one_item_another_is_another() -> None:
    ids = {item.provider_id for name in ("template_rejected", "template_rejected", "template_paused")
           for item in sample(name) if isinstance(item, AccountItem)}  # fmt: skip

    assert len(ids) == 2
