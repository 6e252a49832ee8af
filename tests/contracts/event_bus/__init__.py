"""What every event bus owes, as tests that each implementation inherits."""

import pytest

pytest.register_assert_rewrite(
    *(
        f"{__name__}.{part}"
        for part in (
            "declaration",
            "order",
            "failures",
            "dead_letters",
            "pauses",
            "membership",
            "preparing",
            "recovery",
        )
    )
)
