"""What a deploy decides to do: pure, from what is wanted and what is there."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hotpack.deploy import Plan, plan_deploy, plan_upload
from hotpack.deploy.aws import LocalFile
from hotpack.deploy.facts import LATEST, Alias, Change
from hotpack.deploy.observed import Role
from hotpack.deploy.steps import Configure, PointAlias, PutRolePolicy, Upload
from hotpack.deploy.wanted import Record
from hotpack.errors import AwsError, ConfigError, LimitError

from .things import CONFIGURATION, LIMITS, ROLE, observed, pack, stored, version, wanted

LIVE = {
    "function": version(LATEST),
    "versions": (version("1"),),
    "aliases": (Alias("live", "1", "seen", {}),),
    "objects": stored(wanted().code, LocalFile(wanted().record.key, Path("record"), 1, "")),
}
"""An account in which all is as wanted."""


def names(plan: Plan) -> list[str]:
    return [type(step).__name__ for step in plan.steps]


def test_order() -> None:
    """What callers see comes last, and what it needs first."""
    plan = plan_deploy(
        wanted(packs=(pack("numpy"),), role=None), observed(role=Role("hotpack-x", False, None))
    )
    assert names(plan) == [
        "WriteRecord",
        "Upload",
        "CreateRole",
        "PutRolePolicy",
        "CreateFunction",
        "Publish",
        "CheckPacks",
        "PointAlias",
    ]


def test_nothing_to_do() -> None:
    """Where all is as wanted, nothing is done, and the plan says what is live."""
    plan = plan_deploy(wanted(), observed(**LIVE))
    assert plan == Plan((), live="1")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"memory_mb": 1024}, ["Configure", "Publish", "PointAlias"]),
        ({"environment": {}}, ["Configure", "Publish", "PointAlias"]),
        ({"architecture": "arm64"}, ["UpdateCode", "Publish", "PointAlias"]),
        (
            {"code_sha256": "cd" * 32, "code": pack("new")},
            ["WriteRecord", "Upload", "UpdateCode", "Publish", "PointAlias"],
        ),
        ({"alias": "other"}, ["PointAlias"]),
        ({"project": "other"}, None),
    ],
)
def test_only_what_changed(changes: dict[str, Any], expected: list[str] | None) -> None:
    """Nothing is done that is done already."""
    if expected is None:
        with pytest.raises(AwsError, match="is the project greeter's"):
            plan_deploy(wanted(**changes), observed(**LIVE))
        return
    assert names(plan_deploy(wanted(**changes), observed(**LIVE))) == expected


def test_tags_that_may_not_be_seen() -> None:
    """Where AWS does not show whose a function is, it is left alone unless it is to be adopted."""
    there = {**LIVE, "function": version(LATEST, tags=None)}
    with pytest.raises(AwsError, match="does not show its tags") as caught:
        plan_deploy(wanted(), observed(**there))
    assert "lambda:ListTags" in (caught.value.hint or "")
    assert names(plan_deploy(wanted(), observed(**there), adopt=True)) == ["TagFunction"]


def test_changed_by_hand() -> None:
    """What somebody changed on AWS is put back, with what it was, and values are not shown."""
    by_hand = replace(CONFIGURATION, memory_mb=256, environment={"MODE": "x", "MORE": "secret"})
    there = {**LIVE, "function": version(LATEST, configuration=by_hand)}
    [configure] = [
        s for s in plan_deploy(wanted(), observed(**there)).steps if isinstance(s, Configure)
    ]
    assert configure.changes == (
        Change("memory_mb", "256", "512"),
        Change("environment.MODE", "set", "set otherwise"),
        Change("environment.MORE", "set", "not set"),
    )
    assert "secret" not in str(configure.changes)


def test_only_missing_and_damaged_packs_go_up() -> None:
    """Packs that are there stay; what has another size is replaced."""
    numpy, scipy, pandas = pack("numpy"), pack("scipy"), pack("pandas")
    there = stored(wanted().code, numpy, replace(scipy, size=3))
    steps = plan_deploy(wanted(packs=(numpy, scipy, pandas)), observed(objects=there)).steps
    uploads = [(step.files, step.replace) for step in steps if isinstance(step, Upload)]
    assert uploads == [((pandas,), False), ((scipy,), True)]


@pytest.mark.parametrize("role", ["mine", ROLE])
def test_role_by_name_or_arn(role: str) -> None:
    """A role is named in either way."""
    assert plan_deploy(wanted(role=role), observed(**LIVE)).steps == ()


def test_role_is_kept() -> None:
    """A function keeps the role that it has where none is named."""
    assert plan_deploy(wanted(role=None), observed(**LIVE)).steps == ()


def test_policy_is_the_least() -> None:
    """The role may write its own log, read packs of its bucket, and no more."""
    account = observed(role=Role("hotpack-x", True, None))
    steps = plan_deploy(wanted(packs=(pack("numpy"),)), account).steps
    [put] = [step for step in steps if isinstance(step, PutRolePolicy)]
    logs, packs = put.policy["Statement"]
    assert logs["Action"] == ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    assert logs["Resource"] == [
        "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/greeter",
        "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/greeter:*",
    ]
    assert packs["Action"] == "s3:GetObject"
    assert packs["Resource"] == "arn:aws:s3:::artifacts/hotpack/packs/*"


@pytest.mark.parametrize(
    ("changes", "limits", "message"),
    [
        ({"package_bytes": 262_144_001}, {}, "262,144,001 bytes unzipped"),
        ({"package_bytes": 300}, {"unzipped_bytes": 200}, "may have 200"),
        ({"bucket": None, "code": pack("zip", 60_000_000)}, {}, "without a bucket"),
        ({}, {"code_stored_bytes": 79_999_999_950}, "stores 79,999,999,950 bytes of code"),
    ],
)
def test_limits(changes: dict[str, Any], limits: dict[str, int], message: str) -> None:
    """What would pass a limit is refused before anything is done."""
    account = observed(limits=replace(LIMITS, **limits))
    with pytest.raises(LimitError, match=message):
        plan_deploy(wanted(**changes), account)


def test_notes() -> None:
    """What people should know before they agree is said."""
    canary = Alias("live", "1", None, {"2": 0.1})
    account = observed(**{**LIVE, "aliases": (canary,)}, limits=replace(LIMITS, concurrency=10))
    plan = plan_deploy(wanted(packs=(pack("numpy"),)), account)
    needs, ends, few = plan.notes
    assert "needs s3:GetObject for arn:aws:s3:::artifacts/hotpack/packs/*" in needs
    assert ends == "the alias live also leads to 2: that ends"
    assert "may run 10 sandboxes at once" in few


def test_alias_says_what_it_saw() -> None:
    """The alias moves only if nobody moved it since."""
    [point] = plan_deploy(
        wanted(), observed(**{**LIVE, "aliases": (Alias("live", "7", "seen", {}),)})
    ).steps
    assert point == PointAlias("greeter", "live", "7", "1", "seen")


def test_lost_record_is_written_again() -> None:
    """A record that somebody deleted comes again with the next deploy."""
    there = {**LIVE, "objects": stored(wanted().code)}
    plan = plan_deploy(wanted(), observed(**there))
    assert names(plan) == ["WriteRecord"]
    assert plan.live == "1"


def test_upload_writes_the_record_anew() -> None:
    """Uploading alone always says to gc that somebody is about to need it."""
    assert names(plan_upload(wanted(), observed(**LIVE))) == ["WriteRecord"]


def test_upload_needs_a_bucket() -> None:
    """Uploading alone without a bucket is an error."""
    with pytest.raises(ConfigError, match="nowhere to upload to"):
        plan_upload(wanted(bucket=None), observed())


def test_record_round_trip() -> None:
    """A record says what was written into it; anything else is none."""
    record = wanted(packs=(pack("numpy"), pack("scipy"))).record
    assert Record.parse(record.content()) == record
    assert record.content() == wanted(packs=(pack("scipy"), pack("numpy"))).record.content()
    for broken in (b"", b"[]", b"{}", b'{"format": 2}', b'{"format": 1, "packs": 3}', b"\xff"):
        assert Record.parse(broken) is None
