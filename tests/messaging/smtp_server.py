"""A mail server on the loopback that speaks SMTP as a test wants: it takes mail, refuses, hangs, drips or hangs up."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Event, Thread
from typing import cast

DROP = "drop"
HANG = "hang"
DRIP = "drip"
"""What stands in the place of a reply: the connection is closed, nothing is said, or a line that never ends."""

USUAL = {
    "connect": "220 ready",
    "ehlo": "250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN",
    "starttls": "220 go on",
    "auth": "235 welcome",
    "mail": "250 ok",
    "rcpt": "250 ok",
    "data": "354 go on",
    "content": "250 taken",
    "quit": "221 bye",
}


@dataclass(frozen=True)
class Delivery:
    """A message as it was taken: the envelope, and the content without what SMTP added to it."""

    sender: str
    to: str
    content: bytes
    secured: bool


@dataclass
class Behaviour:
    """What is said at each step instead of the usual, and how many seconds every reply takes."""

    replies: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    tls: ssl.SSLContext | None = None
    implicit: bool = False


class MailStandIn(ThreadingTCPServer):
    """The server; `taken` are the messages it answers for, `commands` all that it was told."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behaviour = behaviour
        self.ended = Event()
        self.taken: list[Delivery] = []
        self.commands: list[str] = []

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """The other side may have given up."""


class _Handler(StreamRequestHandler):
    disable_nagle_algorithm = True

    def setup(self) -> None:
        self.mine = cast("MailStandIn", self.server)
        self.secured = self.mine.behaviour.implicit
        if self.secured:
            self._secure()
        super().setup()

    def _secure(self) -> None:
        assert self.mine.behaviour.tls
        self.request = self.mine.behaviour.tls.wrap_socket(cast("socket.socket", self.request), server_side=True)

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()
        self.request.close()  # the one that TLS put in the place of the server's

    def handle(self) -> None:
        """One conversation."""
        with suppress(OSError, EOFError):
            self._say("connect")
            while line := self.rfile.readline():
                self._follow(line.decode().strip())

    def _follow(self, command: str) -> None:
        self.mine.commands.append(command)
        verb = command.partition(" ")[0].casefold()
        if verb == "mail":
            self.sender = command.partition("<")[2].partition(">")[0]
        if verb == "rcpt":
            self.to = command.partition("<")[2].partition(">")[0]
        self._say(verb)
        if verb == "data" and self._reply(verb).startswith("354"):
            self._take()
        if verb == "starttls" and self._reply(verb).startswith("220"):
            self.rfile.close()
            self.wfile.close()
            self._secure()
            super().setup()
            self.secured = True

    def _take(self) -> None:
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line[1:] if line.startswith(b".") else line)
        if line:
            content = b"".join(lines)
            if not self._reply("content").startswith(("4", "5")):
                self.mine.taken.append(Delivery(self.sender, self.to, content, self.secured))
            self._say("content")

    def _reply(self, step: str) -> str:
        return self.mine.behaviour.replies.get(step, USUAL.get(step, "500 what?"))

    def _say(self, step: str) -> None:
        reply = self._reply(step)
        if self.mine.ended.wait(self.mine.behaviour.seconds) or reply == DROP:
            raise EOFError
        if reply == HANG:
            self.mine.ended.wait(20)
            raise EOFError
        while reply == DRIP:
            self.wfile.write(b"250-still here\r\n")
            if self.mine.ended.wait(0.02):
                raise EOFError
        self.wfile.write(f"{reply}\r\n".encode())


@contextmanager
def mail_server(behaviour: Behaviour | None = None) -> Iterator[MailStandIn]:
    """Serves until the block ends."""
    with MailStandIn(behaviour or Behaviour()) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.ended.set()
            server.shutdown()
            thread.join()
