"""Two workers of the suite never give one port to two tests."""

from __future__ import annotations

import subprocess
import sys

from tests.support import ports
from tests.support.ports import free_ports

_OTHER = "import sys; from tests.support.ports import free_ports; print(*free_ports(2, int(sys.argv[1])))"


def test_a_port_that_was_given_is_nobody_elses_while_nothing_listens_on_it() -> None:
    mine = free_ports(2)
    assert ports._is_free(mine[0])

    assert not set(mine) & set(_others(mine[0]))


def test_a_port_is_free_again_when_its_process_has_ended() -> None:
    (mine,) = free_ports(1)
    theirs = _others(mine)

    assert all(ports._lock(port) for port in theirs)


def _others(first: int) -> list[int]:
    """Ask another process for ports, of which it looks at this one first."""
    ran = subprocess.run([sys.executable, "-c", _OTHER, str(first)], capture_output=True, text=True, check=True)
    return [int(word) for word in ran.stdout.split()]
