"""A server that answers with any bytes."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Answer = bytes | Callable[[socket.socket], None]


class RawServer:
    """Answers each request with the next of some answers, and with the last one for ever.

    :param answers: bytes to send, after which the connection is closed, or what to do with the connection
    """

    def __init__(self, *answers: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._address = self._socket.getsockname()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._address[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                if self._tls:
                    connection = self._tls.wrap_socket(connection, server_side=True)
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
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # or who waits for a connection accepts one more
        self._socket.close()

    def go_away(self, seconds: float) -> None:
        """Nobody listens for so long."""
        self.close()

        def come_back() -> None:
            self._socket = socket.create_server(self._address)
            self._accept()

        threading.Timer(seconds, come_back).start()


@contextmanager
def serving(*answers: Answer, tls: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    server = RawServer(*answers, tls=tls)
    try:
        yield server
    finally:
        server.close()


def an_answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    """An answer of HTTP, such as `an_answer("200 OK", b"{}", "Content-Type: application/json")`."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
