"""A bucket: what is in it, and what comes to it."""

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any, Final

from hotpack.deploy.aws.refusals import code_of, refusals
from hotpack.errors import AwsError, ConflictError
from hotpack.progress import Advance

_PART_BYTES: Final = 16 * 1024 * 1024
"""A file of this size or more is uploaded in parts. Which parts decides the checksum that S3 tells
of it, so this is not to be changed lightly: what is there would be uploaded again."""

_AT_ONCE: Final = 8

_THERE_MEANWHILE: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412"})

_DELETED_AT_ONCE: Final = 1000
"""DeleteObjects: "The request can contain a list of up to 1,000 keys"."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file that belongs in a bucket, under a key that its content decides."""

    key: str
    path: Path
    size: int
    holds: str
    """What is in it, for people."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What is in a bucket under a key."""

    key: str
    size: int
    modified: datetime
    checksum: str | None = None
    """SHA-256 as S3 tells it; None where it was uploaded without, or was only listed."""

    def is_copy_of(self, file: LocalFile) -> bool:
        """Return whether it holds what the file does, as far as S3 can tell."""
        if self.size != file.size or self.checksum is None:
            return self.size == file.size
        there, _, parts = self.checksum.partition("-")
        here, _, own_parts = _checksum(file).partition("-")
        # Another tool may have cut it into other parts, whose checksum says nothing of ours.
        return there == here or bool(parts and parts != own_parts)


class Bucket:
    """A bucket of an account; what others own is refused by S3 itself."""

    def __init__(self, client: Callable[..., Any], name: str, owner: str) -> None:
        self.name = name
        self._owner = owner
        self._client = client("s3", max_pool_connections=2 * _AT_ONCE)
        self._adding = client("s3", max_pool_connections=2 * _AT_ONCE)
        for operation in ("PutObject", "CompleteMultipartUpload"):
            # s3transfer has no argument for it.
            self._adding.meta.events.register(
                f"before-parameter-build.s3.{operation}", _only_if_missing
            )
        self._place = {"Bucket": name, "ExpectedBucketOwner": owner}

    def check(self, region: str) -> None:
        """Raise AwsError unless the bucket is there, is the account's, and in the region."""
        with refusals(f"look at the bucket {self.name}"):
            from botocore.exceptions import ClientError

            try:
                answer = self._client.head_bucket(**self._place)
            except ClientError as error:
                if code_of(error) in {"404", "NoSuchBucket"}:
                    raise AwsError(
                        f"there is no bucket {self.name}",
                        hint=f"create it: aws s3 mb s3://{self.name} --region {region}",
                    ) from error
                if code_of(error) in {"403", "AccessDenied"}:
                    raise AwsError(
                        f"the bucket {self.name} is not account {self._owner}'s, or the "
                        "credentials may not use it",
                        hint="names are taken worldwide: choose another one in [tool.hotpack], or "
                        "get s3:ListBucket, s3:GetObject and s3:PutObject for this one",
                    ) from error
                raise
        found = answer.get("BucketRegion") or region
        if found != region:
            raise AwsError(
                f"the bucket {self.name} is in {found}, the function's region is {region}",
                hint="Lambda and hotpack's packs need a bucket in the same region: name another "
                f"bucket, or --region {found}",
            )

    def find(self, key: str) -> StoredObject | None:
        """Return what is under a key."""
        with refusals(f"look at s3://{self.name}/{key}"):
            from botocore.exceptions import ClientError

            try:
                answer = self._client.head_object(**self._place, Key=key, ChecksumMode="ENABLED")
            except ClientError as error:
                # Without s3:ListBucket S3 says 403 for what is not there.
                if code_of(error) in {"404", "NoSuchKey"}:
                    return None
                raise
        return StoredObject(
            key, answer["ContentLength"], answer["LastModified"], answer.get("ChecksumSHA256")
        )

    def find_all(self, keys: Iterable[str]) -> dict[str, StoredObject]:
        """Return what is under those of the keys that are there."""
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            return {found.key: found for found in threads.map(self.find, keys) if found}

    def contents(self, prefix: str) -> Iterator[StoredObject]:
        """Return all objects whose keys begin so."""
        with refusals(f"list s3://{self.name}/{prefix}"):
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(**self._place, Prefix=prefix):
                for item in page.get("Contents", ()):
                    yield StoredObject(item["Key"], item["Size"], item["LastModified"])

    def read(self, key: str) -> bytes:
        """Return the content under a key."""
        with refusals(f"read s3://{self.name}/{key}"):
            content: bytes = self._client.get_object(**self._place, Key=key)["Body"].read()
        return content

    def put(self, key: str, content: bytes) -> None:
        """Write a small object, over what is there."""
        with refusals(f"write s3://{self.name}/{key}"):
            self._client.put_object(
                **self._place, Key=key, Body=content, ChecksumAlgorithm="SHA256"
            )

    def upload(self, files: Sequence[LocalFile], advance: Advance, *, replace: bool) -> None:
        """Upload files at once, in parts, each with its SHA-256, which S3 checks.

        Without `replace` nothing is overwritten: what came under the same key meanwhile holds the
        same content, or is an error. An object is there whole or not at all.
        """
        from botocore.exceptions import ClientError
        from s3transfer.manager import TransferConfig, TransferManager

        config = TransferConfig(
            multipart_threshold=_PART_BYTES,
            multipart_chunksize=_PART_BYTES,
            max_request_concurrency=_AT_ONCE,
        )
        client = self._client if replace else self._adding
        ended = _stopping(client)
        arguments = {"ExpectedBucketOwner": self._owner, "ChecksumAlgorithm": "SHA256"}
        with TransferManager(client, config) as manager:
            coming = [
                (file, manager.upload(
                    str(file.path), self.name, file.key, arguments, [_Reporter(advance)]
                ))
                for file in files
            ]  # fmt: skip
            try:
                for file, future in coming:
                    with refusals(f"upload s3://{self.name}/{file.key}"):
                        try:
                            future.result()
                        except ClientError as error:
                            if code_of(error) not in _THERE_MEANWHILE:
                                raise
                            self._accept(file)
            except BaseException:
                ended.set()
                raise

    def _accept(self, file: LocalFile) -> None:
        """Take what somebody else uploaded under the file's key, if it is the same."""
        there = self.find(file.key)
        if there is None:
            raise ConflictError(
                f"another deploy is under way: it uploads s3://{self.name}/{file.key}",
                hint="nothing that is live was changed; run it again when the other one is through",
            )
        if not there.is_copy_of(file):
            raise AwsError(
                f"s3://{self.name}/{file.key} came there meanwhile and is not the same",
                hint="run it again: what is damaged is replaced then",
            )

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects."""
        rest = list(keys)
        while rest:
            some, rest = rest[:_DELETED_AT_ONCE], rest[_DELETED_AT_ONCE:]
            with refusals(f"remove objects of s3://{self.name}"):
                answer = self._client.delete_objects(
                    **self._place, Delete={"Objects": [{"Key": key} for key in some]}
                )
            for failed in answer.get("Errors", ()):
                raise AwsError(
                    f"AWS refused to delete s3://{self.name}/{failed['Key']}: "
                    f"{failed.get('Message')} ({failed.get('Code')})"
                )

    def lifecycle_rules(self) -> list[Mapping[str, Any]]:
        """Return the rules by which S3 itself deletes or moves objects."""
        with refusals(f"look at the lifecycle rules of {self.name}"):
            from botocore.exceptions import ClientError

            try:
                answer = self._client.get_bucket_lifecycle_configuration(**self._place)
            except ClientError as error:
                if code_of(error) == "NoSuchLifecycleConfiguration":
                    return []
                raise
        rules: list[Mapping[str, Any]] = answer["Rules"]
        return rules


def _only_if_missing(params: dict[str, Any], **_: object) -> None:
    params["IfNoneMatch"] = "*"


def _stopping(client: Any) -> Event:
    """Return what ends a client's uploads when it is set: no request is tried again after that.

    Ctrl-C waits for requests that are under way; else it would wait for all their tries.
    """
    ended = Event()

    def stop(**_: object) -> None:
        if ended.is_set():
            raise AwsError("the upload was stopped")

    for operation in ("PutObject", "UploadPart"):
        client.meta.events.register(f"before-send.s3.{operation}", stop)
    return ended


def _checksum(file: LocalFile) -> str:
    """Return what S3 tells of a file that it has: of the parts' checksums where there are parts."""
    with file.path.open("rb") as content:
        if file.size < _PART_BYTES:
            return base64.b64encode(hashlib.file_digest(content, "sha256").digest()).decode()
        parts = [
            hashlib.sha256(part).digest() for part in iter(lambda: content.read(_PART_BYTES), b"")
        ]
    joined = base64.b64encode(hashlib.sha256(b"".join(parts)).digest()).decode()
    return f"{joined}-{len(parts)}"


class _Reporter:
    """Tells s3transfer's progress on; it calls what has this method."""

    def __init__(self, advance: Advance) -> None:
        self._advance = advance

    def on_queued(self, future: object, **_: object) -> None:
        """Say nothing."""

    def on_progress(self, future: object, bytes_transferred: int, **_: object) -> None:  # noqa: ARG002
        """Say how many bytes more went out; fewer than none where a part is sent again."""
        self._advance(bytes_transferred)

    def on_done(self, future: object, **_: object) -> None:
        """Say nothing."""
