"""Says how a bucket is asked: URLs and signatures, without boto3, whose import takes 300-500 ms.

Signature Version 4: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import threading
import time
from urllib.parse import quote

from hotpack_runtime.errors import RestoreError
from hotpack_runtime.s3_reader import Reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from hotpack_runtime.manifest import Manifest

_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()

PATIENCE_S = 9.0
"""How long a read is tried again. Init may take 10 s: it shall end with words and not be killed."""

_SKEW_S = 60
"""S3 refuses what is dated 15 minutes from its own time."""

_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


class Bucket:
    """A bucket to read from; every thread has a connection of its own.

    `urls` are presigned URLs by key: they are used as they are, without signing. `release` is what
    an error calls whose packs are missing.
    """

    def __init__(
        self,
        name: str,
        urls: Mapping[str, str],
        environment: Mapping[str, str],
        *,
        release: str = "",
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.release = release
        self.sleep = sleep
        self.clock = clock
        self._init_ends: float | None = clock() + PATIENCE_S
        self._ahead_s = 0.0
        """How far S3's clock is ahead of this one, where that is known."""

        self._live = environment
        self._tls: ssl.SSLContext | None = None
        self._lock = threading.Lock()
        self._urls = urls
        # A copy: a handler that takes another role for its own work reads its packs with this one.
        self._environment = dict(environment)
        self._region = environment.get("AWS_REGION", "us-east-1")
        self._endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get(
            "AWS_ENDPOINT_URL"
        )

    def init_is_over(self) -> None:
        """From now on each read has time of its own."""
        self._init_ends = None

    def gives_up_at(self) -> float:
        """Return when a read that begins now is to have failed, by the clock."""
        return self.clock() + PATIENCE_S if self._init_ends is None else self._init_ends

    @property
    def signs_with(self) -> tuple[str, float]:
        """The access key that requests are signed with, and how far S3's clock is ahead."""
        return self._environment.get("AWS_ACCESS_KEY_ID", ""), self._ahead_s

    def set_clock(self, now: float) -> None:
        """Sign by S3's clock from now on, where this one is far from it."""
        ahead_s = now - time.time()
        if abs(ahead_s - self._ahead_s) > _SKEW_S:
            self._ahead_s = ahead_s

    def renew(self) -> None:
        """Take the credentials that the environment has by now."""
        self._environment.update({name: self._live.get(name, "") for name in _CREDENTIALS})

    def forked(self) -> None:
        """In a child process: have a lock that no thread of the parent holds."""
        self._lock = threading.Lock()

    def connect(self) -> Reader:
        """Return a reader that keeps its connection open from one request to the next."""
        return Reader(self)

    def tls(self) -> ssl.SSLContext:
        """Return the one TLS context of all connections: each takes 25 ms to make."""
        with self._lock:
            if self._tls is None:
                import ssl

                self._tls = ssl.create_default_context()
            return self._tls

    def url(self, key: str) -> str:
        """Return the URL of a key: path style for an endpoint of the user's, else virtual host."""
        if key in self._urls:
            return self._urls[key]
        if self._endpoint:
            return f"{self._endpoint.rstrip('/')}/{self.name}/{quote(key)}"
        domain = "amazonaws.com.cn" if self._region.startswith("cn-") else "amazonaws.com"
        if "." in self.name:  # its virtual host would not match S3's certificate
            return f"https://s3.{self._region}.{domain}/{self.name}/{quote(key)}"
        return f"https://{self.name}.s3.{self._region}.{domain}/{quote(key)}"

    def headers(self, key: str, host: str, path: str, start: int, size: int) -> dict[str, str]:
        """Return the headers of a request for `size` bytes from `start` on."""
        ranged = {"range": f"bytes={start}-{start + size - 1}"}
        if key in self._urls:
            return ranged
        env = self._environment
        secret, access = env.get("AWS_SECRET_ACCESS_KEY"), env.get("AWS_ACCESS_KEY_ID")
        if not secret or not access:
            raise RestoreError(
                f"hotpack: no credentials to read s3://{self.name}/{key}: Lambda sets "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; something removed them"
            )
        now = time.gmtime(time.time() + self._ahead_s)
        signed = {**ranged, "host": host, "x-amz-content-sha256": _EMPTY_SHA256}
        if env.get("AWS_SESSION_TOKEN"):
            signed["x-amz-security-token"] = env["AWS_SESSION_TOKEN"]
        return sign(signed, path, self._region, access, secret, now)


def sign(
    headers: Mapping[str, str],
    path: str,
    region: str,
    access: str,
    secret: str,
    now: time.struct_time,
) -> dict[str, str]:
    """Return the headers with the date and the signature of a GET of `path` added."""
    date, moment = time.strftime("%Y%m%d", now), time.strftime("%Y%m%dT%H%M%SZ", now)
    signed = {**headers, "x-amz-date": moment}
    names = ";".join(sorted(signed))
    canonical = "\n".join(
        [
            *("GET", path, ""),
            *(f"{name}:{signed[name]}" for name in sorted(signed)),
            *("", names, signed["x-amz-content-sha256"]),
        ]
    )
    scope = f"{date}/{region}/s3/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in (date, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashed}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    signed["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={access}/{scope}, SignedHeaders={names}, "
        f"Signature={signature}"
    )
    return signed


def bucket_for(manifest: Manifest, environment: Mapping[str, str] = os.environ) -> Bucket:
    """Return the bucket of the manifest's remote packs; HOTPACK_BUCKET comes before its own.

    HOTPACK_PACK_URLS, a JSON object, gives presigned URLs by key.
    """
    try:
        urls = dict(json.loads(environment.get("HOTPACK_PACK_URLS", "{}")))
    except (ValueError, TypeError):
        raise RestoreError("hotpack: HOTPACK_PACK_URLS is no JSON object of keys to URLs") from None
    name = environment.get("HOTPACK_BUCKET") or manifest.bucket
    if not name and not urls:
        raise RestoreError(
            "hotpack: the packs are on S3 and no bucket is named: set `bucket` in [tool.hotpack] "
            "and build again, or HOTPACK_BUCKET in the function's environment"
        )
    version = environment.get("AWS_LAMBDA_FUNCTION_VERSION", "")
    release = f"{manifest.tree[:16]}, version {version}" if version else manifest.tree[:16]
    return Bucket(name or "", urls, environment, release=release)
