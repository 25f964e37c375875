"""Answers made by hand, and a client that gives them in turn."""

import io
from collections.abc import Callable
from typing import Any

import requests
import urllib3

from source_amplitude.export.windows import Window
from source_amplitude.threads import Cancellation

Answer = Exception | Callable[[], requests.Response]


def an_answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    """:param headers: with `_` for `-`"""

    def make() -> requests.Response:
        response = requests.Response()
        response.status_code = status
        response.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
        response.raw = urllib3.HTTPResponse(io.BytesIO(body), status=status, preload_content=False)
        response.request = requests.Request("GET", "http://amplitude.invalid").prepare()
        return response

    return make


class Client:
    """Stands for `ExportClient` and for sessions: the answers in turn, and the last one for ever."""

    region = "US"

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.asked: list[Any] = []

    def next(self) -> requests.Response:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer()


class ExportClientStub(Client):
    def request(self, window: Window, read_timeout: float, attempt: int = 1) -> requests.Response:
        self.asked.append(window)
        return self.next()


class Waits(Cancellation):
    """Does not wait, and knows how long it would have."""

    def __init__(self, clock: Any = None) -> None:
        super().__init__()
        self.seconds: list[float] = []
        self._clock = clock

    def sleep(self, seconds: float) -> None:
        self.check()
        self.seconds.append(seconds)
        if self._clock is not None:
            self._clock.now += seconds
