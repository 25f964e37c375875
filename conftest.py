"""For unit_tests/ and integration_tests/: nothing fails because the machine is slow or busy."""

import pytest
from hypothesis import HealthCheck, settings

from harness.limits import scaled

# The same examples each time, so that no change is blamed for what another one did; `make test-all` looks for new ones.
settings.register_profile("random", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("same", settings.get_profile("random"), derandomize=True)
settings.load_profile("same")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Scale the limit of each test, its own (`pytest.mark.timeout`) or that of pyproject.toml."""
    for item in items:
        own = item.get_closest_marker("timeout")
        seconds = float(own.args[0]) if own else float(config.getini("timeout"))
        item.add_marker(pytest.mark.timeout(scaled(seconds)), append=False)
