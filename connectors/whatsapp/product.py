"""What the hub wants of a WhatsApp app: webhook fields, permissions of its tokens."""

from __future__ import annotations

from typing import Final

from connectors._meta.subscriptions import Product

OBJECT: Final = "whatsapp_business_account"
FIELDS: Final = frozenset(
    {
        "account_alerts",
        "account_review_update",
        "account_update",
        "message_template_quality_update",
        "message_template_status_update",
        "messages",
        "phone_number_quality_update",
        "security",
        "smb_message_echoes",
        "template_category_update",
        "user_preferences",
    }
)
"""Everything that the connector reads (facts 1.7, 2.8)."""

PERMISSIONS: Final = frozenset({"whatsapp_business_management", "whatsapp_business_messaging"})
PRODUCT: Final = Product(OBJECT, FIELDS, PERMISSIONS, names_fields=False)
