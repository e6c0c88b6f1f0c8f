"""One HTTP connection to the central system, and how a call over it can fail: by what is known of the request.

The failures differ in whether the request can have been carried out. That is not guessed from an exception: the body
of the request knows whether it was fetched for sending.
"""

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from mobile_units.clock import monotonic
from mobile_units.transmission.answers import MAX_BYTES
from mobile_units.transmission.certificates import Credentials, tls_context

TLS_UNTRUSTED = "tls_untrusted"
"""The code when the server's certificate is not one that we trust."""
TLS_REFUSED = "tls_refused"
"""The code when the server does not accept our certificate or our TLS."""

REFUSALS = frozenset(
    {
        *("ACCESS_DENIED", "BAD_CERTIFICATE", "CERTIFICATE_EXPIRED", "CERTIFICATE_REQUIRED", "CERTIFICATE_REVOKED"),
        *("CERTIFICATE_UNKNOWN", "HANDSHAKE_FAILURE", "INSUFFICIENT_SECURITY", "NO_CERTIFICATE", "PROTOCOL_VERSION"),
        *("UNKNOWN_CA", "UNRECOGNIZED_NAME", "UNSUPPORTED_CERTIFICATE"),
    }
)
"""Alerts of TLS with which a server ends a handshake. In TLS 1.3 the client may have sent its request by then, but a
server whose handshake failed has not read it."""


class WireError(Exception):
    """A call got no answer, for a reason that is fit to be stored. `left`: the request left, at least in part."""

    def __init__(self, reason: str, *, left: bool) -> None:
        super().__init__(reason)
        self.left = left


class NotSentError(WireError):
    """The request did not leave; it can be sent again."""


class NotLetInError(WireError):
    """One side does not accept the other's certificate, so the request was not carried out; `code` says which side."""

    def __init__(self, code: str, reason: str, *, left: bool) -> None:
        super().__init__(reason, left=left)
        self.code = code


class NoAnswerError(WireError):
    """The request left, and nobody knows what became of it."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """The status and the body of an answer."""

    status: int
    content: bytes = field(repr=False)


class HttpConnection:
    """Calls over HTTP, with bounded answers; nothing is resent, redirected or logged.

    `read_seconds` bounds the wait for the first byte of an answer and, counted again, for the rest of it.
    """

    def __init__(self, credentials: Credentials, connect_seconds: float, read_seconds: float) -> None:
        """Opens nothing yet.

        Raises:
            CertificateError: if the credentials are not fit for TLS.
        """
        self.session = requests.Session()
        self.session.trust_env = False  # neither a .netrc nor a proxy of the shell decides where patients' data goes
        self.session.headers["Accept-Encoding"] = "identity"
        self.session.mount("https://", _TlsAdapter(tls_context(credentials)))
        self._timeouts = (connect_seconds, read_seconds)

    def post(self, address: str, content: bytes, headers: Mapping[str, str]) -> HttpAnswer:
        """Sends one request; redirects are answers, not instructions.

        Raises:
            WireError: if no answer comes; the subclass says what may have become of the request.
        """
        encoded = {name: value.encode() for name, value in headers.items()}
        body = _Body(content)
        try:
            with self.session.post(
                address, data=body, headers=encoded, timeout=self._timeouts, stream=True, allow_redirects=False
            ) as response:
                return HttpAnswer(response.status_code, self._content(response))
        except requests.RequestException as error:
            raise _failure(error, left=body.left) from None

    def close(self) -> None:
        """Closes the connection."""
        self.session.close()

    def _content(self, response: requests.Response) -> bytes:
        """The body; a truncated, endless or dripping one is an error of the connection."""
        try:
            return self._read(response.raw)
        except HTTPError as error:
            raise requests.ConnectionError("the answer broke off") from error

    def _read(self, stream: Any) -> bytes:
        deadline = monotonic() + self._timeouts[1]
        content = bytearray()
        while chunk := stream.read1(65536, decode_content=False):
            content += chunk
            if len(content) > MAX_BYTES:
                raise requests.ConnectionError("the answer is too long")
            if monotonic() > deadline:
                raise requests.ReadTimeout("the answer takes too long")
        return bytes(content)


class _Connection(HTTPSConnection):
    """Goes on to the answer when the server hangs up during the request: why it did was said before."""

    def send(self, data: Any) -> None:
        try:
            super().send(data)
        except ssl.SSLEOFError as error:
            raise BrokenPipeError from error  # as without TLS, where the library then reads the answer


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _Connection


class _TlsAdapter(HTTPAdapter):
    """Lets a context of ours decide whom to trust; requests alone would trust its own list of authorities as well."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)
        self.poolmanager.pool_classes_by_scheme = {**self.poolmanager.pool_classes_by_scheme, "https": _Pool}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:  # noqa: ARG002 -- the library's signature
        conn.cert_reqs = "CERT_REQUIRED"


class _Body:
    """The body of a request, which knows whether it was fetched; that happens only on an open connection."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.left = False

    def __len__(self) -> int:
        return len(self._content)

    def __iter__(self) -> Iterator[bytes]:
        self.left = True
        yield self._content


def _failure(error: requests.RequestException, *, left: bool) -> WireError:
    name = type(error).__name__
    trouble = _tls_trouble(error)
    if isinstance(trouble, ssl.SSLCertVerificationError):
        return NotLetInError(TLS_UNTRUSTED, f"the server's certificate: {trouble.verify_message}", left=left)
    reason = f"{name}: {trouble.reason}" if trouble and trouble.reason else name
    if trouble and (trouble.reason or "").rpartition("_ALERT_")[2] in REFUSALS:
        return NotLetInError(TLS_REFUSED, reason, left=left)
    return NoAnswerError(reason, left=True) if left else NotSentError(reason, left=False)


def _tls_trouble(error: BaseException) -> ssl.SSLError | None:
    """The error of TLS inside one of the libraries above it, which keep it as an argument or as a reason."""
    if isinstance(error, ssl.SSLError):
        return error
    inner = (*error.args, getattr(error, "reason", None))
    return next((found for each in inner if isinstance(each, BaseException) and (found := _tls_trouble(each))), None)
