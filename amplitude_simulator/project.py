"""What a simulated Amplitude project holds: its keys, its region, its events, and which of them are published when."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from zlib import crc32

from amplitude_simulator.events import Population, amplitude_id, event_lines, event_uuid, lines_of_a_small_hour
from amplitude_simulator.rest.data import RestData

HOUR = timedelta(hours=1)
PUBLISHING = timedelta(hours=2)
SMALL_HOUR = 400  # events


@dataclass(frozen=True)
class Project:
    """A project whose events begin at `first_hour` and never end.

    :param events_per_hour: a number, or a function of the hour
    :param users: how many different users the events are of
    :param arrivals_per_day: so many new users each day instead, who come back less and less
    :param late: hours that are published so much later than others
    :param deletions: users (by number) whose events are deleted at a moment, as Amplitude does on request
    :param states_length: whether export answers say how long they are; if not, they are sent in chunks
    :param max_response_bytes: larger archives are refused with 400
    :param max_hours_served: ranges with more hours of data than this are refused with `too_many_hours_status`
    :param payload_characters: length of an incompressible text in each event
    :param profile_key: which of the keys the User Profile API accepts
    :param unknown_users: ids (of users or devices) that the User Profile API has never seen
    :param profiles_per_minute: how many profile requests the organization may send in a minute
    :param minute_seconds: how long that minute is
    :param used_by_another_tool: how many of them another tool uses up
    :param rest: what the dashboard, cohort, annotation and taxonomy endpoints hold
    """

    first_hour: datetime
    events_per_hour: int | Callable[[datetime], int] = 5
    users: int = 1000
    arrivals_per_day: int = 0
    late: Mapping[datetime, timedelta] = field(default_factory=dict)
    deletions: Mapping[int, datetime] = field(default_factory=dict)
    states_length: bool = True
    region: str = "US"
    api_key: str = "0123456789abcdef0123456789abcdef"
    secret_key: str = "fedcba9876543210fedcba9876543210"
    max_response_bytes: int | None = None
    max_hours_served: int | None = None
    too_many_hours_status: Literal[400, 504] = 504
    payload_characters: int = 0
    profile_key: Literal["secret_key", "api_key", "none"] = "secret_key"
    unknown_users: Collection[str] = ()
    unknown_user_status: int = 400
    profiles_per_minute: int = 600
    minute_seconds: float = 60.0
    used_by_another_tool: int = 0
    rest: RestData = field(default_factory=RestData)
    seed: int = 1

    def count(self, hour: datetime) -> int:
        """How many events were uploaded in an hour, published yet or not."""
        if hour < self.first_hour:
            return 0
        return self.events_per_hour if isinstance(self.events_per_hour, int) else self.events_per_hour(hour)

    def uuids(self, first: datetime, last: datetime) -> set[str]:
        """The uuids of everything that was uploaded from hour `first` to hour `last`, both included."""
        hours = (first + number * HOUR for number in range(int((last - first) / HOUR) + 1))
        return {event_uuid(self.seed, hour, index) for hour in hours for index in range(self.count(hour))}

    def published(self, hour: datetime, now: datetime) -> Iterator[bytes]:
        """The lines of an hour that can be exported at `now`.

        An hour appears bit by bit, in no order, from its end on; all of it is there two hours later, or when it is
        `late`, so much after that.
        """
        share = (now - hour - HOUR - self.late.get(hour, 0 * HOUR)) / PUBLISHING
        if share <= 0:
            return
        population = Population(self.users, self.first_hour, self.arrivals_per_day)
        make = lines_of_a_small_hour if self.count(hour) <= SMALL_HOUR and not self.payload_characters else event_lines
        lines = make(self.seed, hour, self.count(hour), population, self.payload_characters)
        deleted = [b'"amplitude_id":%d,' % amplitude_id(user) for user, at in self.deletions.items() if at <= now]
        for index, line in enumerate(lines):
            if share < 1 and crc32(event_uuid(self.seed, hour, index).encode()) >= share * 2**32:
                continue
            if not any(mark in line for mark in deleted):
                yield line

    def has_published(self, hour: datetime, now: datetime) -> bool:
        return self.count(hour) > 0 and next(self.published(hour, now), None) is not None
