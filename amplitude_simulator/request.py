"""The log of what was asked."""

from dataclasses import dataclass

from amplitude_simulator.faults import Fault


@dataclass
class Request:
    """One line of the log: what was asked, when, how many at once, and what became of it.

    :param at: monotonic seconds
    :param cost: of a request to the endpoints under `rest`
    """

    path: str
    params: dict[str, str]
    at: float
    in_flight: int
    authorization: str | None = None
    status: int | None = None
    fault: Fault | None = None
    bytes_sent: int = 0
    query: str = ""
    cost: int = 0
