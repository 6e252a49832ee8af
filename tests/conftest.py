"""What every test gets: a shut network, feature marks, groups of tests that share a worker."""

from tests import network

pytest_plugins = ["pytester", "tests.features.plugin", "tests.xdist_groups"]

# At import, so that collecting a test module cannot reach out either.
network.shut()
