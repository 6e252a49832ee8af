"""However broken what arrives is, it is answered with 200, accounted for, without keeping anybody else waiting."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connectors._meta.signature import sign
from hub import discovery
from hub.contracts import WebhookRequest, WebhookSecrets
from hub.pipeline.intake import OK, Intake, Route
from hub.services import balance
from hub.settings import Limits
from tests.connectors.mutations import mutated, recorded
from tests.pipeline.ingest.rig import Rig, running
from tests.support.webhooks import of_messages, text

A_TRIAL = 10
TRIALS = max(1, int(os.environ.get("HUB_TEST_MUTATIONS", "150")) // A_TRIAL)
SIGNED = sorted({"whatsapp", "facebook"} & set(discovery.connectors()))


async def _trial(rig: Rig, connector: str, payloads: list[Any]) -> None:
    secrets = WebhookSecrets(signing=(b"secret",))
    real = discovery.connectors()[connector]
    rig.connectors[connector] = real
    path = f"/webhooks/{connector}/main"
    intake = Intake(rig.journal, {path: Route(real, "main", lambda: secrets)}, rig.clock, Limits())
    bodies = [json.dumps(payload).encode() for payload in payloads]
    for body in bodies:
        request = WebhookRequest("POST", path, "", {"x-hub-signature-256": sign(body, b"secret")}, body)
        assert await intake.take(request, "10.0.0.1") == OK
    await rig.deliver(of_messages(text("wamid.after")))
    await rig.ingest()

    # Whoever writes after it is heard; the connector itself failed on none; the accounts are in balance.
    assert await rig.count("messages", "provider_id = 'wamid.after'") == 1
    assert await rig.count("deliveries") == len(bodies) + 1
    assert await rig.count("dead_letters", "reason_class IN ('ours', 'poison')") == 0
    assert (await rig.read(lambda tx: balance.measure(tx, {}, None))).broken == ()


@pytest.mark.parametrize("connector", SIGNED)
def test_no_input_however_broken_is_refused_or_stops_ingest(
    connector: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """HUB_TEST_MUTATIONS sets how many payloads are broken; make torture-mutations breaks 10,000 a connector."""

    @settings(max_examples=TRIALS, deadline=None, suppress_health_check=list(HealthCheck), phases=(Phase.generate,))
    @given(st.lists(mutated(recorded(connector)), min_size=A_TRIAL, max_size=A_TRIAL))
    def run(payloads: list[Any]) -> None:
        async def trial() -> None:
            async with running(tmp_path_factory.mktemp("broken")) as rig:
                await _trial(rig, connector, payloads)

        asyncio.run(trial())

    run()
