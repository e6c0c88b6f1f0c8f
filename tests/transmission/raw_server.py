"""A server that answers one request with whatever bytes a test wants, or misbehaves."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain, repeat
from threading import Event, Thread


@dataclass
class RawServer:
    """Where the server listens, the bytes it was sent, and how handshakes failed."""

    address: str
    received: list[bytes] = field(default_factory=list)
    refused: list[OSError] = field(default_factory=list)
    stopped: Event = field(default_factory=Event)


@contextmanager
def raw_server(
    answer: bytes = b"",
    *,
    first: bytes | None = None,
    silent: bool = False,
    drip: bool = False,
    tls: ssl.SSLContext | None = None,
) -> Iterator[RawServer]:
    """Reads whole requests and sends `answer`, to the first one `first` if given, then closes; `tls` wraps it all.

    A silent server keeps the connection and says nothing; a dripping one adds a byte at a time for ever.
    """
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        if tls:
            listener = stack.enter_context(tls.wrap_socket(listener, server_side=True))
        server = RawServer(f"http{'s' if tls else ''}://127.0.0.1:{listener.getsockname()[1]}/services")
        answers = chain([] if first is None else [first], repeat(answer))
        thread = Thread(target=_serve, args=(listener, server, answers, silent, drip), daemon=True)
        thread.start()
        yield server
        server.stopped.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=5)


def http(status: int, body: str | bytes, length: int | None = None) -> bytes:
    """An HTTP answer, declaring another length than it has if asked to."""
    content = body.encode() if isinstance(body, str) else body
    declared = len(content) if length is None else length
    head = f"HTTP/1.1 {status} X\r\nContent-Type: text/xml\r\nContent-Length: {declared}\r\nConnection: close\r\n\r\n"
    return head.encode() + content


def _serve(listener: socket.socket, server: RawServer, answers: Iterator[bytes], silent: bool, drip: bool) -> None:
    while not server.stopped.is_set():
        try:
            connection, _ = listener.accept()
        except OSError as error:
            server.refused.append(error)
            continue
        with connection, suppress(OSError):
            server.received.append(_request(connection))
            if silent:
                server.stopped.wait(10)
            else:
                connection.sendall(next(answers))
            if drip:
                _drip(connection, server.stopped)


def _drip(connection: socket.socket, stopped: Event) -> None:
    with suppress(OSError):
        while not stopped.wait(0.05):
            connection.sendall(b" ")


def _request(connection: socket.socket) -> bytes:
    received = b""
    while b"</soap-env:Envelope>" not in received:
        part = connection.recv(65536)
        if not part:
            break
        received += part
    return received
