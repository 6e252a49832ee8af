"""Every table of the hub's database, by area."""

from hub.store.tables.columns import metadata
from hub.store.tables.company import audit, channel_alerts, commands, policies
from hub.store.tables.database import counters, leases, schema, store_info
from hub.store.tables.inbound import deliveries, journal_cursors, journals, waiting_items
from hub.store.tables.log import dead_letters, events, group_keys, groups, suspects
from hub.store.tables.outbound import effects, scheduled_messages, templates, timers
from hub.store.tables.people import (
    attachments,
    cases,
    clocks,
    contacts,
    conversations,
    identities,
    messages,
    preferences,
    tickets,
)

__all__ = [
    "attachments",
    "audit",
    "cases",
    "channel_alerts",
    "clocks",
    "commands",
    "contacts",
    "conversations",
    "counters",
    "dead_letters",
    "deliveries",
    "effects",
    "events",
    "group_keys",
    "groups",
    "identities",
    "journal_cursors",
    "journals",
    "leases",
    "messages",
    "metadata",
    "policies",
    "preferences",
    "scheduled_messages",
    "schema",
    "store_info",
    "suspects",
    "templates",
    "tickets",
    "timers",
    "waiting_items",
]
