"""For unit_tests/ and integration_tests/: nothing fails because the machine is slow or busy."""

import os

import pytest
from hypothesis import HealthCheck, settings

from harness.limits import scaled
from source_amplitude import clock
from source_amplitude.http import secrets

# The same examples each time, so that no change is blamed for what another one did; `make test-all` looks for new ones.
settings.register_profile("random", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("same", settings.get_profile("random"), derandomize=True)
settings.load_profile("same")


@pytest.fixture(autouse=True)
def what_other_tests_have_sent_and_seen_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """For as long as it lives, a process hides each key that it has sent, and knows the time of each server's address.

    The simulator of another test may have had the same port.
    """
    monkeypatch.setattr(secrets, "_pieces", set())
    monkeypatch.setattr(clock, "_clocks", {})


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist, which Spark's environment lacks
def pytest_xdist_auto_num_workers() -> int:
    """Have `-n auto` start two processes for each core, since tests wait half of their time."""
    return 2 * (os.cpu_count() or 1)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Scale the limit of each test, its own (`pytest.mark.timeout`) or that of pyproject.toml."""
    for item in items:
        own = item.get_closest_marker("timeout")
        seconds = float(own.args[0]) if own else float(config.getini("timeout"))
        item.add_marker(pytest.mark.timeout(scaled(seconds)), append=False)
