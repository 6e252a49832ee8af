"""The alarm over effects that stand still, whoever the customer says that they wrote to."""

from __future__ import annotations

from hub.telemetry import metrics
from tests.pipeline.effects.rig import Rig, working
from tests.support.replying import ask, open_conversation, until
from tests.support.webhooks import NUMBER

STRANGE = ["5550000001", "5550000002", "5550000003"]


def ages() -> dict[str, float]:
    """Return the age that the metric shows for each asset."""
    (metric,) = metrics.oldest_effect.collect()
    return {sample.labels["asset"]: sample.value for sample in metric.samples}


async def _shown() -> bool:
    return "unknown" in ages()


async def test_assets_that_nobody_configured_share_one_label(rig: Rig) -> None:
    """Their names come with messages: one label each would let a sender fill the memory of whoever keeps metrics."""
    metrics.oldest_effect.clear()
    for minutes, asset in enumerate(STRANGE):
        rig.move(minutes=minutes)
        await ask(rig.store, await open_conversation(rig.store, f"p{minutes}", asset=asset), "hola")
    rig.move(minutes=60)

    async with working(rig.worker()):
        await until(_shown, "the ages are shown")

    assert set(ages()) <= {NUMBER, "unknown"}
    assert ages()["unknown"] == 63 * 60, "the oldest of them"
