"""Reads ranges of packs from S3, and tries again what may pass.

Between two tries it waits with full jitter: a thousand cold starts shall not come in step
(https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
"""

from __future__ import annotations

import http.client
import os
from email.utils import mktime_tz, parsedate_tz
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from urllib.parse import urlsplit

from hotpack_runtime.errors import DamagedError, RestoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator

    from hotpack_runtime.manifest import Pack
    from hotpack_runtime.s3 import Bucket

TRIES = 8
_FIRST_WAIT_S = 0.1
_LONGEST_WAIT_S = 2.0
_TIMEOUT_S = 3.0
"""Without a byte: S3's first one takes 0.13 s in one of a hundred requests."""

_LEAST_TIMEOUT_S = 0.5
_LEAST_BYTES_PER_S = 128 * 1024
"""What is slower for as long as that is broken off: one connection carries 50 to 90 MB/s."""

_ERROR_BYTES = 64 * 1024
_SHOWN = 300
"""Letters of an answer: whoever answers in S3's place may say more."""

_TRANSIENT = {307, 408, 429, 500, 502, 503, 504}


class _FailedError(Exception):
    """One try has failed: in words, and whether another one may not."""

    def __init__(self, words: str, *, passes: bool = True, wait_s: float | None = None) -> None:
        super().__init__(words)
        self.passes = passes
        self.wait_s = wait_s
        """How long to wait at least; None where nobody says it, 0 for no wait at all."""


class Reader:
    """One connection to a bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._connection: http.client.HTTPConnection | None = None
        self._host = ""

    def read(self, pack: Pack, offset: int, sizes: list[int]) -> Generator[memoryview]:
        """Yield the bytes of a pack from `offset` on in runs of these sizes, each once it has come.

        Tries again what may pass, from the run on that failed. Raises RestoreError with S3's own
        words, or DamagedError where the pack is another one. Whoever does not take all of it
        closes the generator.
        """
        began, ends = self._bucket.clock(), self._bucket.gives_up_at()
        left = list(sizes)
        for tries in range(1, TRIES + 1):
            try:
                for run in self._try(pack, offset, left, ends):
                    offset += left.pop(0)
                    yield run
            except _FailedError as error:
                failure = error
            else:
                return
            if tries == 1:
                # In an invocation time begins here: before, the sandbox may have been frozen.
                ends = self._bucket.gives_up_at()
            wait_s = self._wait_s(tries, failure.wait_s)
            if not failure.passes or tries == TRIES or self._bucket.clock() + wait_s >= ends:
                break
            self._bucket.sleep(wait_s)
        took = f"{self._bucket.clock() - began:.1f} s"
        raise RestoreError(
            f"hotpack: {pack} cannot be read from s3://{self._bucket.name}/{pack.key}: {failure} "
            f"(try {tries} of {TRIES}, after {took}){_what_to_do(str(failure))}"
            + (f" (release {self._bucket.release})" if self._bucket.release else "")
        )

    def close(self) -> None:
        """Close the connection; the next read opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @staticmethod
    def _wait_s(tries: int, asked_s: float | None) -> float:
        longest_s: float = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** (tries - 1))
        jitter_s = longest_s * int.from_bytes(os.urandom(2), "little") / 65535
        if asked_s is None:
            return jitter_s
        return asked_s + jitter_s if asked_s else 0.0

    def _try(self, pack: Pack, offset: int, sizes: list[int], ends: float) -> Generator[memoryview]:
        """Ask once; raises _FailedError. The connection is closed unless all has come."""
        is_kept = self._connection is not None
        is_whole = False
        try:
            yield from self._get(pack, offset, sizes, ends)
            is_whole = True
        except (OSError, http.client.HTTPException, ValueError) as error:
            kind = type(error).__name__
            lasts = isinstance(error, ValueError) or kind == "SSLCertVerificationError"
            words = f"{kind}: {' '.join(str(error).split())}"
            # A connection that was kept may have been closed meanwhile: nothing to wait for.
            wait_s = 0.0 if is_kept else None
            raise _FailedError(words, passes=not lasts, wait_s=wait_s) from None
        finally:
            if not is_whole:
                self.close()

    def _get(self, pack: Pack, offset: int, sizes: list[int], ends: float) -> Generator[memoryview]:
        size = sum(sizes)
        began = self._bucket.clock()
        timeout_s = max(_LEAST_TIMEOUT_S, min(_TIMEOUT_S, ends - began))
        url = urlsplit(self._bucket.url(pack.key or ""))
        signed_with = self._bucket.signs_with
        headers = self._bucket.headers(pack.key or "", url.netloc, url.path, offset, size)
        connection = self._connect(url.scheme, url.netloc, timeout_s)
        connection.request(
            "GET", f"{url.path}?{url.query}" if url.query else url.path, None, headers
        )
        response = connection.getresponse()
        if response.status != 206:
            raise self._refused(response, signed_with)
        _check_range(pack, offset, size, response)
        came = 0
        for wanted in tuple(sizes):
            # Not glibc's memory, which is kept for the thread that asked for it: 40 MB of them all.
            run = memoryview(mmap(-1, wanted, flags=MAP_PRIVATE | MAP_ANONYMOUS))
            place = 0
            while place < wanted:
                # What has come by now, into its place: `response.read1` would copy it once more,
                # and `response.readinto` wait for all of it, however slow it comes.
                count = response.fp.readinto1(run[place:])
                if not count:
                    raise _FailedError(f"the answer ended behind {came} of {size} bytes")
                place += count
                came += count
                took_s = self._bucket.clock() - began
                if took_s > timeout_s and came < min(size, took_s * _LEAST_BYTES_PER_S):
                    raise _FailedError(f"slow: {came} of {size} bytes in {took_s:.1f} s")
            if came == size:
                response.close()  # not the connection: it goes on with the next request
            yield run

    def _connect(self, scheme: str, host: str, timeout_s: float) -> http.client.HTTPConnection:
        """Return the connection, which is opened when it is first used."""
        if self._connection is None or self._host != host:
            self.close()
            self._host = host
            if scheme == "https":
                context = self._bucket.tls()
                self._connection = http.client.HTTPSConnection(host, context=context)
            else:
                self._connection = http.client.HTTPConnection(host)
        self._connection.timeout = timeout_s
        if self._connection.sock is not None:
            self._connection.sock.settimeout(timeout_s)
        return self._connection

    def _refused(
        self, response: http.client.HTTPResponse, signed_with: tuple[str, float]
    ) -> _FailedError:
        """Return what an answer without content means; what is wrong with a signature is mended.

        Another thread may have done that since the request was signed.
        """
        words = _s3_words(response.read(_ERROR_BYTES))
        failure = _FailedError(f"HTTP {response.status} {words}".rstrip(), passes=False)
        if response.status in _TRANSIENT or words.startswith("RequestTimeout:"):
            failure.passes = True
            asked = response.headers.get("Retry-After", "")
            failure.wait_s = float(asked) if asked.isdecimal() and len(asked) < 6 else None
        elif response.status in {400, 403}:
            date = parsedate_tz(response.headers.get("Date", ""))
            if words.startswith("RequestTimeTooSkewed") and date is not None:
                self._bucket.set_clock(mktime_tz(date))
            else:
                self._bucket.renew()
            failure.passes = self._bucket.signs_with != signed_with
            failure.wait_s = 0.0
        return failure


def _check_range(pack: Pack, offset: int, size: int, response: http.client.HTTPResponse) -> None:
    """Raise where an answer is to another question, or the pack another one."""
    place = response.headers.get("Content-Range", "")
    total = place.rpartition("/")[2]
    if total.isdecimal() and int(total) != pack.size:
        raise DamagedError(
            f"hotpack: {pack} has {total} bytes on S3, at {pack.key}: it was cut short or "
            "replaced: remove it there and deploy the function again"
        )
    if place and place != f"bytes {offset}-{offset + size - 1}/{total}":
        raise _FailedError(f"bytes {offset} to {offset + size - 1} were asked for, {place!r} came")
    if response.length != size:
        raise _FailedError(f"{size} bytes were asked for, {response.length} came")


def _s3_words(body: bytes) -> str:
    """Return code and message of S3's error document."""
    text = body.decode("utf-8", "replace")
    words = [text.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0] for tag in ("Code", "Message")]
    found = ": ".join(word for word in words if word) or text
    shown = " ".join(found[:_SHOWN].split())
    return "".join(letter for letter in shown if letter.isprintable())


def _what_to_do(failure: str) -> str:
    """Return what a failure means for whoever owns the function."""
    for sign, meaning in _MEANINGS.items():
        if sign in failure:
            return f": {meaning}"
    return ""


_MEANINGS = {
    "NoSuchKey": "the pack was deleted, expired or never uploaded: `hotpack deploy` of what this "
    "version was built from uploads it again",
    "NoSuchBucket": "there is no such bucket: see HOTPACK_BUCKET, and bucket in [tool.hotpack]",
    "InvalidRange": "the pack on S3 is cut short: remove it there and deploy the function again",
    "HTTP 200": "something on the way to S3 drops the Range header",
    "Request has expired": "the presigned URL has expired",
    "RequestTimeTooSkewed": "the sandbox's clock is wrong: another start may do better",
    "ExpiredToken": "the sandbox's credentials have expired: another sandbox has new ones",
    "InvalidAccessKeyId": "something has changed AWS_ACCESS_KEY_ID in the sandbox",
    "SignatureDoesNotMatch": "something has changed AWS_SECRET_ACCESS_KEY in the sandbox",
    "AccessDenied": "the function's role needs s3:GetObject for this key",
    "SlowDown": "too many requests at once for the bucket: another start may do better",
    "PermanentRedirect": "the bucket is not in the function's region",
    "TemporaryRedirect": "the bucket is new, or not in the function's region",
    "AuthorizationHeaderMalformed": "the bucket is not in the function's region",
    "gaierror": "S3's name is not known here: see the VPC's DNS, and AWS_ENDPOINT_URL_S3",
    "CertVerification": "whoever answers is not S3: see AWS_ENDPOINT_URL_S3, and proxies",
    "SSL": "whoever answers does not speak TLS as S3 does: see AWS_ENDPOINT_URL_S3",
    "TimeoutError": "S3 does not answer: a function in a VPC needs an endpoint of S3 there",
    "ConnectionRefused": "nobody answers: see AWS_ENDPOINT_URL_S3, and the VPC's endpoint of S3",
}
