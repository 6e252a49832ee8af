"""Plays each stream of a thousand items in many orders on both engines."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.pipeline.ingest.any_order import TWICE, play, shuffled
from tests.pipeline.ingest.stream_of_a_page import FACEBOOK
from tests.pipeline.ingest.stream_of_whatsapp import WHATSAPP
from tests.support.figures import keep

ENGINES: Final = ("sqlite", "postgresql")


def main() -> int:
    """Play as many orders as are asked for; 0 when all end the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=100, help="of each stream on each engine")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="write docs/figures/any_order.json")
    given = parser.parse_args()
    began, differing = time.monotonic(), list[str]()
    with tempfile.TemporaryDirectory(prefix="order-") as folder:
        numbers = iter(range(1_000_000))
        for stream in (WHATSAPP, FACEBOOK):
            in_order = asyncio.run(play(stream, Path(folder) / "plain" / stream.connector, stream.entries, 1, 0))
            for engine in ENGINES:
                for seed in range(given.seed, given.seed + given.orders):
                    chance = random.Random(f"{stream.connector}/{seed}")
                    entries, size, answered = shuffled(stream, chance), chance.randint(1, 60), chance.random()
                    path = Path(folder) / str(next(numbers))
                    if asyncio.run(play(stream, path, entries, size, answered, engine=engine)) != in_order:
                        differing.append(f"{stream.connector} {engine} {seed}")
                sys.stdout.write(f"{stream.connector} on {engine}: {given.orders} orders, {len(differing)} differ\n")
    figures = {
        "differing": differing,
        "engines": ENGINES,
        "items": {one.connector: len(one.entries) for one in (WHATSAPP, FACEBOOK)},
        "delivered_twice": TWICE,
        "orders_each": given.orders,
        "seconds": round(time.monotonic() - began),
        "seed": given.seed,
    }
    if given.keep:
        keep("any_order", figures)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
