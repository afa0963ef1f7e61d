"""Things of AWS, as the tests of decisions need them."""

from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hotpack.deploy import Observed, Wanted
from hotpack.deploy.aws import LocalFile, StoredObject
from hotpack.deploy.facts import AccountLimits, Configuration, FunctionVersion
from hotpack.deploy.keys import code_key

SHA256 = "ab" * 32
ROLE = "arn:aws:iam::123456789012:role/mine"
CONFIGURATION = Configuration(
    handler="app.handler",
    runtime="python3.13",
    memory_mb=512,
    ephemeral_storage_mb=512,
    timeout_s=30,
    role=ROLE,
    snap_start=False,
    environment={"MODE": "test"},
)
_SETTINGS = {field.name for field in fields(Configuration)}
LIMITS = AccountLimits(
    unzipped_bytes=262_144_000,
    direct_upload_bytes=52_428_800,
    code_storage_bytes=80_000_000_000,
    code_stored_bytes=0,
    concurrency=1000,
)


def version(number: str, **changes: Any) -> FunctionVersion:
    """Return a version of the function that is wanted."""
    there = FunctionVersion(
        function="greeter",
        version=number,
        arn="arn:aws:lambda:us-east-1:123456789012:function:greeter",
        code_sha256=SHA256,
        code_bytes=100,
        architecture="x86_64",
        configuration=CONFIGURATION,
        description="greeter 1.2",
        modified="2026-11-24T08:00:00.000+0000",
        revision=f"revision of {number}",
        tags={"hotpack": "greeter"},
    )
    return replace(there, **changes)


def pack(name: str, size: int = 10) -> LocalFile:
    """Return a pack that holds what it is called."""
    return LocalFile(f"hotpack/packs/00/{name}.pack", Path(name), size, name)


def wanted(**changes: Any) -> Wanted:
    """Return what there should be."""
    one = Wanted(
        project="greeter",
        version="1.2",
        function="greeter",
        alias="live",
        architecture="x86_64",
        configuration=replace(CONFIGURATION, role="mine"),
        code=LocalFile(code_key(SHA256), Path("function.zip"), 100, "function.zip"),
        code_sha256=SHA256,
        package_bytes=1000,
        bucket="artifacts",
        packs=(),
    )
    settings = {name: changes.pop(name) for name in _SETTINGS & changes.keys()}
    return replace(one, configuration=replace(one.configuration, **settings), **changes)


def observed(**changes: Any) -> Observed:
    """Return an account with nothing in it."""
    empty = Observed(
        account="123456789012",
        partition="aws",
        region="us-east-1",
        limits=LIMITS,
        function=None,
        versions=(),
        aliases=(),
        objects={},
        role=None,
    )
    return replace(empty, **changes)


def stored(*files: LocalFile) -> dict[str, StoredObject]:
    """Return files as they are in a bucket."""
    modified = datetime(2026, 11, 24, tzinfo=UTC)
    return {file.key: StoredObject(file.key, file.size, modified) for file in files}
