"""Parses the arguments of the command line, before anything large is imported."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from source_amplitude.version import VERSION

NAME = f"source-amplitude {VERSION}"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Returns `command`, `debug`, and what it takes of `config`, `catalog`, `state`, `output` (paths) and `streams`.

    Ends the process with 0 after `--help` or `--version`, and with 2 and the usage after arguments that are none.
    """
    parser = argparse.ArgumentParser(
        prog="source-amplitude",
        description="Reads Amplitude's data, and writes it to standard output as messages of the Airbyte protocol.",
    )
    parser.add_argument("--version", action="version", version=NAME)
    commands = parser.add_subparsers(title="commands", dest="command")
    for name, written in (
        ("spec", "what can be configured, as a JSON schema"),
        ("check", "whether the configured keys are accepted"),
        ("discover", "the streams and their schemas"),
        ("catalog", "a configured catalog, which read and sync take"),
        ("read", "the records of the streams in a catalog, with states to continue from"),
        ("sync", "what read writes, appended to a file; keeps the states in another one, to continue from by itself"),
    ):
        command = commands.add_parser(name, help=written, description=f"Writes {written}.")
        command.add_argument("--debug", action="store_true", help="log more")
        if name != "spec":
            command.add_argument("--config", required=True, metavar="FILE", help="the configuration, a JSON object")
        if name == "catalog":
            command.add_argument(
                "--streams", type=_names, metavar="NAMES", help="of these streams, separated by commas; by default all"
            )
        if name in ("read", "sync"):
            command.add_argument("--catalog", required=True, metavar="FILE", help="a configured catalog in JSON")
        if name == "read":
            command.add_argument("--state", metavar="FILE", help="the newest state of each stream, a JSON array")
        if name == "sync":
            command.add_argument("--state", required=True, metavar="FILE", help="the states, kept by this command")
            command.add_argument("--output", required=True, metavar="FILE", help="the messages are appended to it")
    parsed = parser.parse_args(arguments)
    if parsed.command is None:
        parser.print_help(sys.stderr)
        sys.exit(2)
    return parsed


def _names(text: str) -> list[str]:
    return [name for name in map(str.strip, text.split(",")) if name]
