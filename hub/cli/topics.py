"""Commands ``hub topics …``: the Kafka topics that other systems subscribe to."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.options import EXIT_REFUSED, AsJson, Data, Yes, group

app = group("topics", "Kafka topics: made as declared, held against their declaration.")


@app.callback()
def _as_a_group() -> None:
    """Kafka topics: made as declared, held against their declaration."""


@app.command("apply")
def apply(
    *,
    check: Annotated[bool, typer.Option("--check", help="Make nothing; only say what is missing or differs.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the topics that are missing; say what differs from the declaration.

    A topic that exists is never changed: more partitions would part each conversation's future from its past. With
    --json: one document with made, differ.

    Exit codes: 0 all is as declared; 1 something differs, or Kafka does not serve; 2 wrong usage or configuration.
    """
    import asyncio
    import os
    from dataclasses import asdict

    from hub import kafka_settings
    from hub.cli import output
    from hub.errors import Misconfigured

    settings = kafka_settings.load(os.environ)
    if settings is None:
        raise Misconfigured(["HUB_KAFKA_BOOTSTRAP_SERVERS: name the brokers, such as kafka-1.example:9092"])
    from hub.bus.kafka import topics

    applied = asyncio.run(topics.apply(settings, only_look=check))
    if as_json:
        output.document({"made": list(applied.made), "differ": [asdict(one) for one in applied.differ]})
    else:
        for name in applied.made:
            output.say(f"made    {name}")
        for one in applied.differ:
            differs = f"differs {one.topic}: {one.what} is {one.found}, declared {one.wanted}"
            output.say(f"missing {one.topic}" if one.found is None else differs)
        if not applied.differ:
            output.say("Every topic is as declared.")
    if applied.differ:
        raise typer.Exit(EXIT_REFUSED)


@app.command("asyncapi")
def asyncapi() -> None:
    """Print what is on each topic as an AsyncAPI 3.0 document: keys, event types, headers, schemas.

    Needs no Kafka. HUB_KAFKA_TOPIC_PREFIX, where it is set, stands before each topic's name.

    Exit codes: 0 done; 2 wrong configuration.
    """
    import os

    from hub import kafka_settings
    from hub.bus.kafka import asyncapi as description
    from hub.cli import output

    settings = kafka_settings.load(os.environ)
    output.document(description.document("" if settings is None else settings.topic_prefix))


@app.command("republish")
def republish(
    newer_than: Annotated[str, typer.Option("--newer-than", help="Events younger than this: 90m, 36h, 7d.")],
    *,
    data: Data = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Send events to subscribers again, for instance after a broker lost the end of a topic.

    Copies carry the ids they had, so that subscribers drop what they have. Handlers are not concerned, yet wait while
    the events are marked: about a second for 100,000. The relay of the running hub, or of its next start, sends them.

    Exit codes: 0 done or nothing to do; 1 there is no hub; 2 wrong usage or configuration.
    """
    from hub.cli import output, redriving
    from hub.cli.opening import Decision, decide, look
    from hub.store import publications

    age = redriving.age(newer_than)
    if age is None:
        raise typer.BadParameter(newer_than)
    if yes:
        decision = Decision("republish", "events", {"newer_than": newer_than})
        count = decide(data, decision, lambda tx: publications.forget_since(tx, tx.now - age))
    else:
        count = look(data, lambda tx: publications.sent_since(tx, tx.now - age))
    said = f"{count} events are sent again." if yes else f"{count} events would be sent again; add --yes to do it."
    if as_json:
        output.document({"events": count, "done": yes})
    else:
        output.say(said)
