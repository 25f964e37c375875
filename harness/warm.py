"""The command line in a process forked from a warm one, where hundreds of short syncs must not import the CDK each."""

import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["harness.command"])


class WarmProcess:
    """What the harness needs of `subprocess.Popen`, for a process that only its start tells from a new one."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], out: IO[str], err: IO[str]) -> None:
        paths = [f"/proc/{os.getpid()}/fd/{stream.fileno()}" for stream in (out, err)]
        self._process = _FORKS.Process(target=_child, args=(list(arguments), dict(environment), *paths))
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _child(arguments: list[str], environment: dict[str, str], out: str, err: str) -> None:
    from harness.command import main  # noqa: PLC0415 - warm in the fork server, never in the test process

    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    for path, number in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND), number)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w")
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w")
    try:
        main(arguments)
    except Exception:  # as the interpreter would, whose hook writes the TRACE message of an error
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        sys.exit(1)
