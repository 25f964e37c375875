"""A server of Spark Connect on this machine, and a client of it, each in a process of its own."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyspark

from harness.limits import wait_until
from harness.spark import REPOSITORY, local_conf
from harness.spark_shown import shown_conf

SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"


class ConnectServer:
    """Reads from a simulated Amplitude.

    :param folder: for what Spark leaves: its event log in `log`, what it prints in `server.txt`
    :param environment: the server's (see `spark_environment`)
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._port, ui = _free_ports(2)
        self.ui = f"http://127.0.0.1:{ui}"
        conf = {
            **local_conf(folder),
            **shown_conf(folder),
            "spark.ui.port": str(ui),
            "spark.connect.grpc.binding.port": str(self._port),
        }
        command = [f"{Path(pyspark.__file__).parent}/bin/spark-submit", "--class", SERVER, "--master", "local[2]"]
        for name, value in conf.items():
            command += ["--conf", f"{name}={value}"]
        with (folder / "server.txt").open("w") as printed:
            self._process = subprocess.Popen(
                [*command, "spark-internal"],
                env={**os.environ, **environment},
                stdout=printed,
                stderr=subprocess.STDOUT,
            )

    def wait_until_it_answers(self) -> None:
        """:raises TimeoutError: it does not"""
        wait_until(self._answers, "the server of Spark Connect", 120)

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.folder / "server.txt").read_text()[-3000:]
        with suppress(ConnectionError):
            socket.create_connection(("127.0.0.1", self._port)).close()
            return True
        return False

    def run(self, client: str, **arguments: Any) -> tuple[Any, str]:
        """Run a module as a client, which gets the server's address too.

        :return: the JSON that it leaves in the file `result` of its arguments, and all that it prints
        """
        result = self.folder / "result.json"
        told = {**arguments, "address": f"sc://127.0.0.1:{self._port}", "result": str(result)}
        done = subprocess.run(
            [sys.executable, "-m", client],
            cwd=REPOSITORY,
            input=json.dumps(told),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return json.loads(result.read_text()), done.stdout

    def stop(self) -> None:
        """Ends it, with its event log complete."""
        self._process.terminate()
        self._process.wait()


@contextmanager
def connect_server(folder: Path, environment: Mapping[str, str]) -> Iterator[ConnectServer]:
    server = ConnectServer(folder, environment)
    try:
        server.wait_until_it_answers()
        yield server
    finally:
        server.stop()


def _free_ports(number: int) -> list[int]:
    """Ports that nobody listens at. Spark must be told the port: it says nowhere which one it took by itself."""
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports
