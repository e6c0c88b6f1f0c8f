"""An SMS gateway on the loopback: it takes messages under keys, and answers, or fails to, as a test wants."""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

DROP, HANG, DRIP, CUT = "drop", "hang", "drip", "cut"


@dataclass
class Manner:
    """How it answers: a status and a body, or a fault; `takes` whether the message is delivered, `keyed` once a key."""

    status: int = 201
    body: Any = None
    fault: str = ""
    takes: bool = True
    keyed: bool = True
    seconds: float = 0.0
    lookup_status: int = 200
    lookup_body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class SmsStandIn(ThreadingHTTPServer):
    """The gateway; `rung` are the messages that telephones got, `requests` all that it was asked."""

    daemon_threads = True

    def __init__(self, manner: Manner, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.manner = manner
        self.ended = Event()
        self.rung: list[dict[str, str]] = []
        self.keys: dict[str, str] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.server_address[1]}/v1"
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: object, client_address: object) -> None:
        """The other side may have given up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Takes a message."""
        server = self._noted()
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        manner, key = server.manner, self.headers.get("Idempotency-Key", "")
        reference = server.keys.get(key) if manner.keyed else None
        if reference is None and manner.takes:
            server.rung.append(content)
            reference = server.keys[key] = f"sms-{len(server.rung)}"
        self._answer(manner.status, {"id": reference} if manner.body is None else manner.body, manner.fault)

    def do_GET(self) -> None:
        """Looks a message up."""
        server = self._noted()
        key = parse_qs(urlsplit(self.path).query)["reference"][0]
        found = [{"id": server.keys[key]}] if key in server.keys else []
        manner = server.manner
        self._answer(manner.lookup_status, manner.lookup_body or {"messages": found}, manner.fault)

    def _noted(self) -> SmsStandIn:
        server = cast("SmsStandIn", self.server)
        server.requests.append((self.command, self.path, dict(self.headers)))
        return server

    def _answer(self, status: int, body: Any, fault: str) -> None:
        server, self.close_connection = cast("SmsStandIn", self.server), True
        if fault == DROP or server.ended.wait(20 if fault == HANG else server.manner.seconds):
            return
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        with suppress(OSError):
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(content) + (fault == CUT))} | server.manner.headers).items():
                self.send_header(name, value)
            self.end_headers()
            for byte in content if fault == DRIP else ():
                self.wfile.write(bytes([byte]))
                if server.ended.wait(0.1):
                    return
            self.wfile.write(content if fault != DRIP else b"")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the standard library's name
        """Says nothing."""


@contextmanager
def sms_server(manner: Manner | None = None, tls: ssl.SSLContext | None = None) -> Iterator[SmsStandIn]:
    """Serves until the block ends."""
    with SmsStandIn(manner or Manner(), tls) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.ended.set()
            server.shutdown()
            thread.join()
