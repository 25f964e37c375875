"""How long the harness and the tests wait before they call something stuck. Nothing else depends on the clock.

Each limit is written for an idle machine of today. A machine that is slower, or busy with other work, gets more time.
"""

import os
import time
from collections.abc import Callable

REFERENCE_SECONDS = 0.005  # what the measured work takes on such a machine
POLL_SECONDS = 0.01
STUCK_SECONDS = 30.0  # for what takes a moment
FOR_EVER_SECONDS = 100_000.0  # a time-out of the connector that no limit of a test outlasts


def _measured_work() -> float:
    started = time.process_time()
    for number in range(100_000):
        number * number
    return time.process_time() - started


_SLOWNESS = max(1.0, min(_measured_work() for _ in range(3)) / REFERENCE_SECONDS)


def scaled(seconds: float) -> float:
    """A limit of so many seconds, longer by how slow this machine is and how busy it is right now."""
    return seconds * _SLOWNESS * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


class Limit:
    """A limit that starts now and gets longer while the machine is busy.

    :param seconds: for an idle machine
    """

    def __init__(self, seconds: float = STUCK_SECONDS) -> None:
        self._started = time.monotonic()
        self._seconds = seconds

    def require_time_left(self, what: str) -> None:
        """Raise TimeoutError, with what is waited for, once the limit has passed."""
        waited = time.monotonic() - self._started
        if waited > scaled(self._seconds):
            raise TimeoutError(f"still waiting for {what} after {waited:.0f} s")


def wait_until(condition: Callable[[], object], what: str, seconds: float = STUCK_SECONDS) -> None:
    """Return once the condition holds; raise TimeoutError when it does not within the limit."""
    limit = Limit(seconds)
    while not condition():
        limit.require_time_left(what)
        time.sleep(POLL_SECONDS)
