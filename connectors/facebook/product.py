"""What the hub wants of an app with pages: webhook fields, permissions of its tokens."""

from __future__ import annotations

from typing import Final

from connectors._meta.subscriptions import Product

OBJECT: Final = "page"
FIELDS: Final = frozenset(
    {
        "feed",
        "mention",
        "message_deliveries",
        "message_echoes",
        "message_edits",
        "message_reactions",
        "message_reads",
        "messages",
        "messaging_handovers",
        "messaging_optins",
        "messaging_policy_enforcement",
        "messaging_postbacks",
        "messaging_referrals",
        "standby",
    }
)
"""Everything that the connector reads (facts 1.7, 4.3)."""

PERMISSIONS: Final = frozenset(
    {"pages_manage_engagement", "pages_manage_metadata", "pages_messaging", "pages_read_engagement"}
)
PRODUCT: Final = Product(OBJECT, FIELDS, PERMISSIONS, names_fields=True)
