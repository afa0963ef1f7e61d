"""Reading from S3 without boto3."""

from datetime import UTC, datetime
from typing import Any

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

from hotpack_runtime.errors import RestoreError
from hotpack_runtime.manifest import Pack
from hotpack_runtime.s3 import Bucket, bucket_for, sign

KEY = "hotpack/packs/ab/abcdef.pack"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "token",
}


class FakeManifest:
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
    pack = Pack("abcdef", 10, KEY, ["numpy"])
    reader = Bucket("b", {}, {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}).connect()
    with pytest.raises(RestoreError, match="AWS_ACCESS_KEY_ID"):
        reader.read(pack, 0, 10)


def test_unreachable_endpoint() -> None:
    """A network that does not answer is tried again, then said with the pack's name."""
    pack = Pack("abcdef", 10, KEY, ["numpy"])
    environment = {**CREDENTIALS, "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}
    reader = Bucket("b", {}, environment, sleep=lambda _: None).connect()
    with pytest.raises(RestoreError, match=r"pack abcdef .numpy.* ConnectionRefused") as caught:
        reader.read(pack, 0, 10)
    assert "tried 5 times" in str(caught.value)
