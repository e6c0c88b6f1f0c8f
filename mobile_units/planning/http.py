"""One question over HTTP to a service of roads or addresses: bounded in time and in size, and never redirected."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import requests
from urllib3.exceptions import HTTPError

CHUNK = 65_536
PLAIN = {"Accept-Encoding": "identity"}
"""Compressed answers are not asked for: what they unpack to has no bound."""


class ServiceError(Exception):
    """A service gave no answer of use; `reason` says why in a few words that hold nothing of what it sent."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnreachableError(ServiceError):
    """No answer came, or not all of it."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an answer may take, in seconds, and how large it may be."""

    connect_seconds: float = 5.0
    read_seconds: float = 30.0
    most_bytes: int = 16 * 1024 * 1024


def fetch(session: requests.Session, url: str, headers: Mapping[str, str], patience: Patience) -> tuple[int, bytes]:
    """The status and the body of an answer.

    Raises:
        UnreachableError: nobody answers, or not in time.
        ServiceError: the answer is too large.
    """
    timeouts = (patience.connect_seconds, patience.read_seconds)
    try:
        with session.get(
            url, headers={**headers, **PLAIN}, timeout=timeouts, stream=True, allow_redirects=False
        ) as response:
            return response.status_code, _body(response, patience)
    except requests.Timeout:
        raise UnreachableError("timeout") from None
    except (requests.RequestException, HTTPError, ValueError) as error:
        raise UnreachableError(type(error).__name__) from None


def _body(response: requests.Response, patience: Patience) -> bytes:
    """The whole body; one that drips or never ends is given up."""
    deadline = time.monotonic() + patience.read_seconds
    content = bytearray()
    while chunk := response.raw.read1(CHUNK, decode_content=False):
        content += chunk
        if len(content) > patience.most_bytes:
            raise ServiceError(f"more than {patience.most_bytes} bytes")
        if time.monotonic() > deadline:
            raise requests.Timeout
    return bytes(content)
