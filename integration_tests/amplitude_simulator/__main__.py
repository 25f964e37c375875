"""Starts a simulated Amplitude by hand, on a loopback port, until it is interrupted."""

import argparse
import signal
from datetime import datetime, timezone

from integration_tests.amplitude_simulator.project import Project
from integration_tests.amplitude_simulator.server import Simulator


def a_moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m integration_tests.amplitude_simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 (the default) takes a free one")
    parser.add_argument("--first-hour", type=a_moment, required=True, help="where the events begin, such as 2024-03-13")
    parser.add_argument("--events-per-hour", type=int, default=100)
    parser.add_argument("--users", type=int, default=1000, help="how many users the events are of")
    parser.add_argument("--now", type=a_moment, help="the time of day at Amplitude, which then stands still")
    parser.add_argument("--region", choices=("US", "EU"), default="US")
    parser.add_argument("--max-response-bytes", type=int, help="refuse larger archives with 400")
    parser.add_argument("--max-hours-served", type=int, help="refuse wider ranges with 504")
    parser.add_argument("--payload-characters", type=int, default=0, help="an incompressible text in each event")
    parser.add_argument("--seed", type=int, default=1)
    options = vars(parser.parse_args())
    port, now = options.pop("port"), options.pop("now")
    with Simulator(Project(**options), now, port) as simulator:
        for name, value in simulator.environment.items():
            print(f"export {name}='{value}'")
        print(f"# api_key {simulator.project.api_key}, secret_key {simulator.project.secret_key}", flush=True)
        signal.sigwait([signal.SIGINT, signal.SIGTERM])


if __name__ == "__main__":
    main()
