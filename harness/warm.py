"""Programs in processes forked from a warm one, where hundreds of short ones must not import the CDK each."""

import atexit
import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO

_FORKS = multiprocessing.get_context("forkserver")
# All that a run imports; but for `source_amplitude.run`, which imports it late, nothing differs from a new process.
_FORKS.set_forkserver_preload(
    [
        "harness.command",
        "harness.chain",
        "source_amplitude.airbyte.catalog",
        "source_amplitude.airbyte.sync",
        "source_amplitude.source",
        "pendulum",
        "_strptime",
        "encodings.cp437",
    ]
)


class WarmProcess:
    """What the harness needs of `subprocess.Popen`, for a process that only its start tells from a new one.

    :param module: whose `main` is called with the arguments
    """

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        out: IO[str],
        err: IO[str],
        module: str = "harness.command",
    ) -> None:
        paths = [f"/proc/{os.getpid()}/fd/{stream.fileno()}" for stream in (out, err)]
        self._process = _FORKS.Process(target=_child, args=(module, list(arguments), dict(environment), *paths))
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """:raises subprocess.TimeoutExpired: it has not ended after so many seconds"""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _child(module: str, arguments: list[str], environment: dict[str, str], out: str, err: str) -> None:
    main = importlib.import_module(module).main  # warm in the fork server, never in the test process
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    for path, number in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND), number)
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = os.fdopen(number, "w")
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    try:
        main(arguments)
    except Exception:  # as the interpreter would, whose hook writes the TRACE message of an error
        sys.excepthook(*sys.exc_info())
        sys.exit(1)
    finally:
        atexit._run_exitfuncs()  # which multiprocessing leaves out before Python 3.13
