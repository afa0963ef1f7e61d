"""The bucket as boto3's S3 client sees it."""

import http.client
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from hotpack.sandbox import Bucket, Network

CONTENT = bytes(range(256)) * 4096


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Bucket]:
    (tmp_path / "pack").write_bytes(CONTENT)
    (tmp_path / "empty").touch()
    objects = {
        "packs/ä b.pack": tmp_path / "pack",
        "empty": tmp_path / "empty",
        "gone": tmp_path / "gone",
    }
    with Bucket("artifacts", objects) as served:
        yield served


@pytest.fixture
def client(bucket: Bucket) -> Iterator[Any]:
    client = boto3.client(
        "s3",
        endpoint_url=bucket.url,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            retries={"total_max_attempts": 1},
        ),
    )
    yield client
    client.close()


def get(client: Any, key: str = "packs/ä b.pack", **arguments: Any) -> Any:
    """Get an object, and its content in place of the stream."""
    answer = client.get_object(Bucket="artifacts", Key=key, **arguments)
    return {**answer, "Body": answer["Body"].read()}


def code(call: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(*arguments, **named)
    return str(caught.value.response["Error"]["Code"])


def test_an_object_is_read_whole(client: Any) -> None:
    answer = get(client)
    assert answer["Body"] == CONTENT
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert answer["ContentLength"] == len(CONTENT)


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=1000-300000", slice(1000, 300_001)),
        ("bytes=1000-", slice(1000, None)),
        ("bytes=-10", slice(-10, None)),
        ("bytes=1048570-99999999", slice(1_048_570, None)),
    ],
)
def test_a_range_is_read_as_asked(client: Any, asked: str, part: slice) -> None:
    answer = get(client, Range=asked)
    expected = CONTENT[part]
    assert answer["Body"] == expected
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
    first = part.indices(len(CONTENT))[0]
    last = first + len(expected) - 1
    assert answer["ContentRange"] == f"bytes {first}-{last}/{len(CONTENT)}"


def test_a_range_beyond_the_end_is_not_satisfiable(client: Any) -> None:
    assert code(get, client, Range="bytes=2000000-") == "InvalidRange"
    assert code(get, client, "empty", Range="bytes=0-") == "InvalidRange"


def test_an_empty_object_is_empty(client: Any) -> None:
    assert get(client, "empty")["Body"] == b""


def test_what_is_not_there_is_named(client: Any) -> None:
    assert code(get, client, "nothing") == "NoSuchKey"
    assert code(get, client, "gone") == "NoSuchKey"
    assert code(client.get_object, Bucket="other", Key="empty") == "NoSuchBucket"
    assert code(client.head_object, Bucket="artifacts", Key="nothing") == "404"


def test_the_head_of_an_object_tells_its_size_and_the_same_etag(client: Any) -> None:
    head = client.head_object(Bucket="artifacts", Key="packs/ä b.pack")
    assert head["ContentLength"] == len(CONTENT)
    assert head["ETag"] == get(client)["ETag"]
    assert head["ETag"] != get(client, "empty")["ETag"]


def test_a_signed_link_is_as_good_as_a_header(client: Any, bucket: Bucket) -> None:
    link = client.generate_presigned_url(
        "get_object", Params={"Bucket": "artifacts", "Key": "packs/ä b.pack"}
    )
    connection = http.client.HTTPConnection(bucket.address)
    connection.request("GET", link.removeprefix(bucket.url))
    assert connection.getresponse().read() == CONTENT
    connection.close()


def test_a_request_without_a_signature_is_denied(bucket: Bucket) -> None:
    connection = http.client.HTTPConnection(bucket.address)
    connection.request("GET", "/artifacts/empty")
    answer = connection.getresponse()
    assert answer.status == 403
    assert b"<Code>AccessDenied</Code>" in answer.read()
    connection.close()


def test_requests_are_remembered_until_a_new_environment(client: Any, bucket: Bucket) -> None:
    get(client, "empty")
    get(client, Range="bytes=0-9")
    code(get, client, "nothing")
    seen = [(r.method, r.key, r.range, r.status) for r in bucket.requests]
    assert seen == [
        ("GET", "empty", None, 200),
        ("GET", "packs/ä b.pack", "bytes=0-9", 206),
        ("GET", "nothing", None, 404),
    ]
    bucket.new_environment()
    assert bucket.requests == ()


def test_parallel_ranges_are_whole_under_a_limited_network(tmp_path: Path) -> None:
    (tmp_path / "pack").write_bytes(CONTENT)
    network = Network(first_byte_latency_ms=1, burst_bytes=300_000, steady_bytes_per_s=20e6)
    parts = [f"bytes={first}-{first + 65_535}" for first in range(0, len(CONTENT), 65_536)]
    with Bucket("artifacts", {"pack": tmp_path / "pack"}, network=network) as served:

        def fetch(part: str) -> bytes:
            connection = http.client.HTTPConnection(served.address)
            headers = {"Range": part, "Authorization": "AWS4-HMAC-SHA256 x"}
            connection.request("GET", "/artifacts/pack", headers=headers)
            body = connection.getresponse().read()
            connection.close()
            return body

        began_s = time.monotonic()
        with ThreadPoolExecutor(8) as threads:
            assert b"".join(threads.map(fetch, parts)) == CONTENT
        # A lower bound, which a slow machine cannot break: what is over the burst takes its time.
        assert time.monotonic() - began_s > (len(CONTENT) - 300_000) / 20e6


def test_closing_ends_connections_that_wait(tmp_path: Path) -> None:
    with Bucket("artifacts", {}) as served:
        connection = http.client.HTTPConnection(served.address)
        connection.request("GET", "/artifacts/a")
        connection.getresponse().read()
        assert connection.sock is not None
    assert connection.sock.recv(1) == b""
    connection.close()
