"""The official connector's command line, unmodified but for the address that `events` asks.

Runs in an environment of its own: `.venv-official/bin/python integration_tests/official.py URL read --config ...`.
"""

import sys

from source_amplitude.streams import Events

from source_amplitude.run import run


def main() -> None:
    address = sys.argv.pop(1)
    Events.url_base = property(lambda _: address)
    run()


main()
