"""
HTTP out: the one way in which Mainstay calls an address that somebody typed in.

A webhook or a connection is an address that a person chose, and the server that calls it stands inside a network in
which that person does not.  So the address is resolved once, every answer of the resolver is judged, and the connection
goes to exactly the judged address, with the name kept for TLS and the ``Host`` header: a name that answers differently
the second time (DNS rebinding) gains nothing.  What is not public is refused unless the operator allowed it.  Redirects
are not followed, proxies of the environment and cookies are not used, and time and size of an answer are bounded.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

import certifi
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.util import SKIP_HEADER
from urllib3.util.ssl_match_hostname import CertificateError

from webapp.errors import InvalidInputError, MainstayError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Sequence[str]]

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
TOTAL_SECONDS = 20.0
MAX_ANSWER_BYTES = 1024 * 1024
URL_LENGTH = 500
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_CHUNK = 16 * 1024
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")


class OutgoingError(MainstayError):
    """A call did not come about, for a reason that may pass: no answer, a broken connection, too slow."""


class RefusedAddressError(OutgoingError):
    """The address may not be called: it is not public, or not HTTPS, and the operator has not allowed it."""


@dataclass(frozen=True, slots=True)
class Gate:
    """
    Which addresses may be called beyond public ones over HTTPS.

    Parameters
    ----------
    hosts
        Names, in lower case, that may be called wherever they lie, and without TLS.
    networks
        Networks whose addresses may be called, likewise without TLS.
    ca_file
        Certificates of the authorities that are believed; the public ones if empty.
    """

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()
    ca_file: str = ""

    @classmethod
    def parse(cls, allowed: str, *, ca_file: str = "") -> Gate:
        """
        Return the gate that a comma-separated list of hosts, addresses and networks opens.

        Raises
        ------
        ValueError
            If an entry with a slash is no network.
        """
        hosts, networks = set(), []
        for entry in filter(None, (part.strip().lower() for part in allowed.split(","))):
            try:
                networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                if "/" in entry:
                    raise ValueError(f"{entry!r} is no network.") from None
                hosts.add(entry)
        return cls(frozenset(hosts), tuple(networks), ca_file)

    def allows(self, host: str, address: Address) -> bool:
        """Return whether the operator allowed a host, or the address that it resolved to."""
        real = embedded_address(address)
        return host in self.hosts or any(
            each.version == network.version and each in network for network in self.networks for each in (address, real)
        )


@dataclass(frozen=True, slots=True)
class Target:
    """A checked address: its host as it is written, in ASCII, and what to ask it for."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """The value of the ``Host`` header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.scheme == "https" else 80) else f"{name}:{self.port}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``body`` is cut off at the limit; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the receiver took it."""
        return 200 <= self.status < 300


def embedded_address(address: Address) -> Address:
    """Return the IPv4 address inside an IPv6 one that only carries it (mapped, 6to4, Teredo, NAT64), else itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Return whether an address belongs to somebody on the internet: not private, loopback, link-local or special."""
    real = embedded_address(address)
    special = real.is_multicast or real.is_reserved or real.is_unspecified or getattr(real, "is_site_local", False)
    return real.is_global and not special


def parse_url(url: str) -> Target:
    """
    Return the parts of an address.

    Raises
    ------
    InvalidInputError
        If it is not an address of the web that can be called: the message says why.
    """
    if len(url) > URL_LENGTH or _UNSAFE.search(url):
        raise InvalidInputError(f"An address has no blanks and at most {URL_LENGTH} characters.", field="url")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
        if not _is_literal(host):
            host = host.encode("idna").decode("ascii").lower()
    except (ValueError, UnicodeError):
        raise InvalidInputError("This is no address that can be called.", field="url") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise InvalidInputError("An address begins with https:// and names a host.", field="url")
    if parts.username is not None or parts.password is not None:
        raise InvalidInputError("Leave name and password out of the address; there are fields for them.", field="url")
    if parts.fragment:
        raise InvalidInputError("Leave out what follows the #: it is never sent.", field="url")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii():
        raise InvalidInputError("Write letters beyond ASCII in the path as %-codes.", field="url")
    return Target(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), path)


def check_url(url: str, gate: Gate) -> str:
    """
    Return an address if it may be called as far as can be told without asking a resolver.

    Raises
    ------
    InvalidInputError
        If it is malformed, not HTTPS, or names an address that is not public.
    """
    url = url.strip()
    target = parse_url(url)
    try:
        if _is_literal(target.host):
            _judge(target, [target.host], gate)
    except RefusedAddressError as error:
        raise InvalidInputError(str(error), field="url") from error
    if target.scheme != "https" and target.host not in gate.hosts and not gate.networks:
        raise InvalidInputError("Only https:// addresses are called.", field="url")
    return url


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def resolve_host(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a host as the system's resolver has them, in its order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _judge(target: Target, texts: Iterable[str], gate: Gate) -> list[str]:
    """Return the addresses to connect to, or refuse all of them if one may not be called."""
    addresses = [ipaddress.ip_address(text.partition("%")[0]) for text in texts]
    for address in addresses:
        allowed = gate.allows(target.host, address)
        if not allowed and not is_public(address):
            raise RefusedAddressError(
                "This address leads into a private network. An operator can allow it with OUTGOING_ALLOW."
            )
        if not allowed and target.scheme != "https":
            raise RefusedAddressError("Only https:// addresses are called.")
    return [str(address) for address in addresses]


def send(
    method: str,
    url: str,
    *,
    gate: Gate,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    connect_seconds: float = CONNECT_SECONDS,
    read_seconds: float = READ_SECONDS,
    total_seconds: float = TOTAL_SECONDS,
    max_bytes: int = MAX_ANSWER_BYTES,
    resolve: Resolve = resolve_host,
) -> Answer:
    """
    Call an address once and return its answer, whatever its status.

    Parameters
    ----------
    method, url, headers, body
        The request; ``Host``, ``Content-Length`` and ``Accept-Encoding`` are set here.
    gate
        What may be called beyond public addresses.
    connect_seconds, read_seconds
        How long to wait for a connection, and for the next part of the answer.
    total_seconds
        How long all of it may take: one that answers a byte at a time is given up, too.
    max_bytes
        What is read of the answer.
    resolve
        Finds the addresses of a host; asked once.

    Raises
    ------
    InvalidInputError
        If the address is malformed.
    RefusedAddressError
        If it may not be called.
    OutgoingError
        If no answer came in time.
    """
    target = parse_url(url)
    began = time.monotonic()
    try:
        texts = [target.host] if _is_literal(target.host) else resolve(target.host, target.port)
    except (OSError, UnicodeError) as error:
        raise OutgoingError("The host's name cannot be resolved.") from error
    if not texts:
        raise OutgoingError("The host's name cannot be resolved.")
    failure: OutgoingError | None = None
    for address in _judge(target, texts, gate):
        left = total_seconds - (time.monotonic() - began)
        if left <= 0:
            break
        call = _Call(_connection(target, address, gate, min(connect_seconds, left)), total_seconds)
        try:
            with call.watched(left):
                if (failure := call.connect(read_seconds)) is None:
                    return call.exchange(method, target, headers or {}, body, max_bytes, began)
        finally:
            call.connection.close()
    raise failure or OutgoingError(f"No answer within {total_seconds:g} seconds.")


def _connection(target: Target, address: str, gate: Gate, timeout: float) -> HTTPConnection:
    if target.scheme == "http":
        return HTTPConnection(address, target.port, timeout=timeout)
    return HTTPSConnection(
        address,
        target.port,
        timeout=timeout,
        cert_reqs="CERT_REQUIRED",
        ca_certs=gate.ca_file or certifi.where(),
        server_hostname=target.host,
        assert_hostname=target.host,
    )


@dataclass(slots=True)
class _Call:
    """One connection to one address, watched by a timer that closes it when all of the time is used up."""

    connection: HTTPConnection
    total_seconds: float
    expired: threading.Event = field(default_factory=threading.Event)
    sock: socket.socket | None = None

    @contextlib.contextmanager
    def watched(self, seconds: float) -> Iterator[None]:
        watch = threading.Timer(seconds, self._give_up)
        watch.daemon = True
        watch.start()
        try:
            yield
        finally:
            watch.cancel()

    def _give_up(self) -> None:
        self.expired.set()
        sock = self.sock or self.connection.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def connect(self, read_seconds: float) -> OutgoingError | None:
        """Connect; a failure is returned: nothing was sent yet, so that another address of the host may be tried."""
        try:
            self.connection.connect()
            # The connection lets go of its socket as soon as the answer begins; the timer still has to find it.
            self.sock = self.connection.sock
            self.connection.timeout = read_seconds
        except (HTTPError, OSError, CertificateError) as error:
            return self._failure(error)
        return None

    def exchange(
        self, method: str, target: Target, headers: Mapping[str, str], body: bytes, max_bytes: int, began: float
    ) -> Answer:
        """Send the request and read its answer."""
        sent = {"User-Agent": SKIP_HEADER, **headers, "Host": target.host_header, "Accept-Encoding": "identity"}
        try:
            self.connection.request(
                method, target.path, body=body or None, headers=sent, preload_content=False, decode_content=False
            )
            with contextlib.closing(self.connection.getresponse()) as response:
                content = _read(response, max_bytes)
        except (HTTPException, HTTPError, OSError) as error:
            raise self._failure(error) from error
        except (AttributeError, ValueError) as error:
            # The timer closes the socket under the reader, who then meets whatever its state makes of that.
            if self.expired.is_set():
                raise self._failure(error) from error
            raise
        if self.expired.is_set():
            raise self._failure(TimeoutError())
        names = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status, names, content, time.monotonic() - began)

    def _failure(self, error: Exception) -> OutgoingError:
        if self.expired.is_set():
            return OutgoingError(f"The answer took longer than {self.total_seconds:g} seconds.")
        return OutgoingError(_why(error))


def _read(response: Any, max_bytes: int) -> bytes:
    content = bytearray()
    while len(content) < max_bytes:
        chunk = response.read1(min(_CHUNK, max_bytes - len(content)))
        if not chunk:
            break
        content += chunk
    return bytes(content)


def _why(error: Exception) -> str:
    """Return why a call failed, without the address, which may carry a secret."""
    text = f"{type(error).__name__} {error}".lower()
    if "certificate" in text or "ssl" in text:
        return "The receiver's certificate cannot be trusted."
    if "timed out" in text or "timeout" in text:
        return "The receiver did not answer in time."
    if "refused" in text:
        return "The receiver refuses connections."
    return "The connection broke before an answer came."
