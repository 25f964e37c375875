"""Runs the command `check`, and reads its verdict."""

from typing import Any

from harness.runs import Command, Outcome


def check(command: Command, config: Any, **options: Any) -> Outcome:
    return command.run("check", "--config", command.file("config.json", config), **options)


def verdict(outcome: Outcome) -> tuple[str, str]:
    [message] = outcome.of_type("CONNECTION_STATUS")
    return message["connectionStatus"]["status"], message["connectionStatus"].get("message", "")


def assert_no_key(outcome: Outcome, config: dict[str, Any]) -> None:
    for name in ("api_key", "secret_key"):
        assert config[name] not in outcome.everything


def an_events_state(stream_state: dict[str, Any], stream: str = "events") -> list[dict[str, Any]]:
    return [{"type": "STREAM", "stream": {"stream_descriptor": {"name": stream}, "stream_state": stream_state}}]
