"""Addresses that a customer must never make us call. `{port}` is where something may listen."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PUBLIC = "93.184.216.34"

# Names that only we answer, as a hostile or careless zone would.
NAMES = {
    "ok.example.com": [PUBLIC],
    "loop.example.com": ["127.0.0.1"],
    "six.example.com": ["::1"],
    "mapped.example.com": ["::ffff:127.0.0.1"],
    "mixed.example.com": [PUBLIC, "::1"],
    "second.example.com": [PUBLIC, "10.0.0.1"],
    "chain.example.com": ["10.0.0.1"],
    "metadata.google.internal": ["169.254.169.254"],
    "zone.example.com": ["fe80::1%lo"],
    "nowhere.example.com": ["0.0.0.0"],
    "empty.example.com": [],
}

HOSTS = (
    # loopback in every spelling
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "0", "0.0.0.0", "localhost",
    "localhost.", "127.0.0.1.", "127.000.000.001", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[::127.0.0.1]", "[0:0:0:0:0:0:0:1]", "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021",
    "127%2e0.0.1",
    # tunnels and transitions that carry an inner address
    "[64:ff9b::7f00:1]", "[64:ff9b:1::1]", "[2002:7f00:1::]", "[2001:0:7f00:1::1]",
    # local, private, documentation, multicast
    "[fe80::1%25eth0]", "[fe80::1%25lo]", "[fe80::1]", "[fec0::1]", "[fc00::1]", "[fd00:ec2::254]",
    "[ff02::1]",
    "[3fff::1]", "[2001:db8::1]", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1",
    "192.168.255.255", "100.64.0.1", "100.127.255.255", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "192.0.2.1",
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    # the machine's own credentials
    "169.254.169.254", "2852039166", "0xa9fea9fe", "0xa9.254.169.254", "168.63.129.16", "100.100.100.200",
    "192.0.0.192",
    # names
    "loop.example.com", "six.example.com", "mapped.example.com", "mixed.example.com", "second.example.com",
    "chain.example.com", "metadata.google.internal", "zone.example.com", "nowhere.example.com", "postgres",
    "redis",
    "[ok.example.com]", "[127.0.0.1]", "-a.example.com", "a..example.com", "*.example.com", "own.example.com",
    "OWN.example.com.",
)  # fmt: skip

URLS = (
    *(f"https://{host}:{{port}}/" for host in HOSTS),
    "https://a@127.0.0.1:{port}/", "https://a:b@ok.example.com:{port}/",
    "https://ok.example.com\\@127.0.0.1:{port}/",
    "https://127.0.0.1%2f@ok.example.com:{port}/", "https://127.0.0.1:{port}\\.ok.example.com/",
    "https://ok.example.com:22/", "https://ok.example.com:25/", "https://ok.example.com:6379/",
    "https://ok.example.com:0/", "https://ok.example.com:99999/", "https://ok.example.com:-1/",
    "https://ok.example.com:x/", "file:///etc/passwd", "gopher://127.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/",
    "data:image/png;base64,AAAA", "javascript:alert(1)", "unix:///run/docker.sock", "//127.0.0.1:{port}/",
    "", "/",
    "https://", "https:///path", "https:127.0.0.1", "https://[::1",
    "https://ok.example.com:{port}/\r\nHost: a",
    "https://ok.example.com:{port}/\ta", "https://ok.example.com:{port}/ a",
    "\nhttps://ok.example.com:{port}/",
    "https://ok.example.com:{port}/\0", "https://ok.example.com:{port}/ü", "https://bücher.example:{port}/",
    "https://ok.example.com:{port}/" + "a" * 2048,
)  # fmt: skip

# Neighbours of closed networks are ordinary addresses.
OPEN = ("172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.1", "11.0.0.1", "9.255.255.255",
        "8.8.8.8",
        "2606:4700::1111", "2a00:1450:4001::1")  # fmt: skip


async def resolve(host: str, port: int) -> list[str]:
    """Answers as a name server would; what it does not know, it does not know."""
    if host not in NAMES:
        raise OSError(f"no such name: {host}")
    return NAMES[host]


class Authority:
    """A certificate authority of the tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        self.certificate = self._signed(self.name, self.key, constraints)
        self.file = folder / "authority.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def server(self, *names: str) -> ssl.SSLContext:
        """A server's context with a certificate for these names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
        certificate = self._signed(x509.Name([]), key, alternatives)
        file = self.folder / f"{names[0]}.{os.urandom(4).hex()}.pem"
        file.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _signed(self, subject: x509.Name, key, extension: x509.ExtensionType) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(self.name, subject, key.public_key(), x509.random_serial_number())
        dated = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        return dated.add_extension(extension, critical=True).sign(self.key, hashes.SHA256())


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@dataclass
class Canary:
    """Listens where nobody may connect, and counts who does."""

    port: int = 0
    visits: int = 0

    async def visited(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        writer.close()


@asynccontextmanager
async def canary() -> AsyncIterator[Canary]:
    bird = Canary()
    server = await asyncio.start_server(bird.visited, "127.0.0.1", 0)
    bird.port = server.sockets[0].getsockname()[1]
    async with server:
        yield bird
