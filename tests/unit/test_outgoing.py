"""Calls out go where they were judged to go, and nowhere else."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from tests.factories.receiver import Receiver, Reply
from webapp.errors import InvalidInputError
from webapp.services import outgoing
from webapp.services.outgoing import Gate, OutgoingError, RefusedAddressError

LOOPBACK = Gate.parse("127.0.0.0/8")


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - to be refused, not bound
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "198.18.0.1",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "2002:7f00:1::",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b::7f00:1",
    ],
)
def test_what_is_not_public_is_refused(text):
    assert not outgoing.is_public(ipaddress.ip_address(text))
    with pytest.raises(RefusedAddressError):
        outgoing.send("POST", "https://hooks.example/x", gate=Gate(), resolve=lambda _host, _port: [text])


@pytest.mark.parametrize("text", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_may_be_called(text):
    assert outgoing.is_public(ipaddress.ip_address(text))


@given(st.ip_addresses(v=4, network="10.0.0.0/8"))
def test_no_way_of_carrying_a_private_address_makes_it_public(address):
    number = int(address)
    carried = (
        ipaddress.IPv6Address(0xFFFF << 32 | number),
        ipaddress.IPv6Address(0x2002 << 112 | number << 80),
        ipaddress.IPv6Address(0x64FF9B << 96 | number),
    )

    assert not any(outgoing.is_public(each) for each in (address, *carried))


def test_one_private_answer_among_public_ones_refuses_the_host():
    with pytest.raises(RefusedAddressError):
        outgoing.send("GET", "https://mixed.example/", gate=Gate(), resolve=lambda *_: ["8.8.8.8", "127.0.0.1"])


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "localhost", "[::1]", "[::ffff:7f00:1]"])
def test_other_spellings_of_loopback_are_refused_by_what_they_resolve_to(host):
    with pytest.raises(RefusedAddressError):
        outgoing.send("GET", f"https://{host}/", gate=Gate())


def test_a_name_that_resolves_differently_the_second_time_gains_nothing(receiver):
    """DNS rebinding: the first answer is public, every later one is loopback."""
    asked = []

    def rebind(_host, _port):
        asked.append(1)
        # A documentation address behind no route would hang; port 9 of loopback is allowed here and refuses at once.
        return ["127.0.0.2"] if len(asked) == 1 else ["127.0.0.1"]

    gate = Gate.parse("127.0.0.2")

    with pytest.raises(OutgoingError):
        outgoing.send("GET", f"http://rebind.example:{receiver.port}/", gate=gate, resolve=rebind)
    assert len(asked) == 1
    assert receiver.requests == []


def test_the_connection_goes_to_the_judged_address_with_the_name_in_the_host_header(receiver):
    answer = outgoing.send(
        "POST",
        f"http://hooks.example:{receiver.port}/in?x=1",
        gate=LOOPBACK,
        body=b"{}",
        headers={"Content-Type": "application/json"},
        resolve=lambda *_: ["127.0.0.1"],
    )

    (received,) = receiver.requests
    assert answer.ok
    assert (received.method, received.path, received.body) == ("POST", "/in?x=1", b"{}")
    assert received.headers["host"] == f"hooks.example:{receiver.port}"
    assert received.headers["content-type"] == "application/json"


def test_the_next_address_of_a_host_is_tried_when_one_does_not_connect(receiver):
    url = f"http://two.example:{receiver.port}/"

    assert outgoing.send("GET", url, gate=LOOPBACK, resolve=lambda *_: ["127.0.0.9", "127.0.0.1"]).ok


def test_plain_http_is_refused_unless_the_operator_allowed_the_host(receiver):
    url = f"http://localhost:{receiver.port}/"

    with pytest.raises(RefusedAddressError):
        outgoing.send("GET", "http://public.example/", gate=Gate(), resolve=lambda *_: ["8.8.8.8"])
    assert outgoing.send("GET", url, gate=Gate.parse("localhost"), resolve=lambda *_: ["127.0.0.1"]).ok


def test_redirects_are_answers_and_are_not_followed(receiver):
    receiver.answer = lambda _: Reply(302, headers={"Location": f"{receiver.url}/elsewhere", "Set-Cookie": "a=b"})

    answers = [outgoing.send("GET", f"{receiver.url}/here", gate=LOOPBACK) for _ in range(2)]

    assert [answer.status for answer in answers] == [302, 302]
    assert [received.path for received in receiver.requests] == ["/here", "/here"]
    assert "cookie" not in receiver.requests[1].headers


def test_proxies_of_the_environment_are_not_used(receiver, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert outgoing.send("GET", receiver.url, gate=LOOPBACK).ok


def test_an_answer_is_read_up_to_its_limit(receiver):
    receiver.answer = lambda _: Reply(body=b"x" * 200_000)

    assert len(outgoing.send("GET", receiver.url, gate=LOOPBACK, max_bytes=1000).body) == 1000


def test_compressed_answers_are_not_unpacked(receiver):
    receiver.answer = lambda _: Reply(body=b"\x1f\x8b bomb", headers={"Content-Encoding": "gzip"})

    assert outgoing.send("GET", receiver.url, gate=LOOPBACK).body == b"\x1f\x8b bomb"
    assert receiver.requests[0].headers["accept-encoding"] == "identity"


def test_silence_is_given_up_after_the_read_timeout(receiver):
    receiver.answer = lambda _: Reply(before=3)

    with pytest.raises(OutgoingError, match="in time"):
        outgoing.send("GET", receiver.url, gate=LOOPBACK, read_seconds=0.2)


def test_an_answer_that_drips_is_given_up_after_the_total(receiver):
    receiver.answer = lambda _: Reply(body=b"x" * 100, drip=0.1)

    began = time.monotonic()
    with pytest.raises(OutgoingError, match="longer"):
        outgoing.send("GET", receiver.url, gate=LOOPBACK, total_seconds=0.5)
    assert time.monotonic() - began < 3


def test_a_broken_connection_is_told_as_one(receiver):
    receiver.answer = lambda _: Reply(hang_up=True)

    with pytest.raises(OutgoingError):
        outgoing.send("GET", receiver.url, gate=LOOPBACK)
    with pytest.raises(OutgoingError, match="resolved"):
        outgoing.send("GET", "https://nowhere.example/", gate=Gate(), resolve=_fail)


def _fail(_host, _port):
    raise socket.gaierror("no such host")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/",
        "//a.example/",
        "https://",
        "https://user:secret@a.example/",
        "https://a.example/#part",
        "https://a.example/\r\nX: y",
        "https://a.example:99999/",
        "https://a.example\\@127.0.0.1/",
        "https://a.example/" + "x" * 600,
        "javascript:alert(1)",
    ],
)
def test_what_is_no_address_is_refused_with_its_field(url):
    with pytest.raises(InvalidInputError) as caught:
        outgoing.check_url(url, Gate())
    assert caught.value.field == "url"


def test_addresses_typed_in_are_judged_before_they_are_kept():
    assert outgoing.check_url(" https://hooks.example/in ", Gate()) == "https://hooks.example/in"
    for url in ("http://hooks.example/", "https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest"):
        with pytest.raises(InvalidInputError):
            outgoing.check_url(url, Gate())


def test_a_malformed_network_is_no_gate():
    with pytest.raises(ValueError, match="no network"):
        Gate.parse("10.0.0.0/99")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """Return a TLS server context for hooks.example, and the file of the authority that signed it: itself."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example")])
    at = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - dt.timedelta(days=1))
        .not_valid_after(at + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "both.pem").write_bytes(private + pem)
    (folder / "ca.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    names = []
    context.sni_callback = lambda _socket, server_name, _context: names.append(server_name)
    return context, str(folder / "ca.pem"), names


def test_tls_is_checked_against_the_name_while_the_address_is_pinned(authority):
    context, ca_file, names = authority
    gate = Gate.parse("127.0.0.1", ca_file=ca_file)

    with Receiver(ssl_context=context) as receiver:
        url = f"https://hooks.example:{receiver.port}/in"
        assert outgoing.send("POST", url, gate=gate, body=b"{}", resolve=lambda *_: ["127.0.0.1"]).ok
        assert receiver.requests[0].headers["host"] == f"hooks.example:{receiver.port}"
    assert names == ["hooks.example"]


@pytest.mark.parametrize(("host", "trusted"), [("other.example", True), ("hooks.example", False)])
def test_a_certificate_for_another_name_or_of_nobody_we_trust_is_refused(authority, host, trusted):
    context, ca_file, _ = authority
    gate = Gate.parse("127.0.0.1", ca_file=ca_file if trusted else "")

    with Receiver(ssl_context=context) as receiver:
        with pytest.raises(OutgoingError, match="certificate"):
            outgoing.send("GET", f"https://{host}:{receiver.port}/", gate=gate, resolve=lambda *_: ["127.0.0.1"])
        assert receiver.requests == []
