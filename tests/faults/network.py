"""Faults of the network, and of S3 behind it."""

import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from typing import Final

from .answers import (
    Behaviour,
    breaks,
    bucket_does,
    is_a_day_ahead,
    refuses,
    sends,
    stalls,
    talks,
    trickles,
    wants_key,
)
from .matrix import Fault
from .stage import Stage

# -- who does not answer -----------------------------------------------------------------------


@contextmanager
def nobody_listens(stage: Stage) -> Iterator[None]:
    """Close the bucket, and open it again on the same port."""
    if stage.bucket is None:
        raise AssertionError("the function has no packs on S3")
    stage.bucket.close()
    try:
        yield
    finally:
        stage.serve_packs(int(stage.bucket.address.rpartition(":")[2]))


@contextmanager
def a_pack_is_gone(stage: Stage) -> Iterator[None]:
    """Remove the largest pack from the bucket."""
    victim = max(stage.packs, key=lambda path: path.stat().st_size)
    aside = victim.with_suffix(".aside")
    victim.rename(aside)
    try:
        yield
    finally:
        aside.rename(victim)


@contextmanager
def a_stranger_speaks_tls(stage: Stage) -> Iterator[Mapping[str, str]]:
    """Put a server there whose certificate nobody vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(stage.folder))
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, suppress(OSError), context.wrap_socket(connection, True):
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield {"AWS_ENDPOINT_URL_S3": f"https://127.0.0.1:{server.getsockname()[1]}"}
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def _certificate(folder: Path) -> Path:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    plain = serialization.NoEncryption()
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(pem, form, plain) + certificate.public_bytes(pem))
    return path


@contextmanager
def tls_to_a_plain_port(stage: Stage) -> Iterator[Mapping[str, str]]:
    """Let the function speak TLS to a server that speaks none."""
    if stage.bucket is None:
        raise AssertionError("the function has no packs on S3")
    yield {"AWS_ENDPOINT_URL_S3": f"https://{stage.bucket.address}"}


# -- the table ---------------------------------------------------------------------------------

_ERROR = r"^error: RestoreError: hotpack: pack \S+ \(.*\) cannot be read from s3://artifacts/\S+: "


def _fails(
    name: str, behaviour: Behaviour, error: str, *, is_slow: bool = False
) -> Iterator[Fault]:
    for at in ("init", "touch"):
        yield Fault(
            f"{name}, always, at {at}",
            "network",
            bucket_does(behaviour),
            _ERROR + error,
            placement="remote",
            at=at,
            is_slow=is_slow or at == "touch",
        )


def _passes(name: str, behaviour: Behaviour, times: int | None = 1) -> Iterator[Fault]:
    yield Fault(name, "network", bucket_does(behaviour, times), placement="remote")


_FLIP: Final = partial(sends, content=lambda content: bytes([content[0] ^ 1]) + content[1:])
_TRY = r" \(try \d of 8, after \d+\.\d s\)"
_LAST = r" \(try 8 of 8, after \d+\.\d s\)"


def network_faults() -> Iterator[Fault]:
    """Yield them all."""
    yield from _broken()
    yield from _refused()
    yield from _strange()
    yield from _elsewhere()


def _broken() -> Iterator[Fault]:
    """Answers that end, stall, or hold something else."""
    yield from _fails(
        "reset in the body", partial(breaks, reset=True), f"Connection\\S*: .*{_LAST}"
    )
    yield from _passes("reset in the body, three times", partial(breaks, reset=True), 3)
    yield from _fails(
        "end in the body", partial(breaks, reset=False), f"the answer ended .*{_LAST}"
    )
    yield from _passes("end in the body, once", partial(breaks, reset=False))
    yield from _fails("stall in the body", stalls, f"TimeoutError: .*{_TRY}: S3 does not answer")
    yield from _passes("stall in the body, once", stalls)
    yield from _fails(
        "stall before it", partial(stalls, in_body=False), f"TimeoutError: .*{_TRY}", is_slow=True
    )
    slow = bucket_does(partial(trickles, bytes_per_s=50_000))
    yield Fault("50 KB/s", "network", slow, _ERROR + f"slow: \\d+ of .*{_TRY}", placement="remote")
    yield Fault("50 KB/s, for what is small", "network", slow, placement="remote", at="touch")
    yield from _passes("1 MB/s", partial(trickles, bytes_per_s=1_000_000), None)
    yield from _fails(
        "short body",
        partial(sends, content=lambda c: c[:-1]),
        f"\\d+ bytes were asked for, .*{_LAST}",
    )
    yield from _passes("short body, once", partial(sends, content=lambda c: c[:-1]))
    yield from _fails(
        "long body", partial(sends, content=lambda c: c + b"x"), f"\\d+ bytes were asked .*{_LAST}"
    )
    yield from _passes(
        "more behind the body", partial(sends, behind=b"HTTP/1.1 500 no\r\n\r\n"), None
    )
    yield from _fails("another range", partial(sends, shift=1), f"bytes \\d+ to .* came{_LAST}")
    yield from _passes("another range, once", partial(sends, shift=1))
    yield Fault(
        "wrong bytes, always", "network", bucket_does(_FLIP),
        r"^error: DamagedError: hotpack: pack \S+ .* is damaged: the frame at byte \d+",
        placement="remote",
    )  # fmt: skip
    yield from _passes("wrong bytes, once", _FLIP)


def _refused() -> Iterator[Fault]:
    """Answers that are none, in S3's words."""
    yield from _fails("200 for 206", partial(refuses, status=200), "HTTP 200 .*Range header")
    yield from _fails(
        "301", partial(refuses, status=301, code="PermanentRedirect"),
        "HTTP 301 PermanentRedirect: .* not in the function's region",
    )  # fmt: skip
    yield from _fails(
        "307", partial(refuses, status=307, code="TemporaryRedirect"), f"HTTP 307 .*{_LAST}"
    )
    yield from _passes("307, once", partial(refuses, status=307, code="TemporaryRedirect"))
    for code in ("ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied"):
        yield from _fails(
            f"403 {code}", partial(refuses, status=403, code=code),
            f"HTTP 403 {code}: In S3's words. .try 1 of 8, after .*: .*(sandbox|role)",
        )  # fmt: skip
    yield from _fails("404", partial(refuses, status=404), "HTTP 404")
    yield from _fails(
        "416", partial(refuses, status=416, code="InvalidRange"), "HTTP 416 .*cut short"
    )
    yield from _fails(
        "500", partial(refuses, status=500, code="InternalError"), f"HTTP 500 .*{_LAST}"
    )
    yield from _passes("500, twice", partial(refuses, status=500, code="InternalError"), 2)
    slow_down = partial(refuses, status=503, code="SlowDown")
    yield from _fails("503", slow_down, f"HTTP 503 SlowDown: .*{_LAST}: too many requests")
    yield from _passes("503, five times", slow_down, 5)
    yield from _passes("503 with Retry-After, once", partial(slow_down, Retry_After="1"))
    yield from _fails(
        "503 with a Retry-After too long", partial(slow_down, Retry_After="3600"), ".*try 1 of 8"
    )


def _strange() -> Iterator[Fault]:
    """Whoever does not speak as S3 does, or has another clock or other keys."""
    yield from _fails("no HTTP", partial(talks, line=b"SSH-2.0-x\r\n"), f"BadStatusLine.*{_LAST}")
    yield from _fails(
        "headers without end", partial(talks, line=b"HTTP/1.1 206 OK\r\nA: ", endless=True),
        f"LineTooLong.*{_LAST}",
    )  # fmt: skip
    yield from _fails(
        "an error without end", partial(talks, line=b"HTTP/1.1 400 No\r\n\r\n", endless=True),
        "HTTP 400 x+ .try 1 of 8",
    )  # fmt: skip
    yield from _passes("S3's clock is a day ahead", is_a_day_ahead, None)
    yield Fault(
        "credentials change between two requests", "network",
        bucket_does(partial(wants_key, key="second", code="ExpiredToken")),
        placement="remote", at="touch", do="rotate_credentials",
    )  # fmt: skip


def _elsewhere() -> Iterator[Fault]:
    yield Fault(
        "refused", "network", nobody_listens,
        _ERROR + f"ConnectionRefusedError: .*{_LAST}: nobody answers", placement="remote",
    )  # fmt: skip
    yield Fault(
        "refused at touch", "network", nobody_listens,
        _ERROR + "ConnectionRefusedError", placement="remote", at="touch", is_slow=True,
    )  # fmt: skip
    yield Fault(
        "a deleted pack", "network", a_pack_is_gone,
        _ERROR + r"HTTP 404 NoSuchKey: .*`hotpack deploy` .* uploads it again "
        r".release [0-9a-f]{16}, version \S+\)", placement="remote",
    )  # fmt: skip
    yield Fault(
        "DNS", "network", error=_ERROR + "gaierror: .*: S3's name is not known here",
        environment={"AWS_ENDPOINT_URL_S3": "http://bucket.invalid"},
        placement="remote", in_new_sandbox=True,
    )  # fmt: skip
    yield Fault(
        "TLS: a stranger's certificate", "network", a_stranger_speaks_tls,
        _ERROR + "SSLCertVerificationError: .*try 1 of 8.*whoever answers is not S3",
        placement="remote", in_new_sandbox=True,
    )  # fmt: skip
    yield Fault(
        "TLS: none is spoken", "network", tls_to_a_plain_port,
        _ERROR + "SSLError: .*whoever answers does not speak TLS",
        placement="remote", in_new_sandbox=True,
    )  # fmt: skip
    yield Fault(
        "no bucket of that name", "network", error=_ERROR.replace("artifacts", "other")
        + "HTTP 404 NoSuchBucket: .*HOTPACK_BUCKET",
        environment={"HOTPACK_BUCKET": "other"}, placement="remote", in_new_sandbox=True,
    )  # fmt: skip
