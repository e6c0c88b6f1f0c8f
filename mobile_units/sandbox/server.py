"""The sandbox on HTTP or HTTPS: SOAP by POST under /services, three small pages of counts, and faults on demand."""

import json
import logging
import socket
import ssl
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from select import select
from threading import Event, Lock, Thread
from typing import Any, Self

from mobile_units import clock
from mobile_units.sandbox import contract
from mobile_units.sandbox.certificates import Certificates
from mobile_units.sandbox.faults import Disturbance, Disturbances, Kind
from mobile_units.sandbox.page import PageServer
from mobile_units.sandbox.security import Security
from mobile_units.sandbox.service import SandboxService
from mobile_units.sandbox.state import SandboxState

MAX_BYTES = 10_000_000
"""The longest request that is read, in bytes."""
PATH = "/services"
POLL_SECONDS = 0.05
ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER by which closing a connection resets it."""

logger = logging.getLogger(__name__)


class SandboxServer:
    """A central system of one's own; a context manager that closes every connection at its end.

    With certificates it speaks TLS, lets nobody in without a certificate of its authority and wants every request
    signed. Without them it authenticates nobody; either way it listens on the loopback address unless told otherwise.
    Port 0 takes a free one. With a page port it shows there, in plain HTTP, what it holds.
    """

    def __init__(
        self,
        state_file: Path,
        host: str = "127.0.0.1",
        port: int = 0,
        certificates: Certificates | None = None,
        page_port: int | None = None,
    ) -> None:
        self.state = SandboxState(state_file)
        self.disturbances = Disturbances()
        security = Security(certificates) if certificates else None
        agreed = contract.load()
        service = SandboxService(agreed, self.state, security)
        try:
            tls = _tls(certificates) if certificates else None
            self._http = _HttpServer((host, port), service, self.state, self.disturbances, tls)
            self._page = None if page_port is None else self._page_server(agreed, page_port)
        except OSError:
            self.state.close()
            raise

    def _page_server(self, agreed: contract.Contract, port: int) -> PageServer:
        try:
            return PageServer(port, self.state, agreed, self.disturbances, self.address, self._http.refuse)
        except OSError:
            self._http.server_close()
            raise

    @property
    def address(self) -> str:
        """Where the SOAP service is reached."""
        host, port = self._http.server_address[:2]
        return f"{'https' if self._http.tls else 'http'}://{host!s}:{port}{PATH}"

    @property
    def page_address(self) -> str:
        """Where the page is reached; RuntimeError if there is none."""
        if self._page is None:
            raise RuntimeError("this sandbox has no page")
        return self._page.address

    def serve_forever(self) -> None:
        """Answers requests until `shutdown` is called from another thread or an exception ends it."""
        if self._page:
            self._page.start()
        self._http.serve_forever()

    def start(self) -> Self:
        """Answers requests in a thread of its own until the end of the context."""
        self._http.started()
        Thread(target=self.serve_forever, name="sandbox", daemon=True).start()
        return self

    def shutdown(self) -> None:
        """Stops taking requests; `serve_forever` returns."""
        self._http.shutdown()

    def close(self) -> None:
        """Closes the ports, the connections and the state file."""
        if self._page:
            self._page.close()
        self._http.server_close()
        self._http.close_connections()
        self.state.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.close()


def serve(
    host: str, port: int, state_file: Path, certificates: Certificates | None = None, page_port: int | None = None
) -> None:
    """Runs the sandbox in the foreground until it is interrupted."""
    server = SandboxServer(state_file, host, port, certificates, page_port)
    page = "" if page_port is None else f", page at {server.page_address}"
    logger.info("listening at %s%s", server.address, page)
    try:
        server.serve_forever()
    finally:
        server.close()


def _tls(certificates: Certificates) -> ssl.SSLContext:
    """TLS that demands a certificate of our authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates.ca))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(certificates.server_pem, certificates.server_key)
    return context


class _HttpServer(ThreadingHTTPServer):
    """Knows its open connections, so that it can close them, and can stop listening for a while."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        service: SandboxService,
        state: SandboxState,
        disturbances: Disturbances,
        tls: ssl.SSLContext | None,
    ) -> None:
        self.service = service
        self.state = state
        self.disturbances = disturbances
        self.tls = tls
        self._open: set[socket.socket] = set()
        self._aborted: set[socket.socket] = set()
        self._guard = Lock()
        self._refused_until = 0.0
        self._deaf = Event()
        self._stopping = Event()
        self._stopped = Event()
        self._stopped.set()
        super().__init__(address, _Handler)

    def started(self) -> None:
        """Makes `shutdown` wait for the end of `serve_forever`, which is about to be called."""
        self._stopped.clear()

    def serve_forever(self, poll_interval: float = POLL_SECONDS) -> None:
        """Takes connections, each for a thread of its own, unless they are refused at present."""
        self._stopped.clear()
        try:
            while not self._stopping.is_set():
                if self._refused_until > clock.monotonic():
                    self._be_deaf()
                elif select([self.socket], [], [], poll_interval)[0] and self._refused_until <= clock.monotonic():
                    self._handle_request_noblock()  # type: ignore[attr-defined]  # absent from typeshed
        finally:
            self._stopped.set()

    def shutdown(self) -> None:
        """Ends `serve_forever` and waits for it."""
        self._stopping.set()
        self._stopped.wait()

    def refuse(self, seconds: float) -> None:
        """Lets nobody connect for so long and ends every connection; returns when that is so."""
        self._refused_until = clock.monotonic() + seconds
        self._deaf.wait(1)
        self._abort_all()

    def _be_deaf(self) -> None:
        address = self.server_address
        self.socket.close()
        self._deaf.set()
        while self._refused_until > clock.monotonic() and not self._stopping.is_set():
            time.sleep(POLL_SECONDS / 5)
        self._deaf.clear()
        while not self._stopping.is_set() and not self._listens_again(address):
            time.sleep(POLL_SECONDS)

    def _listens_again(self, address: Any) -> bool:
        """Whether the port could be taken again; somebody's outgoing connection may hold it for a moment."""
        self.socket = socket.socket(self.address_family, self.socket_type)
        self.server_address = address
        try:
            self.server_bind()
        except OSError:
            self.socket.close()
            return False
        self.server_activate()
        return True

    def get_request(self) -> tuple[socket.socket, Any]:
        """A new connection; its thread shakes hands."""
        connection, address = super().get_request()
        if self.tls:
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        """Hands a new connection to a thread."""
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Ends a connection; one that is aborted, with a reset."""
        with self._guard:
            self._open.discard(request)
            aborted = request in self._aborted
            self._aborted.discard(request)
        if aborted:
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def abort(self, connection: socket.socket) -> None:
        """Makes the end of a connection a reset."""
        with self._guard:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            self._aborted.add(connection)

    def close_connections(self) -> None:
        """Ends the connections that clients keep open."""
        with self._guard:
            for connection in self._open:
                _hang_up(connection)

    def _abort_all(self) -> None:
        with self._guard:
            everybody = [*self._open]
        for connection in everybody:
            with suppress(OSError):
                self.abort(connection)
                _hang_up(connection)

    def handle_error(self, *_: Any) -> None:
        """A client that went away or was not let in is no error; all else is logged without what was asked."""
        error = sys.exception()
        if isinstance(error, ssl.SSLError):
            logger.info("connection refused: %s", error.reason)
        elif not isinstance(error, ConnectionError | TimeoutError):
            logger.error("request failed: %s", type(error).__name__)


def _hang_up(connection: socket.socket) -> None:
    """Wakes the thread that reads from a connection; its TLS, if any, is left as it is."""
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: _HttpServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 60

    def handle(self) -> None:
        if self.server.tls:
            self.connection.do_handshake()
        super().handle()

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
            self._answer(self.rfile.read(int(length)), action)

    def _answer(self, body: bytes, action: str) -> None:
        delay, disturbance = self.server.disturbances.draw(self.server.service.operation_of(action))
        time.sleep(delay)
        if disturbance and disturbance.kind in _BEFORE:
            _BEFORE[disturbance.kind](self, disturbance)
            return
        status, envelope = self.server.service.answer(body, action, disturbance)
        if disturbance and disturbance.kind in _AFTER:
            _AFTER[disturbance.kind](self, status, envelope)
        else:
            self._send(status, "text/xml; charset=utf-8", envelope)

    def _reset(self, *_: object) -> None:
        self.close_connection = True
        self.server.abort(self.connection)

    def _be_out_of_service(self, disturbance: Disturbance) -> None:
        self._reset()
        self.server.refuse(disturbance.seconds or 0)

    def _fail(self, _: Disturbance) -> None:
        self._send(500, "text/html; charset=utf-8", b"<html><body><h1>500</h1>Internal Server Error<br></body></html>")

    def _send_malformed(self, status: int, envelope: bytes) -> None:
        self._send(status, "text/xml; charset=utf-8", envelope[: len(envelope) // 2] + b"</&")

    def _send_truncated(self, status: int, envelope: bytes) -> None:
        self.close_connection = True
        self._send(status, "text/xml; charset=utf-8", envelope, sent=len(envelope) // 2)

    def _refuse(self, status: int) -> None:
        """Answers without having read the body, so the connection cannot be used again."""
        self.close_connection = True
        self._send(status, "text/plain", b"")

    def _send(self, status: int, media: str, body: bytes, sent: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:sent])

    def log_message(self, *_: object) -> None:
        """Nothing: the service logs what was done, without what was asked."""


_BEFORE: dict[Kind, Callable[[_Handler, Disturbance], None]] = {
    Kind.REFUSE: _Handler._be_out_of_service,  # noqa: SLF001 -- the table of the class
    Kind.RESET_BEFORE: _Handler._reset,  # noqa: SLF001 -- the table of the class
    Kind.HTTP_500: _Handler._fail,  # noqa: SLF001 -- the table of the class
}
"""What happens instead of carrying a request out."""
_AFTER: dict[Kind, Callable[[_Handler, int, bytes], None]] = {
    Kind.RESET_AFTER: _Handler._reset,  # noqa: SLF001 -- the table of the class
    Kind.MALFORMED: _Handler._send_malformed,  # noqa: SLF001 -- the table of the class
    Kind.TRUNCATED: _Handler._send_truncated,  # noqa: SLF001 -- the table of the class
}
"""What happens instead of the answer."""
