"""What the contract suites share: readable assertions in the classes that implementations inherit."""

import pytest

pytest.register_assert_rewrite("tests.contracts.store")
