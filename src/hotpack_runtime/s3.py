"""Signs and sends ranged GET requests to S3, without boto3, whose import alone takes 300-500 ms.

Signature Version 4: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import threading
import time
from urllib.parse import quote, urlsplit

from hotpack_runtime.errors import DamagedError, RestoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from hotpack_runtime.manifest import Manifest, Pack

_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
_TRIES = 5
_TIMEOUT_S = 5
_ERROR_BYTES = 64 * 1024
_TRANSIENT = {429, 500, 502, 503, 504}


class Bucket:
    """A bucket to read from; every thread has a connection of its own.

    `urls` are presigned URLs by key: they are used as they are, without signing.
    """

    def __init__(
        self,
        name: str,
        urls: Mapping[str, str],
        environment: Mapping[str, str],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self.sleep = sleep
        self._tls: ssl.SSLContext | None = None
        self._lock = threading.Lock()
        self._urls = urls
        self._environment = environment
        self._region = environment.get("AWS_REGION", "us-east-1")
        self._endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get(
            "AWS_ENDPOINT_URL"
        )

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
        now = time.gmtime()
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


class Reader:
    """One connection to the bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._connection: http.client.HTTPConnection | None = None
        self._host = ""

    def read(self, pack: Pack, offset: int, size: int) -> bytes:
        """Return `size` bytes of a pack from `offset` on; tries again what may pass.

        Raises RestoreError with S3's own words, or DamagedError where bytes are missing.
        """
        tries = 0
        while tries < _TRIES:
            if tries:
                # Full jitter, up to 0.1 to 0.8 s: a thousand cold starts shall not come in step.
                self._bucket.sleep(0.05 * 2**tries * os.urandom(1)[0] / 255)
            tries += 1
            try:
                status, body = self._get(pack.key or "", offset, size)
            except (OSError, http.client.HTTPException) as error:
                self.close()
                failure = f"{type(error).__name__}: {error}"
                continue
            if status == 206:
                if len(body) != size:
                    raise DamagedError(f"hotpack: {pack} is cut short on S3: deploy it again")
                return body
            failure = f"HTTP {status} {_s3_words(body)}"
            if status not in _TRANSIENT:
                break
        raise RestoreError(
            f"hotpack: {pack} cannot be read from s3://{self._bucket.name}/{pack.key}: "
            f"{failure} ({tries} of {_TRIES} tries){_what_to_do(failure)}"
        )

    def close(self) -> None:
        """Close the connection; the next read opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self, scheme: str, host: str) -> http.client.HTTPConnection:
        if scheme == "https":
            context = self._bucket.tls()
            return http.client.HTTPSConnection(host, timeout=_TIMEOUT_S, context=context)
        return http.client.HTTPConnection(host, timeout=_TIMEOUT_S)

    def _get(self, key: str, offset: int, size: int) -> tuple[int, bytes]:
        url = urlsplit(self._bucket.url(key))
        if self._connection is None or self._host != url.netloc:
            self.close()
            self._connection = self._connect(url.scheme, url.netloc)
            self._host = url.netloc
        headers = self._bucket.headers(key, url.netloc, url.path, offset, size)
        target = f"{url.path}?{url.query}" if url.query else url.path
        self._connection.request("GET", target, headers=headers)
        response = self._connection.getresponse()
        if response.status == 206:
            return response.status, response.read()
        body = response.read(_ERROR_BYTES)
        self.close()  # the rest of the answer, perhaps a whole pack, is not read
        return response.status, body


def _s3_words(body: bytes) -> str:
    """Return code and message of S3's error document."""
    text = body.decode("utf-8", "replace")
    words = [text.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0] for tag in ("Code", "Message")]
    return " ".join((": ".join(word for word in words if word) or text[:200]).split())


def _what_to_do(failure: str) -> str:
    """Return what the words of S3 mean for whoever owns the function."""
    for sign_, meaning in _MEANINGS:
        if sign_ in failure:
            return f": {meaning}"
    return ""


_MEANINGS = (
    ("NoSuchKey", "the pack was deleted, expired or never uploaded: deploy the function again"),
    ("InvalidRange", "the pack on S3 is cut short: deploy the function again"),
    ("Request has expired", "the presigned URL has expired"),
    ("RequestTimeTooSkewed", "the sandbox's clock is wrong: another start may do better"),
    ("AccessDenied", "the function's role needs s3:GetObject for this key"),
    ("PermanentRedirect", "the bucket is not in the function's region"),
    ("AuthorizationHeaderMalformed", "the bucket is not in the function's region"),
)


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
    # A copy: a handler that takes another role for its own work reads its packs with this one.
    return Bucket(name or "", urls, dict(environment))
