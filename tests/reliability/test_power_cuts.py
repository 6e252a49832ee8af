"""The power cut at random moments: what was answered is on the disk, what was called is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.power import careless_hub as ways
from tests.support.power.cuts import cuts, try_cuts
from tests.support.power.disk import Disk
from tests.support.power.judge import FORGOTTEN, LOST
from tests.support.power.recording import Recording, need_strace, record
from tests.support.power.recovery import recover, recover_whole

SEED = 4
CUTS = 200
EVERY = 20
PAGE_BYTES = 4096
"""Of SQLite: no single write of it is longer."""

pytestmark = pytest.mark.xdist_group("power")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """A hub as it is, through two lives."""
    need_strace()
    return record(tmp_path_factory.mktemp("power") / "sound", way=ways.SOUND, seed=SEED, roles=("all", "all"))


@pytest.fixture
def careless(tmp_path: Path) -> Callable[[str], Recording]:
    """Make a recording of a hub that is careless in one way."""
    need_strace()
    return lambda way: record(tmp_path / way, way=way, seed=SEED)


def replay(recording: Recording, number: int) -> str:
    return f"again: python -m tests.support.power --recording {recording.folder} --seed {SEED} --cut {number}"


def test_the_recording_tells_the_whole_disk(sound: Recording, tmp_path: Path) -> None:
    """With everything synced the rebuilt disk is the real one, byte for byte."""
    disk = Disk()
    for op in sound.ops:
        disk.do(op)

    disk.leave_everything(tmp_path / "rebuilt")

    real = {p.relative_to(sound.data): p for p in sound.data.rglob("*") if p.is_file() and p.suffix != ".sock"}
    real = {name: path for name, path in real.items() if not name.name.endswith("-shm")}
    rebuilt = {p.relative_to(tmp_path / "rebuilt"): p for p in (tmp_path / "rebuilt").rglob("*") if p.is_file()}
    # A call in flight at the kill may be done without being told: the close of a full segment removes its WAL.
    untold = rebuilt.keys() - real.keys()
    assert [str(name) for name in untold if not name.name.endswith(".segment-wal")] == []
    assert len(untold) <= 1
    assert real.keys() <= rebuilt.keys()
    differ = [name for name in real if real[name].read_bytes() != rebuilt[name].read_bytes()]
    # As with calls: one write in flight may have come to the disk without being told.
    assert len(differ) <= 1
    assert all(_span(real[name].read_bytes(), rebuilt[name].read_bytes()) <= PAGE_BYTES for name in differ)


def _span(one: bytes, other: bytes) -> int:
    """Return how many bytes lie between the first and the last place where two files differ."""
    longest = max(len(one), len(other))
    # What is missing at the end of one counts as different.
    places = [at for at in range(longest) if one[at : at + 1] != other[at : at + 1]]
    return places[-1] - places[0] + 1 if places else 0


@pytest.mark.feature("OP-01")
def test_no_power_cut_loses_what_was_answered(sound: Recording) -> None:
    verdict = try_cuts(sound, SEED, range(CUTS))

    assert verdict.answered > 20
    assert verdict.called > 3
    for number, problems in verdict.problems.items():
        pytest.fail(f"{problems}\n{replay(sound, number)}")


@pytest.mark.feature("OP-01")
async def test_a_hub_started_after_a_power_cut_ends_what_it_began(sound: Recording) -> None:
    for cut in cuts(sound, SEED, range(0, CUTS, EVERY)):
        assert await recover(cut.data, cut.witness, sound.environment) == [], replay(sound, cut.number)


def test_the_real_process_starts_after_a_power_cut(sound: Recording, tmp_path: Path) -> None:
    for cut in cuts(sound, SEED, range(3)):
        assert recover_whole(cut.data, cut.witness, tmp_path / f"provider-{cut.number}") == [], replay(
            sound, cut.number
        )


@pytest.mark.feature("OP-01")
def test_a_receiver_alone_on_a_new_directory_loses_nothing(tmp_path: Path) -> None:
    """Without a database beside it nobody else makes the journal's own name durable."""
    need_strace()
    recording = record(tmp_path / "receiver", way=ways.SOUND, seed=SEED, roles=("receiver",), messages=8)

    verdict = try_cuts(recording, SEED, range(CUTS))

    assert verdict.answered > 5
    assert verdict.problems == {}


def test_with_synchronous_normal_the_same_cuts_lose_deliveries(careless: Callable[[str], Recording]) -> None:
    verdict = try_cuts(careless(ways.STORE_NORMAL), SEED, range(CUTS))

    assert verdict.by_kind()[LOST] > 0, "deliveries whose segment is gone, whose commit is gone as well"
    assert verdict.by_kind()[FORGOTTEN] > 0, "calls that would be made a second time"


def test_with_a_journal_that_is_not_synced_the_same_cuts_lose_deliveries(careless: Callable[[str], Recording]) -> None:
    verdict = try_cuts(careless(ways.JOURNAL_OFF), SEED, range(CUTS))

    assert verdict.by_kind()[LOST] > 0
