"""The official connector's command line, unmodified but for the host that it asks.

Runs in an environment of its own: `.venv-official/bin/python integration_tests/official.py URL read --config ...`.
"""

import sys

import requests

from source_amplitude.run import run

OFFICIAL_ADDRESS = "https://amplitude.com/api/"


def main() -> None:
    address = sys.argv.pop(1)
    send = requests.Session.send

    def send_there(session, request, **options):
        request.url = request.url.replace(OFFICIAL_ADDRESS, address)
        return send(session, request, **options)

    requests.Session.send = send_there
    run()


main()
