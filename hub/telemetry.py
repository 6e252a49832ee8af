"""What the hub tells its operators: log lines, metrics under documented names."""

from __future__ import annotations

import logging
import sys
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600)


class Metrics:
    """Every metric of a process; the names are frozen by a test, documented in ``docs/metrics.md``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register them."""
        self.registry = registry
        self.received = Counter(
            "hub_deliveries_received", "Webhook requests read whole.", ["connector"], registry=registry
        )
        self.accepted = Counter(
            "hub_deliveries_accepted",
            "Webhook requests durably kept, then answered 2xx.",
            ["connector"],
            registry=registry,
        )
        self.refused = Counter(
            "hub_deliveries_refused",
            "Webhook requests not taken, by reason.",
            ["connector", "reason"],
            registry=registry,
        )
        self.ingested = Counter(
            "hub_items_ingested",
            "Items of deliveries by what became of them.",
            ["connector", "outcome"],
            registry=registry,
        )
        self.handled = Counter("hub_events_handled", "Events a group has handled.", ["group"], registry=registry)
        self.retried = Counter("hub_events_retried", "Failed attempts at events.", ["group"], registry=registry)
        self.dead = Counter(
            "hub_dead_letters_added", "Things given up on, by reason.", ["group", "reason_class"], registry=registry
        )
        self.effects = Counter(
            "hub_effects_settled", "Attempts at effects by outcome.", ["connector", "outcome"], registry=registry
        )
        self.timers = Counter("hub_timers_ended", "Timers by how they ended.", ["outcome"], registry=registry)
        self.published = Counter(
            "hub_events_published", "Events that Kafka has acknowledged for subscribers.", registry=registry
        )
        self.resent = Counter(
            "hub_events_resent", "Events sent to Kafka again, since it had not acknowledged them.", registry=registry
        )
        self.unpublished = Gauge(
            "hub_events_unpublished", "Events that Kafka has not acknowledged yet.", registry=registry
        )
        self.relaying = Gauge(
            "hub_relay_active", "1 while this process is the one that sends events to Kafka.", registry=registry
        )
        self.handling = Histogram(
            "hub_event_age_seconds",
            "Age of an event when its group had handled it.",
            ["group"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.journal_pending = Gauge(
            "hub_journal_pending", "Deliveries answered 2xx that are not yet ingested.", registry=registry
        )
        self.silent_journals = Gauge(
            "hub_journals_silent", "Known journals that have not reported for five minutes.", registry=registry
        )
        self.lag = Gauge("hub_group_lag", "Events a group has not reached.", ["group"], registry=registry)
        self.oldest = Gauge(
            "hub_group_oldest_seconds",
            "Age of the oldest event that a group has not reached.",
            ["group"],
            registry=registry,
        )
        self.held = Gauge("hub_group_held_keys", "Keys of a group that wait for a retry.", ["group"], registry=registry)
        self.paused = Gauge("hub_group_paused", "1 while mass failure pauses a group.", ["group"], registry=registry)
        self.open_dead = Gauge("hub_dead_letters_open", "Dead letters that wait for a person.", registry=registry)
        self.open_alerts = Gauge(
            "hub_channel_alerts_open",
            "What providers tell of their accounts that a person has to look at, by severity.",
            ["severity"],
            registry=registry,
        )
        self.open_effects = Gauge(
            "hub_effects_open", "Effects that have not ended, by state.", ["state"], registry=registry
        )
        self.oldest_effect = Gauge(
            "hub_effect_oldest_seconds",
            "Age of the effect of an asset that could have been sent longest ago.",
            ["connector", "asset"],
            registry=registry,
        )
        self.wal_bytes = Gauge(
            "hub_database_wal_bytes",
            "Size of the database's write-ahead log; an alarm above 512 MB.",
            registry=registry,
        )
        self.ready = Gauge("hub_ready", "1 while genuine deliveries are taken.", registry=registry)


metrics: Final = Metrics(CollectorRegistry())


# Locals would carry customers' words into the log.
_tracebacks: Final = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


def configure_logs(*, json: bool, level: int = logging.INFO) -> None:
    """Send one line a piece of news to standard error, as JSON or for people."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _tracebacks if json else structlog.processors.format_exc_info,
    ]
    renderer: Any = structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Libraries log by the standard library: one line each, in the same form.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def logger(name: str) -> Any:
    """Return the logger of one part of the hub."""
    return structlog.get_logger(part=name)
