"""A server that answers with any bytes."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Answer = bytes | Callable[[socket.socket], None]


class RawServer:
    """Answers each request with the next of some answers, and with the last one for ever.

    :param answers: bytes to send, after which the connection is closed, or what to do with the connection
    """

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            request = b""
            while b"\r\n\r\n" not in request:
                received = connection.recv(65536)
                if not received:
                    return
                request += received
            self.requests.append(request)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if isinstance(answer, bytes):
                connection.sendall(answer)
            else:
                answer(connection)

    def close(self) -> None:
        self._socket.close()


@contextmanager
def serving(*answers: Answer) -> Iterator[RawServer]:
    server = RawServer(*answers)
    try:
        yield server
    finally:
        server.close()


def an_answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    """An answer of HTTP, such as `an_answer("200 OK", b"{}", "Content-Type: application/json")`."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
