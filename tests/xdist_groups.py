"""Pytest plugin: makes ``xdist_group`` marks count although pytest 9 keeps node ids elsewhere.

pytest-xdist 3.8 names a test's group by writing ``item._nodeid``, which pytest 9.2 no longer reads: the groups of
``--dist loadgroup`` are lost in silence. The test of this plugin tells when it can go.
"""

import pytest
from _pytest.nodeid import NodeId


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Carry the name that xdist has written to where pytest looks."""
    for item in items:
        grouped = vars(item).get("_nodeid")
        if isinstance(grouped, str):
            item._id = NodeId.parse(grouped)
