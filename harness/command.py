"""The real command line in a process of its own, optionally at another time of day or with shorter patience.

    python -m harness.command --at 2024-03-15T23:10:00Z --set http.retry.MAX_TRIES=2 -- read ...

Time goes on from `--at`; `--set` replaces a constant of the package for this process. The connector itself has no such
options, since nobody but its tests needs them.
"""

import argparse
import importlib
import json
import time
from datetime import datetime, timedelta

from source_amplitude import clock
from source_amplitude.run import run


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at", help="the time of day at which the process believes to start (ISO 8601)")
    parser.add_argument("--set", action="append", default=[], metavar="MODULE.CONSTANT=JSON")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args(argv)
    for setting in options.set:
        name, _, value = setting.partition("=")
        module_name, _, constant = name.rpartition(".")
        module = importlib.import_module(f"source_amplitude.{module_name}")
        if not hasattr(module, constant):
            raise AttributeError(f"{module.__name__} has no {constant}")
        setattr(module, constant, json.loads(value))
    arguments = options.arguments[1:] if options.arguments[:1] == ["--"] else options.arguments
    if options.at:
        at, started = datetime.fromisoformat(options.at.replace("Z", "+00:00")), time.monotonic()
        clock.utc_now = lambda: at + timedelta(seconds=time.monotonic() - started)
    run(arguments)


if __name__ == "__main__":
    main()
