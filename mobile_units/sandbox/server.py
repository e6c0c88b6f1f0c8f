"""The sandbox on HTTP: SOAP by POST under /services, and three small pages that show counts and no person."""

import json
import logging
import socket
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Self

from mobile_units.sandbox import contract
from mobile_units.sandbox.service import SandboxService
from mobile_units.sandbox.state import SandboxState

MAX_BYTES = 10_000_000
"""The longest request that is read, in bytes."""
PATH = "/services"

logger = logging.getLogger(__name__)


class SandboxServer:
    """A central system of one's own; a context manager that closes every connection at its end.

    It listens on the loopback address unless told otherwise, because it authenticates nobody. Port 0 takes a free one.
    """

    def __init__(self, state_file: Path, host: str = "127.0.0.1", port: int = 0) -> None:
        self.state = SandboxState(state_file)
        try:
            self._http = _HttpServer((host, port), SandboxService(contract.load(), self.state), self.state)
        except OSError:
            self.state.close()
            raise

    @property
    def address(self) -> str:
        """Where the SOAP service is reached."""
        host, port = self._http.server_address[:2]
        return f"http://{host!s}:{port}{PATH}"

    def serve_forever(self) -> None:
        """Answers requests until `shutdown` is called from another thread or an exception ends it."""
        self._http.serve_forever(poll_interval=0.05)

    def start(self) -> Self:
        """Answers requests in a thread of its own until the end of the context."""
        Thread(target=self.serve_forever, name="sandbox", daemon=True).start()
        return self

    def shutdown(self) -> None:
        """Stops taking requests; `serve_forever` returns."""
        self._http.shutdown()

    def close(self) -> None:
        """Closes the port, the connections and the state file."""
        self._http.server_close()
        self._http.close_connections()
        self.state.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.close()


def serve(host: str, port: int, state_file: Path) -> None:
    """Runs the sandbox in the foreground until it is interrupted."""
    server = SandboxServer(state_file, host, port)
    try:
        server.serve_forever()
    finally:
        server.close()


class _HttpServer(ThreadingHTTPServer):
    """Knows its open connections, so that closing it closes them too."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], service: SandboxService, state: SandboxState) -> None:
        self.service = service
        self.state = state
        self._open: set[socket.socket] = set()
        self._guard = Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Hands a new connection to a thread."""
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Ends a connection."""
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Ends the connections that clients keep open."""
        with self._guard:
            for connection in self._open:
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, *_: Any) -> None:
        """A client that went away is no error; anything else is logged without what was asked."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            logger.error("request failed: %s", type(error).__name__)


class _Handler(BaseHTTPRequestHandler):
    server: _HttpServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 60

    def do_GET(self) -> None:
        pages: dict[str, Callable[[], dict[str, Any]]] = {
            "/": lambda: {"service": "sandbox of the central e-registration", "counts": self.server.state.counts()},
            "/state": self.server.state.counts,
            "/healthz": lambda: {"status": "ok"},
        }
        page = pages.get(self.path)
        if page is None:
            self._send(404, "application/json", b"{}")
        else:
            self._send(200, "application/json", json.dumps(page()).encode())

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not self.path.startswith(PATH):
            self._refuse(404)
        elif not length.isdecimal():
            self._refuse(411)
        elif int(length) > MAX_BYTES:
            self._refuse(413)
        else:
            action = self.headers.get("SOAPAction", "").encode("latin-1").decode("utf-8", "replace")
            status, envelope = self.server.service.answer(self.rfile.read(int(length)), action)
            self._send(status, "text/xml; charset=utf-8", envelope)

    def _refuse(self, status: int) -> None:
        """Answers without having read the body, so the connection cannot be used again."""
        self.close_connection = True
        self._send(status, "text/plain", b"")

    def _send(self, status: int, media: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: the service logs what was done, without what was asked."""
