"""A standalone Spark cluster on this machine: a master, and two workers with one core each."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pyspark

from harness.spark import processes, wait_for

HOME = Path(pyspark.__file__).parent
WORKERS = 2
EXECUTOR = "CoarseGrainedExecutorBackend"


class Cluster:
    """A running cluster.

    :param master: its address, for a driver
    """

    def __init__(self, master: str, worker_pids: list[int]) -> None:
        self.master = master
        self._worker_pids = worker_pids

    def executors(self) -> list[int]:
        """The processes of all executors."""
        return [pid for pid, command, parent in processes() if EXECUTOR in command and parent in self._worker_pids]

    def kill_an_executor(self) -> None:
        """Kills the oldest executor; the cluster starts another one in its place."""
        wait_for(self.executors)
        os.kill(min(self.executors()), signal.SIGKILL)


@contextmanager
def standalone_cluster(folder: Path, environment: Mapping[str, str]) -> Iterator[Cluster]:
    """Starts a cluster, and ends it with all of its executors.

    :param folder: for what it leaves
    :param environment: of its processes, beside what they need of this one's
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    master = f"spark://127.0.0.1:{port}"
    variables = {**os.environ, "SPARK_HOME": str(HOME), "SPARK_LOCAL_IP": "127.0.0.1", **environment}
    at = ["--host", "127.0.0.1", "--webui-port", "0"]
    with ExitStack() as running:

        def start(kind: str, name: str, *arguments: str) -> subprocess.Popen[bytes]:
            log = running.enter_context((folder / f"{name}.txt").open("wb"))
            command = [f"{HOME}/bin/spark-class", f"org.apache.spark.deploy.{kind}", *at, *arguments]
            process = subprocess.Popen(command, stdout=log, stderr=log, env=variables, cwd=folder)
            running.callback(_end, process)
            return process

        start("master.Master", "master", "--port", str(port))
        wait_for(lambda: b"Starting Spark master" in (folder / "master.txt").read_bytes())
        pids = [
            start("worker.Worker", f"worker-{number}", "--cores", "1", "--memory", "1g",
                  "--work-dir", f"{folder}/work-{number}", master).pid
            for number in range(WORKERS)
        ]  # fmt: skip
        for number in range(WORKERS):
            log = folder / f"worker-{number}.txt"
            wait_for(lambda log=log: b"Successfully registered" in log.read_bytes())
        yield Cluster(master, pids)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(timeout=60)
