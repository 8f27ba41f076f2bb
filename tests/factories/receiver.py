"""A real HTTP server on loopback that answers as it is told and keeps what it was sent."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Received:
    """One request; names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer; ``before`` and ``drip`` are seconds to wait before it, and after each byte of the body."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    before: float = 0.0
    drip: float = 0.0
    hang_up: bool = False


class Receiver:
    """
    Serves on a free port until it is closed.

    Parameters
    ----------
    answer
        Says what to answer to a request; 200 without a body if it is None.
    ssl_context
        Serves TLS by it.
    """

    def __init__(self, answer: Callable[[Received], Reply] | None = None, *, ssl_context: Any = None) -> None:
        self.requests: list[Received] = []
        self.answer = answer or (lambda _received: Reply())
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_args: object) -> None:
                """Keep quiet."""

            def serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                received = Received(
                    self.command,
                    self.path,
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(length),
                )
                receiver.requests.append(received)
                reply = receiver.answer(received)
                time.sleep(reply.before)
                self.close_connection = True
                if reply.hang_up:
                    return
                try:
                    self.send_response(reply.status)
                    for name, value in reply.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(reply.body)))
                    self.send_header("Connection", "close")
                    self.end_headers()
                    for start in range(0, len(reply.body), 1 if reply.drip else max(1, len(reply.body))):
                        end = start + 1 if reply.drip else len(reply.body)
                        self.wfile.write(reply.body[start:end])
                        self.wfile.flush()
                        time.sleep(reply.drip)
                except OSError:
                    # The caller has gone: that is what some tests are about.
                    return

        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.serve)

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_args: object) -> None:
                """Keep quiet: a caller who trusts no certificate, or leaves early, is no fault of the server."""

        self._server = Server(("127.0.0.1", 0), Handler)
        if ssl_context is not None:
            self._server.socket = ssl_context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        """Serve."""
        return self

    def __exit__(self, *_exception: object) -> None:
        """Stop serving."""
        self.close()
