"""A service on the loopback that answers HTTP as a test wants, and remembers what it was asked."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import SplitResult, urlsplit


@dataclass(frozen=True)
class Reply:
    """What is answered: JSON unless it is bytes; `drip` sends the body byte by byte, with so many seconds between."""

    content: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drip: float | None = None

    @property
    def body(self) -> bytes:
        """The bytes."""
        return self.content if isinstance(self.content, bytes) else json.dumps(self.content).encode()


class StandIn(ThreadingHTTPServer):
    """A service; `asked` are the addresses in order, `agents` who asked."""

    daemon_threads = True

    def __init__(self, answer: Callable[[SplitResult], Reply]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.ended = Event()
        self.asked: list[SplitResult] = []
        self.agents: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: StandIn

    def do_GET(self) -> None:
        """Notes the question and answers it."""
        asked = urlsplit(self.path)
        self.server.asked.append(asked)
        self.server.agents.append(self.headers["User-Agent"])
        with suppress(OSError):  # the other side may have given up
            self._send(self.server.answer(asked))

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in ({"Content-Length": str(len(reply.body))} | reply.headers).items():
            self.send_header(name, value)
        self.end_headers()
        for piece in [reply.body] if reply.drip is None else map(bytes, zip(reply.body, strict=True)):
            if reply.drip is not None and self.server.ended.wait(reply.drip):
                return
            self.wfile.write(piece)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the standard library's name
        """Says nothing."""


@contextmanager
def serving(answer: Callable[[SplitResult], Reply]) -> Iterator[StandIn]:
    """Answers until the block ends."""
    with StandIn(answer) as service:
        thread = Thread(target=service.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield service
        finally:
            service.ended.set()
            service.shutdown()
            thread.join()


def refusing_address() -> str:
    """An address where nobody answers."""
    with StandIn(lambda _: Reply({})) as service:
        return service.url
