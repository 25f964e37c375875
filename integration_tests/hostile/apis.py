"""The three APIs as the core reads them, at the address of a server."""

import logging
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from integration_tests.hostile.server import RawServer
from source_amplitude.config.model import Config
from source_amplitude.endpoints.dashboard import EventsList
from source_amplitude.endpoints.limits import RateLimiter
from source_amplitude.endpoints.sender import Sender
from source_amplitude.export.client import ExportClient
from source_amplitude.export.download import Downloader
from source_amplitude.export.limiter import ConcurrencyLimiter
from source_amplitude.export.windows import Window
from source_amplitude.http import retry
from source_amplitude.threads import Cancellation
from source_amplitude.user_profiles.fetch import Fetcher
from source_amplitude.user_profiles.keys import KeyFallback
from source_amplitude.user_profiles.pacer import RequestPacer
from source_amplitude.user_profiles.users import User

LOGGER = logging.getLogger("test")
API_KEY, SECRET_KEY = "5f2b8e6c1d9a47038e6b2c5d7f1a9e04", "c9d41e7ab3f0852691d7e4c8a2b60f35"
WINDOW = Window(*[datetime(2024, 3, 15, 10, tzinfo=timezone.utc)] * 2)


def a_config() -> Config:
    return Config.from_mapping(
        {"api_key": API_KEY, "secret_key": SECRET_KEY, "region": "US", "start_date": "2024-03-13T00:00:00Z"}
    )


def an_export(cancellation: Cancellation | None = None) -> Any:
    """The archive of an hour."""
    downloader = Downloader(ExportClient(a_config(), LOGGER), ConcurrencyLimiter(1), LOGGER, lambda _: None)
    return downloader.fetch(WINDOW, cancellation or Cancellation())


def a_list() -> list[bytes]:
    """The records of `events_list`."""
    config = a_config()
    endpoint = EventsList(config, Sender(config, RateLimiter(LOGGER), LOGGER), LOGGER)
    return [line for lines in endpoint.read() for line in lines]


def a_profile(user: str = "ada") -> Any:
    """What becomes of a user."""
    fetcher = Fetcher(a_config(), KeyFallback(SECRET_KEY, API_KEY, LOGGER), RequestPacer(6000, LOGGER), LOGGER)
    return fetcher.fetch(User("user_id", user))


READERS: dict[str, Callable[[], Any]] = {"export": an_export, "list": a_list, "profile": a_profile}


def point_to(server: RawServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sends all requests to a server, and lets retries wait for moments only."""
    monkeypatch.setenv("AMPLITUDE_API_URL", server.url)
    monkeypatch.setenv("AMPLITUDE_PROFILE_API_URL", server.url)
    monkeypatch.setattr(retry, "FIRST_WAIT_SECONDS", 0.01)
