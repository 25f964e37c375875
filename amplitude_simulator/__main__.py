"""Starts a simulated Amplitude by hand, on a loopback port, until it is interrupted."""

import argparse
import signal
from collections.abc import Callable
from datetime import datetime, timezone

from amplitude_simulator.faults import Fault
from amplitude_simulator.project import HOUR, Project
from amplitude_simulator.server import Simulator


def a_moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def during(first_hour: datetime, hours: int, events_per_hour: int) -> Callable[[datetime], int]:
    """As many events in each of the hours from `first_hour` on, and none after them."""
    return lambda hour: events_per_hour if hour < first_hour + hours * HOUR else 0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m amplitude_simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 (the default) takes a free one")
    parser.add_argument("--first-hour", type=a_moment, required=True, help="where the events begin, such as 2024-03-13")
    parser.add_argument("--events-per-hour", type=int, default=100)
    parser.add_argument("--hours", type=int, help="how many hours have events; without it they never end")
    parser.add_argument("--users", type=int, default=1000, help="how many users the events are of")
    parser.add_argument("--now", type=a_moment, help="the time of day at Amplitude, which then stands still")
    parser.add_argument("--region", choices=("US", "EU"), default="US")
    parser.add_argument("--max-response-bytes", type=int, help="refuse larger archives with 400")
    parser.add_argument("--max-hours-served", type=int, help="refuse wider ranges with 504")
    parser.add_argument("--payload-characters", type=int, default=0, help="an incompressible text in each event")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS", help="how late each answer comes")
    parser.add_argument("--cache-archives", action="store_true", help="make each archive once and keep it in memory")
    options = vars(parser.parse_args())
    port, now, cache_archives = options.pop("port"), options.pop("now"), options.pop("cache_archives")
    latency, hours = options.pop("latency"), options.pop("hours")
    if hours is not None:
        options["events_per_hour"] = during(options["first_hour"], hours, options["events_per_hour"])
    with Simulator(Project(**options), now, port, cache_archives=cache_archives) as simulator:
        if latency:
            simulator.faults += [Fault("latency", api=api, seconds=latency) for api in ("export", "profile")]
        for name, value in simulator.environment.items():
            print(f"export {name}='{value}'")
        print(f"# api_key {simulator.project.api_key}, secret_key {simulator.project.secret_key}", flush=True)
        signal.sigwait([signal.SIGINT, signal.SIGTERM])


if __name__ == "__main__":
    main()
