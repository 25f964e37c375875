"""For unit_tests/ and integration_tests/: nothing fails because the machine is slow or busy."""

import pytest
from hypothesis import HealthCheck, settings

from harness.limits import scaled

settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Scale the limit of each test, its own (`pytest.mark.timeout`) or that of pyproject.toml."""
    for item in items:
        own = item.get_closest_marker("timeout")
        seconds = float(own.args[0]) if own else float(config.getini("timeout"))
        item.add_marker(pytest.mark.timeout(scaled(seconds)), append=False)
