"""The sandbox's page and its JSON, in plain HTTP on the loopback address: what is held, faults on demand, and IKP.

Nobody signs in, so no other site may speak for its reader: the host must be this one, a form carries the token of this
process, JSON must say that it is JSON, and what names another origin is refused.
"""

import hmac
import json
import logging
import secrets
import sys
from collections.abc import Callable
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from mobile_units.sandbox import faults, view
from mobile_units.sandbox.contract import Contract
from mobile_units.sandbox.faults import BadDisturbanceError, Disturbances
from mobile_units.sandbox.ikp import BadBookingError, Ikp
from mobile_units.sandbox.listing import holdings
from mobile_units.sandbox.rules import MEANINGS, RuleBroken
from mobile_units.sandbox.state import SandboxState

MAX_BYTES = 100_000
LOOPBACK = "127.0.0.1"
NAMES = {LOOPBACK, "localhost"}
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
NOTICES = {
    "faults": "Zakłócenie włączono.",
    "cleared": "Zakłócenia wyłączono.",
    "booked": "Wizytę umówiono.",
    "moved": "Wizytę przełożono.",
    "cancelled": "Wizytę odwołano.",
}
IMPOSSIBLE = "Nie wykonano: brakuje pola albo jego wartość jest niemożliwa."

logger = logging.getLogger(__name__)
Json = dict[str, Any] | list[Any]


class RefusedError(Exception):
    """A request that is not carried out, with the HTTP status that says why."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(reason)


class PageServer:
    """Serves the page in threads of its own; `refuse` closes the door of the SOAP service for some seconds."""

    def __init__(  # noqa: PLR0913, PLR0917 -- what it shows and changes
        self,
        port: int,
        state: SandboxState,
        contract: Contract,
        disturbances: Disturbances,
        service_address: str,
        refuse: Callable[[float], None],
    ) -> None:
        self._http = _PageHttpServer((LOOPBACK, port), _Handler)
        self._http.page = _Page(state, Ikp(contract, state), disturbances, refuse)
        self._http.page.operations = sorted(operation.name for operation in contract.operations.values())
        self._http.page.service_address = service_address
        self._started = False

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://{LOOPBACK}:{self._http.server_address[1]}"

    def start(self) -> None:
        """Answers from now on."""
        self._started = True
        Thread(target=self._http.serve_forever, args=(0.05,), name="sandbox page", daemon=True).start()

    def close(self) -> None:
        """Stops answering and closes the port."""
        if self._started:
            self._http.shutdown()
        self._http.server_close()


class _Page:
    """What is asked of the page, apart from HTTP."""

    def __init__(
        self, state: SandboxState, ikp: Ikp, disturbances: Disturbances, refuse: Callable[[float], None]
    ) -> None:
        self.state = state
        self.ikp = ikp
        self.disturbances = disturbances
        self.token = secrets.token_urlsafe(24)
        self.operations: list[str] = []
        self.service_address = ""
        self._refuse = refuse

    def html(self, query: dict[str, str]) -> bytes:
        """The page, with the notice and the schedule that the query names."""
        return view.page(
            held=holdings(self.state, query.get("schedule")),
            disturbances=self.disturbances.listed(),
            free=self.ikp.free_slots(100),
            operations=self.operations,
            address=self.service_address,
            token=self.token,
            notice=_notice(query),
            schedule=query.get("schedule"),
        )

    def switch_on(self, given: object) -> None:
        """Adds one disturbance, or replaces all of them by those in a list."""
        wanted = [faults.read(each) for each in (given if isinstance(given, list) else [given])]
        left = [each.after_a_call() if each.is_outage else each for each in wanted]
        kept = [each for each in left if each]
        if isinstance(given, list):
            self.disturbances.replace(kept)
        else:
            self.disturbances.switch_on(*kept)
        for outage in wanted:
            if outage.is_outage:
                self._refuse(outage.seconds or 0)


class _PageHttpServer(ThreadingHTTPServer):
    daemon_threads = True
    page: _Page

    def handle_error(self, *_: object) -> None:
        """A reader that went away is no error; anything else is logged without what was asked."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            logger.error("page failed: %s", type(error).__name__)


class _Handler(BaseHTTPRequestHandler):
    server: _PageHttpServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 60

    def do_GET(self) -> None:
        self._dispatch("GET")

    def do_POST(self) -> None:
        self._dispatch("POST")

    def do_DELETE(self) -> None:
        self._dispatch("DELETE")

    def _dispatch(self, method: str) -> None:
        try:
            self._check_host()
            self._route(method, urlsplit(self.path).path)
        except RefusedError as refused:
            self.close_connection = True
            self._json(refused.status, {"error": refused.reason})

    def _route(self, method: str, path: str) -> None:
        page = self.server.page
        if method == "GET":
            self._get(path)
        elif method == "DELETE" and path == "/faults":
            self._check_origin()
            page.disturbances.replace([])
            self._json(200, [])
        elif method == "POST" and self._is_json():
            self._check_origin()
            self._post_json(path, self._read_json())
        elif method == "POST":
            self._check_origin()
            self._post_form(path, self._read_form())
        else:
            raise RefusedError(404, "there is nothing here")

    def _get(self, path: str) -> None:
        page = self.server.page
        answers: dict[str, Callable[[], Json]] = {
            "/healthz": lambda: {"status": "ok"},
            "/state": page.state.counts,
            "/visits": page.state.visits,
            "/faults": lambda: [each.as_json() for each in page.disturbances.listed()],
            "/ikp/slots": lambda: [asdict(each) for each in page.ikp.free_slots()],
        }
        if path == "/":
            self._send(200, "text/html; charset=utf-8", page.html(self._query()))
        elif path == "/style.css":
            style = files("mobile_units.sandbox").joinpath("style.css").read_bytes()
            self._send(200, "text/css; charset=utf-8", style)
        elif path in answers:
            self._json(200, answers[path]())
        else:
            raise RefusedError(404, "there is nothing here")

    def _post_json(self, path: str, given: object) -> None:
        try:
            self._json(*self._carry_out(path, given))
        except BadBookingError as wrong:
            raise RefusedError(422, str(wrong)) from None
        except BadDisturbanceError as wrong:
            raise RefusedError(422, str(wrong)) from None
        except RuleBroken as broken:
            self._json(409, {"error": MEANINGS[broken.rule], "rule": broken.rule.value})

    def _carry_out(self, path: str, given: object) -> tuple[int, Json]:
        """What JSON asks for."""
        page = self.server.page
        if path == "/faults":
            page.switch_on(given)
            return 200, [each.as_json() for each in page.disturbances.listed()]
        if path == "/ikp/visits":
            return 201, {"id": page.ikp.book(given)}
        visit, _, action = unquote(path.removeprefix("/ikp/visits/")).rpartition("/")
        if action == "move" and isinstance(given, dict):
            page.ikp.move(visit, given.get("slot"))
        elif action == "cancel":
            page.ikp.cancel(visit)
        else:
            raise RefusedError(404, "there is nothing here")
        return 200, {"id": visit}

    def _post_form(self, path: str, form: dict[str, str]) -> None:
        if not hmac.compare_digest(form.pop("token", "").encode(), self.server.page.token.encode()):
            raise RefusedError(403, "the form is not of this page")
        try:
            query = {"done": self._carry_out_form(path, form)}
        except RuleBroken as broken:
            query = {"refused": broken.rule.value}
        except (BadBookingError, BadDisturbanceError, ValueError):
            query = {"refused": "field"}
        self.send_response(303)
        self.send_header("Location", f"/?{urlencode(query)}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _carry_out_form(self, path: str, form: dict[str, str]) -> str:
        """What a form asks for; the name of the notice."""
        page = self.server.page
        if path == "/faults":
            page.switch_on(_disturbance_of(form))
            return "faults"
        if path == "/faults/clear":
            page.disturbances.replace([])
            return "cleared"
        if path == "/ikp/visits":
            page.ikp.book(form | {"patient": form})
            return "booked"
        if path == "/ikp/visits/move":
            page.ikp.move(form.get("visit", ""), form.get("slot"))
            return "moved"
        if path == "/ikp/visits/cancel":
            page.ikp.cancel(form.get("visit", ""))
            return "cancelled"
        raise RefusedError(404, "there is nothing here")

    def _is_json(self) -> bool:
        """JSON, or nothing at all: a form of another site says what it is, and its scripts name their origin."""
        return "Content-Type" not in self.headers or self.headers.get_content_type() == "application/json"

    def _check_host(self) -> None:
        """Refuses a name that another site made point here."""
        if urlsplit(f"//{self.headers.get('Host', '')}").hostname not in NAMES:
            raise RefusedError(403, "this host is not known")

    def _check_origin(self) -> None:
        origin = self.headers.get("Origin")
        if origin is not None and origin != f"http://{self.headers.get('Host')}":
            raise RefusedError(403, "another site may not do that")

    def _read_json(self) -> object:
        try:
            return json.loads(self._read() or b"null")
        except (ValueError, RecursionError):
            raise RefusedError(400, "this is no JSON") from None

    def _read_form(self) -> dict[str, str]:
        if self.headers.get_content_type() != "application/x-www-form-urlencoded":
            raise RefusedError(415, "JSON or a form is wanted")
        return _single(self._read().decode("utf-8", "replace"))

    def _read(self) -> bytes:
        length = self.headers.get("Content-Length", "" if "Transfer-Encoding" in self.headers else "0")
        if not length.isdecimal() or int(length) > MAX_BYTES:
            raise RefusedError(413, "the length lacks or is too great")
        return self.rfile.read(int(length))

    def _query(self) -> dict[str, str]:
        return _single(urlsplit(self.path).query)

    def _json(self, status: int, content: Json) -> None:
        body = json.dumps(content, ensure_ascii=False, default=str).encode()
        self._send(status, "application/json; charset=utf-8", body)

    def _send(self, status: int, media: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: a path may name a visit."""


def _single(encoded: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(encoded, max_num_fields=50).items()}


def _notice(query: dict[str, str]) -> tuple[bool, str] | None:
    """The sentence that a query names; a text of its own has no way onto the page."""
    if done := NOTICES.get(query.get("done", "")):
        return True, done
    if "refused" not in query:
        return None
    meanings = {rule.value: f"Nie wykonano: {meaning}" for rule, meaning in MEANINGS.items()}
    return False, meanings.get(query["refused"], IMPOSSIBLE)


def _disturbance_of(form: dict[str, str]) -> dict[str, object]:
    """The disturbance that the fields of the form mean; those that do not belong to its kind are left out."""
    kind = form.get("kind", "")
    wanted: dict[str, object] = {"kind": kind, "share": float(form.get("percent") or 100) / 100}
    if operation := form.get("operation"):
        wanted["operation"] = operation
    if remaining := form.get("remaining"):
        wanted["remaining"] = int(remaining)
    if kind == faults.Kind.FAULT:
        wanted["code"] = form.get("code", "")
    if kind in faults.TIMED:
        wanted["seconds"] = float(form.get("seconds") or 0)
    return wanted
