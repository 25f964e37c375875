"""The limits of these endpoints: what a request costs, and how much is served in a while."""

import threading
from collections import deque
from datetime import datetime

TYPE_COST = {"/api/2/sessions/": 4}
GROUP_BY_COST = 4
DAY_FORMAT = "%Y%m%d"


def cost_of(path: str, params: dict[str, str]) -> int:
    """Days x conditions x the cost of the type.

    Source of the facts: https://amplitude.com/docs/apis/analytics/dashboard-rest
    """
    try:
        first, last = (datetime.strptime(params[name], DAY_FORMAT) for name in ("start", "end"))  # noqa: DTZ007
    except (KeyError, ValueError):
        return 1
    kind = next((cost for beginning, cost in TYPE_COST.items() if path.startswith(beginning)), 1)
    return max(1, (last - first).days + 1) * kind * (GROUP_BY_COST if "g" in params else 1)


class MovingWindow:
    """Serves so much in any span of so many seconds; what is refused does not count."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._served: deque[tuple[float, int]] = deque()
        self._lock = threading.Lock()

    def serves(self, cost: int, at: float) -> bool:
        with self._lock:
            while self._served and self._served[0][0] <= at - self._seconds:
                self._served.popleft()
            if sum(served for _, served in self._served) + cost > self._limit:
                return False
            self._served.append((at, cost))
            return True
