"""Reading from S3 without boto3."""

import threading
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

from hotpack_runtime.errors import RestoreError
from hotpack_runtime.manifest import Pack
from hotpack_runtime.s3 import Bucket, bucket_for, sign
from hotpack_runtime.s3_reader import Reader

PACK = 64 * "a"
KEY = f"hotpack/packs/aa/{PACK}.pack"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "token",
}


class FakeManifest:
    tree = 64 * "a"

    def __init__(self, bucket: str | None) -> None:
        self.bucket = bucket


def test_signature_is_botocores(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Authorization header is, to the byte, what botocore signs."""
    now = datetime(2026, 11, 24, 3, 0, 0, tzinfo=UTC)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: now.replace(tzinfo=None))
    url = f"https://my-artifacts.s3.eu-west-1.amazonaws.com/{KEY}"
    request = botocore.awsrequest.AWSRequest("GET", url, headers={"Range": "bytes=0-99"})
    credentials = botocore.credentials.Credentials(*CREDENTIALS.values())
    botocore.auth.S3SigV4Auth(credentials, "s3", "eu-west-1").add_auth(request)
    bucket = Bucket("my-artifacts", {}, {**CREDENTIALS, "AWS_REGION": "eu-west-1"})
    host = "my-artifacts.s3.eu-west-1.amazonaws.com"
    ours = bucket.headers(KEY, host, f"/{KEY}", 0, 100)
    ours = sign(
        {name: ours[name] for name in ours if name not in {"authorization", "x-amz-date"}},
        f"/{KEY}",
        "eu-west-1",
        CREDENTIALS["AWS_ACCESS_KEY_ID"],
        CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        now.timetuple(),
    )
    assert ours["authorization"] == request.headers["Authorization"]
    assert ours["x-amz-date"] == request.headers["X-Amz-Date"]
    assert bucket.url(KEY) == url


@pytest.mark.parametrize(
    ("name", "environment", "url"),
    [
        ("a-b", {}, "https://a-b.s3.us-east-1.amazonaws.com/k/x.pack"),
        ("a.b", {"AWS_REGION": "eu-west-1"}, "https://s3.eu-west-1.amazonaws.com/a.b/k/x.pack"),
        ("a", {"AWS_REGION": "cn-north-1"}, "https://a.s3.cn-north-1.amazonaws.com.cn/k/x.pack"),
        ("a", {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9/"}, "http://127.0.0.1:9/a/k/x.pack"),
        ("a", {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "http://127.0.0.1:9/a/k/x.pack"),
    ],
)
def test_urls(name: str, environment: dict[str, str], url: str) -> None:
    """Virtual hosts on AWS; path style for names with dots and for an endpoint of the user's."""
    assert Bucket(name, {}, environment).url("k/x.pack") == url


def test_presigned_url_is_not_signed_again() -> None:
    """A presigned URL is used as it is."""
    urls = '{"k": "https://host/k?X-Amz-Signature=1"}'
    manifest: Any = FakeManifest(None)
    bucket = bucket_for(manifest, {"HOTPACK_PACK_URLS": urls})
    assert bucket.url("k") == "https://host/k?X-Amz-Signature=1"
    assert bucket.headers("k", "host", "/k", 5, 10) == {"range": "bytes=5-14"}


def test_environment_names_the_bucket() -> None:
    """HOTPACK_BUCKET comes before the build's bucket; without any, the error says what to do."""
    manifest: Any = FakeManifest("built")
    assert bucket_for(manifest, {}).name == "built"
    assert bucket_for(manifest, {"HOTPACK_BUCKET": "live"}).name == "live"
    nowhere: Any = FakeManifest(None)
    with pytest.raises(RestoreError, match="no bucket is named: set `bucket`"):
        bucket_for(nowhere, {})


def test_no_credentials() -> None:
    """Without credentials the error names what is missing."""
    pack = Pack(PACK, 10, KEY, ["numpy"])
    reader = Bucket("b", {}, {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}).connect()
    with pytest.raises(RestoreError, match="AWS_ACCESS_KEY_ID"):
        list(reader.read(pack, 0, [10]))


def test_unreachable_endpoint() -> None:
    """A network that does not answer is tried again, then said with the pack's name."""
    pack = Pack(PACK, 10, KEY, ["numpy"])
    environment = {**CREDENTIALS, "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}
    reader = Bucket("b", {}, environment, sleep=lambda _: None).connect()
    with pytest.raises(RestoreError, match=r"pack aaa.*a .numpy.* ConnectionRefused") as caught:
        list(reader.read(pack, 0, [10]))
    assert "(try 8 of 8, after 0.0 s): nobody answers" in str(caught.value)


class Script(BaseHTTPRequestHandler):
    """Answers one after the other what the test says, and notes every connection."""

    protocol_version = "HTTP/1.1"
    answers: ClassVar[list[tuple[int, bytes]]] = []
    connections: ClassVar[set[int]] = set()

    def do_GET(self) -> None:
        self.connections.add(self.client_address[1])
        status, body = self.answers.pop(0)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def scripted() -> Iterator[Any]:
    Script.connections.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Script)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    environment = {**CREDENTIALS, "AWS_ENDPOINT_URL_S3": url}
    reader = Bucket("b", {}, environment, sleep=lambda _: None).connect()

    def read(*answers: tuple[int, bytes]) -> bytes:
        Script.answers = list(answers)
        return b"".join(reader.read(Pack(PACK, 10, KEY, ["numpy"]), 0, [4]))

    yield read
    reader.close()
    server.shutdown()
    server.server_close()
    thread.join()


def test_transient_errors_are_tried_again(scripted: Any) -> None:
    """SlowDown and its like pass: the next try may succeed."""
    assert scripted((503, b"<Code>SlowDown</Code>"), (500, b""), (206, b"abcd")) == b"abcd"


def test_other_errors_are_not_tried_again(scripted: Any) -> None:
    """What will not pass is said at once, in one line, with S3's words and what they mean."""
    body = b"<Error><Code>AccessDenied</Code>\n<Message>Access\nDenied</Message></Error>"
    with pytest.raises(RestoreError, match="AccessDenied: Access Denied .try 1 of 8, .*: the func"):
        scripted((403, body), (206, b"abcd"))
    with pytest.raises(RestoreError, match="HTTP 200"):
        scripted((200, b"x" * 1000))


def test_connection_is_kept(scripted: Any) -> None:
    """One connection carries request after request."""
    for _ in range(3):
        scripted((206, b"abcd"))
    assert len(Script.connections) == 1


def test_short_answer(scripted: Any) -> None:
    """A range with bytes missing is asked for again, and never taken for content."""
    assert scripted((206, b"abc"), (206, b"abcde"), (206, b"abcd")) == b"abcd"
    with pytest.raises(RestoreError, match="4 bytes were asked for, 3 came .try 8 of 8"):
        scripted(*[(206, b"abc")] * 8)


@pytest.mark.parametrize("text", ["{", "null", "[1]"])
def test_wrong_urls(text: str) -> None:
    """Presigned URLs that are no JSON object are said to be none."""
    manifest: Any = FakeManifest("b")
    with pytest.raises(RestoreError, match="HOTPACK_PACK_URLS"):
        bucket_for(manifest, {"HOTPACK_PACK_URLS": text})


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.slept: list[float] = []

    def sleep(self, duration_s: float) -> None:
        self.slept.append(duration_s)
        self.now_s += duration_s


def failure_of(answer: tuple[int, bytes], clock: Clock, took_s: float, **headers: str) -> str:
    """Return what a read says of a server that always answers the same, in its own time."""

    class Always(Script):
        def do_GET(self) -> None:
            clock.now_s += took_s
            self.send_response(answer[0])
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(answer[1])))
            self.end_headers()
            self.wfile.write(answer[1])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Always)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    environment = {**CREDENTIALS, "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{server.server_port}"}
    bucket = Bucket("b", {}, environment, sleep=clock.sleep, clock=lambda: clock.now_s)
    reader = bucket.connect()
    try:
        with pytest.raises(RestoreError) as caught:
            list(reader.read(Pack(PACK, 10, KEY, ["numpy"]), 0, [4]))
    finally:
        reader.close()
        server.shutdown()
        server.server_close()
        thread.join()
    return str(caught.value)


def test_waits_have_full_jitter() -> None:
    """Each wait is somewhere between nothing and twice the most that the one before could be."""
    clocks = [Clock() for _ in range(5)]
    for clock in clocks:
        assert "(try 8 of 8" in failure_of((500, b""), clock, 0.0)
        assert all(0 <= s <= min(2.0, 0.1 * 2**n) for n, s in enumerate(clock.slept))
        assert len(clock.slept) == 7
    assert len({tuple(clock.slept) for clock in clocks}) == 5


def test_tries_end_before_init_does() -> None:
    """No try begins when init has no time left; the words say how far it got, and when."""
    clock = Clock()
    words = failure_of((503, b"<Code>SlowDown</Code>"), clock, 3.0)
    assert "HTTP 503 SlowDown (try 3 of 8, after " in words
    assert clock.now_s < 1000 + 9 + 3


def test_retry_after() -> None:
    """As long as S3 asks to wait it is waited, where there is time for it."""
    clock = Clock()
    assert "HTTP 503 (try " in failure_of((503, b""), clock, 0.0, Retry_After="2")
    assert clock.slept
    assert all(2 <= slept_s <= 4 for slept_s in clock.slept)
    assert clock.now_s < 1009
    clock = Clock()
    assert "(try 1 of 8" in failure_of((503, b""), clock, 0.0, Retry_After="60")
    assert clock.slept == []


def test_time_after_init() -> None:
    """A read in an invocation has time of its own, however old the sandbox is."""
    clock = Clock()
    bucket = Bucket("b", {}, CREDENTIALS, clock=lambda: clock.now_s)
    assert bucket.gives_up_at() == 1009
    clock.now_s += 5000
    assert bucket.gives_up_at() == 1009
    bucket.init_is_over()
    assert bucket.gives_up_at() == 6009


class Broken(Reader):
    """Its first answer ends behind one run."""

    asked: ClassVar[list[tuple[int, list[int]]]] = []

    def _get(self, pack: Pack, offset: int, sizes: list[int], ends: float) -> Generator[memoryview]:
        self.asked.append((offset, list(sizes)))
        for number, size in enumerate(list(sizes)):
            if len(self.asked) == 1 and number == 1:
                raise ConnectionResetError
            yield memoryview(bytes(size))


def test_what_came_is_not_read_again() -> None:
    """Where an answer ends too early, the next try asks for the rest."""
    reader = Broken(Bucket("b", {}, {}, sleep=lambda _: None))
    runs = list(reader.read(Pack(PACK, 60, KEY, ["numpy"]), 0, [10, 20, 30]))
    assert [len(run) for run in runs] == [10, 20, 30]
    assert Broken.asked == [(0, [10, 20, 30]), (10, [20, 30])]


class Frozen(Reader):
    """Its sandbox is frozen in each of the first tries, whose connection ends meanwhile."""

    def __init__(self, clock: Clock, tries: int) -> None:
        self.bucket = Bucket("b", {}, {}, sleep=clock.sleep, clock=lambda: clock.now_s)
        super().__init__(self.bucket)
        self.clock, self.left = clock, tries

    def _get(self, *_: object) -> Generator[memoryview]:
        self.left -= 1
        if self.left >= 0:
            self.clock.now_s += 600
            raise ConnectionResetError
        yield memoryview(b"abcd")


def test_a_freeze_takes_no_time_of_a_read() -> None:
    """What was broken off while the sandbox was frozen is read once more, if init is over."""
    pack = Pack(PACK, 10, KEY, ["numpy"])
    with pytest.raises(RestoreError, match=r"try 1 of 8, after 600.0 s"):
        list(Frozen(Clock(), 1).read(pack, 0, [4]))
    reader = Frozen(Clock(), 1)
    reader.bucket.init_is_over()
    assert b"".join(reader.read(pack, 0, [4])) == b"abcd"


def test_credentials_that_changed() -> None:
    """What the environment has by now is taken when it is asked for, and not before."""
    environment = dict(CREDENTIALS)
    bucket = Bucket("b", {}, environment)
    environment["AWS_ACCESS_KEY_ID"] = "OTHER"
    assert "AKIDEXAMPLE/" in bucket.headers(KEY, "h", "/k", 0, 1)["authorization"]
    bucket.renew()
    assert "OTHER/" in bucket.headers(KEY, "h", "/k", 0, 1)["authorization"]
