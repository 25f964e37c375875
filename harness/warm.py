"""Programs in processes forked from a warm one, where hundreds of short ones must not import the CDK each."""

import atexit
import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import reduction
from typing import IO, Any

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

    :param out: where standard output goes: a file, its descriptor, `subprocess.PIPE` or `subprocess.DEVNULL`
    :param err: the same for standard error
    :param module: whose `main` is called with the arguments
    """

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        out: int | IO[Any],
        err: int | IO[Any],
        module: str = "harness.command",
    ) -> None:
        (ours, theirs), (our_errors, their_errors) = _opened(out), _opened(err)
        inherited = _Inherited(theirs), _Inherited(their_errors)
        self._process = _FORKS.Process(target=_child, args=(module, list(arguments), dict(environment), *inherited))
        self._process.start()
        for descriptor, given in ((theirs, out), (their_errors, err)):
            if given in (subprocess.PIPE, subprocess.DEVNULL):
                os.close(descriptor)
        self.stdout, self.stderr = ours, our_errors
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


class _Inherited:
    """Is a descriptor of this process here, and becomes the number of its duplicate where a new process gets it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __reduce__(self) -> tuple[Callable[[Any], int], tuple[Any]]:
        return _detached, (reduction.DupFd(self._descriptor),)


def _detached(duplicate: Any) -> int:
    return int(duplicate.detach())


def _opened(output: int | IO[Any]) -> tuple[IO[str] | None, int]:
    """What this process reads of an output, if it is a pipe, and the descriptor that the other one writes to."""
    if output == subprocess.PIPE:
        ours, theirs = os.pipe()
        return os.fdopen(ours, encoding="utf-8"), theirs
    if output == subprocess.DEVNULL:
        return None, os.open(os.devnull, os.O_WRONLY)
    return None, output if isinstance(output, int) else output.fileno()


def _child(module: str, arguments: list[str], environment: dict[str, str], out: int, err: int) -> None:
    main = importlib.import_module(module).main  # warm in the fork server, never in the test process
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    for descriptor, number in ((out, 1), (err, 2)):
        os.dup2(descriptor, number)
        os.close(descriptor)
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
