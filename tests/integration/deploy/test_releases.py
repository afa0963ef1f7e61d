"""Going back, what is live, and clearing away."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest

from hotpack.deploy import Executor, plan_upload
from hotpack.deploy.collect import Found, look, plan_gc
from hotpack.deploy.history import read_history
from hotpack.deploy.rollback import check_packs, choose_version, plan_rollback
from hotpack.errors import AwsError, ConflictError
from hotpack.progress import Silent
from hotpack.project import Project

from .conftest import BUCKET, Deployer, MakeBuild, make_project, new_session

OLD = {"numpy": b"n" * 1000, "scipy": b"s" * 2000}
NEW = {"numpy": b"m" * 1500, "scipy": b"s" * 2000}
SOON = datetime.now(UTC) + timedelta(days=2)
"""When nothing of what these tests make is young any more."""


def roll_back(deployer: Deployer, to: str | None = None) -> str | None:
    aws = deployer.aws
    history = read_history(aws, "greeter", BUCKET)
    target = choose_version(history, "live", to)
    check_packs(aws, history, BUCKET, target, Silent())
    return Executor(aws, BUCKET, Silent()).execute(plan_rollback(history, "live", target))


def live(session: boto3.Session) -> str:
    client = session.client("lambda")
    return str(client.get_alias(FunctionName="greeter", Name="live")["FunctionVersion"])


def collect(deployer: Deployer, keep: int | None = None, now: datetime = SOON) -> Found:
    aws = deployer.aws
    found = look(aws, BUCKET, deployer.project.config.function, keep, now)
    Executor(aws, BUCKET, Silent()).execute(plan_gc(found))
    return found


def keys(session: boto3.Session, kind: str = "") -> set[str]:
    listed = session.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"hotpack/{kind}")
    return {item["Key"] for item in listed.get("Contents", ())}


def test_rollback(deployer: Deployer, make_build: MakeBuild, session: boto3.Session) -> None:
    """The alias goes back to the version before, and forward again; nothing else changes."""
    deployer.deploy(make_build("v1", OLD))
    deployer.deploy(make_build("v2", NEW))
    there = keys(session)
    assert roll_back(deployer) == "1"
    assert live(session) == "1"
    assert keys(session) == there
    assert roll_back(deployer, "2") == "2"
    assert live(session) == "2"


def test_rollback_ends_a_canary(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """A version that got a share of the invocations gets none after going back."""
    deployer.deploy(make_build("v1"))
    deployer.deploy(make_build("v2"))
    client = session.client("lambda")
    weights = {"AdditionalVersionWeights": {"2": 0.1}}
    client.update_alias(
        FunctionName="greeter", Name="live", FunctionVersion="1", RoutingConfig=weights
    )
    assert roll_back(deployer, "1") == "1"
    alias = client.get_alias(FunctionName="greeter", Name="live")
    assert not (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights")


def test_nothing_to_go_back_to(deployer: Deployer, make_build: MakeBuild) -> None:
    """What cannot be is said: no function, no version before, no such version."""
    with pytest.raises(AwsError, match="there is no function greeter in us-east-1"):
        roll_back(deployer)
    deployer.deploy(make_build("v1"))
    with pytest.raises(AwsError, match="no version of greeter before 1"):
        roll_back(deployer)
    with pytest.raises(AwsError, match="has no version 7") as caught:
        roll_back(deployer, "7")
    assert caught.value.hint == "it has 1"


def test_rollback_to_lost_packs(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """A version whose packs somebody deleted is not made live."""
    old = make_build("v1", OLD)
    deployer.deploy(old)
    deployer.deploy(make_build("v2", NEW))
    [key] = set(old.remote_packs) - set(make_build("v2", NEW).remote_packs)
    session.client("s3").delete_object(Bucket=BUCKET, Key=key)
    with pytest.raises(AwsError, match="version 1 of greeter cannot start: 1 of its packs"):
        roll_back(deployer)
    assert live(session) == "2"


def test_rollback_beside_a_deploy(deployer: Deployer, make_build: MakeBuild) -> None:
    """Going back while another deploy moves the alias is refused."""
    deployer.deploy(make_build("v1"))
    deployer.deploy(make_build("v2"))
    aws = deployer.aws
    history = read_history(aws, "greeter", BUCKET)
    deployer.deploy(make_build("v3"))
    with pytest.raises(ConflictError, match="another deploy is under way"):
        Executor(aws, BUCKET, Silent()).execute(plan_rollback(history, "live", "1"))


def test_history(deployer: Deployer, make_build: MakeBuild) -> None:
    """Versions come newest first, with what is live and what each one has on S3."""
    deployer.deploy(make_build("v1", OLD))
    deployer.deploy(make_build("v2", NEW))
    roll_back(deployer)
    history = read_history(deployer.aws, "greeter", BUCKET)
    assert [version.version for version in history.versions] == ["2", "1"]
    assert [alias.name for alias in history.aliases_of("1")] == ["live"]
    assert history.aliases_of("2") == ()
    sizes = [sum(size for _, size in history.records[v.code_sha256].packs)
             for v in history.versions]  # fmt: skip
    assert sizes == [3500, 3000]


def test_gc_keeps_what_versions_need(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """What any published version needs stays, live or not."""
    deployer.deploy(make_build("v1", OLD))
    deployer.deploy(make_build("v2", NEW))
    before = keys(session)
    assert plan_gc(collect(deployer)).steps == ()
    assert keys(session) == before


def test_gc_deletes_what_none_needs(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """With old versions go the packs that only they needed, and their zips and records."""
    old, new = make_build("v1", OLD), make_build("v2", NEW)
    deployer.deploy(old)
    deployer.deploy(new)
    assert len(keys(session, "packs")) == 3
    found = collect(deployer, keep=1)
    assert [version.version for version in found.outdated] == ["1"]
    assert keys(session, "packs") == set(new.remote_packs)
    assert len(keys(session, "code")) == len(keys(session, "releases")) == 1
    history = read_history(deployer.aws, "greeter", BUCKET)
    assert [version.version for version in history.versions] == ["2"]


def test_gc_keeps_what_an_alias_leads_to(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """An old version that is live, or gets a share, stays with its packs."""
    old = make_build("v1", OLD)
    deployer.deploy(old)
    deployer.deploy(make_build("v2", NEW))
    deployer.deploy(make_build("v3", {}))
    client = session.client("lambda")
    client.update_alias(
        FunctionName="greeter",
        Name="live",
        FunctionVersion="3",
        RoutingConfig={"AdditionalVersionWeights": {"1": 0.1}},
    )
    found = collect(deployer, keep=1)
    assert [version.version for version in found.outdated] == ["2"]
    assert keys(session, "packs") == set(old.remote_packs)


def test_gc_keeps_what_other_functions_need(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """Functions share a bucket: what another one needs is not cleared away with this one's."""
    other = Deployer(
        session, make_project(deployer.project.root, f'bucket = "{BUCKET}"\nfunction = "other"')
    )
    old = make_build("v1", OLD)
    other.deploy(old)
    deployer.deploy(make_build("v2", NEW))
    collect(deployer, keep=1)
    assert keys(session, "packs") >= set(old.remote_packs)


def test_gc_leaves_a_deploy_under_way_alone(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """What came just now stays, and so do old packs that a new record names."""
    old = make_build("v1", OLD)
    deployer.deploy(old)
    session.client("lambda").delete_function(FunctionName="greeter")
    wanted, observed, plan = deployer.plan(old)
    executor = deployer.executor(wanted, observed)
    executor.execute(type(plan)(plan.steps[:1]))
    before = keys(session)
    collect(deployer, now=datetime.now(UTC))
    assert keys(session) == before
    collect(deployer, now=SOON)
    assert keys(session) == set()


def test_a_deploy_notices_lost_packs(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """If packs vanish while a deploy runs, it says so and moves no alias."""
    deployer.deploy(make_build("v0"))
    wanted, observed, plan = deployer.plan(make_build("v1", OLD))
    executor = deployer.executor(wanted, observed)
    executor.execute(type(plan)(plan.steps[:2]))
    session.client("s3").delete_object(Bucket=BUCKET, Key=wanted.packs[0].key)
    with pytest.raises(AwsError, match="1 packs went from artifacts while this deploy ran"):
        executor.execute(type(plan)(plan.steps[2:]))
    assert live(session) == "1"


def test_gc_reads_the_code_where_there_is_no_record(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """Without a record, what a version needs is read from the manifest in its code."""
    build = make_build("v1", OLD)
    deployer.deploy(build)
    [record] = keys(session, "releases")
    session.client("s3").delete_object(Bucket=BUCKET, Key=record)
    collect(deployer)
    assert keys(session, "packs") == set(build.remote_packs)


@pytest.mark.parametrize("handler", [None, "wrapper.handler"])
def test_gc_refuses_where_nobody_knows(
    deployer: Deployer,
    make_build: MakeBuild,
    session: boto3.Session,
    handler: str | None,
) -> None:
    """Where it is not known what a version needs, nothing at all is deleted.

    Also where another handler wraps hotpack's, as observability tools do.
    """
    settings = (
        {}
        if handler is None
        else {"handler": handler, "environment": {"WRAPPED": "hotpack_runtime.entry.handler"}}
    )
    deployer.deploy(make_build("v1", OLD, **settings))
    for kind in ("releases", "code"):
        [key] = keys(session, kind)
        session.client("s3").delete_object(Bucket=BUCKET, Key=key)
    before = keys(session)
    with pytest.raises(AwsError, match="greeter:.* restores packs, and nothing says which") as e:
        collect(deployer)
    assert "--upload-only" in (e.value.hint or "")
    assert keys(session) == before


def test_gc_and_a_damaged_record(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """A record that cannot be read counts as none: the code is asked."""
    build = make_build("v1", OLD)
    deployer.deploy(build)
    [record] = keys(session, "releases")
    session.client("s3").put_object(Bucket=BUCKET, Key=record, Body=b"{}")
    collect(deployer)
    assert keys(session, "packs") == set(build.remote_packs)


def test_gc_touches_nothing_of_others(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """What does not look like hotpack's own stays, wherever it is."""
    others = {"hotpack/packs/notes.txt", "hotpack/other/a.pack", "data/b.pack"}
    for key in others:
        session.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"x")
    collect(deployer)
    listed = session.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    assert {item["Key"] for item in listed} == others


def test_gc_looks_again(deployer: Deployer, make_build: MakeBuild) -> None:
    """What is needed at the second look is not deleted, and nothing more than at the first."""
    build = make_build("v1", OLD)
    deployer.deploy(build)
    session = new_session()
    session.client("lambda").delete_function(FunctionName="greeter")
    first = look(deployer.aws, BUCKET, "greeter", None, SOON)
    assert {item.key for item in first.garbage} >= set(build.remote_packs)
    deployer.deploy(build)
    second = look(deployer.aws, BUCKET, "greeter", None, SOON)
    assert first.still(second).garbage == ()


def test_upload_only(deployer: Deployer, make_build: MakeBuild, session: boto3.Session) -> None:
    """Packs, code and record go up for other tools, and no function is touched."""
    wanted, observed, _ = deployer.plan(make_build("v1", OLD))
    executor = deployer.executor(wanted, observed)
    assert executor.execute(plan_upload(wanted, observed)) is None
    assert len(keys(session)) == 4
    assert session.client("lambda").list_functions()["Functions"] == []


def test_bucket_that_expires(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """A lifecycle rule that would take live packs away is named."""
    rule = {
        "ID": "tidy", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 30},
    }  # fmt: skip
    session.client("s3").put_bucket_lifecycle_configuration(
        Bucket=BUCKET, LifecycleConfiguration={"Rules": [rule]}
    )
    deployer.deploy(make_build("v1", OLD))
    [warning] = collect(deployer).warnings
    assert "the lifecycle rule tidy of artifacts deletes what is under hotpack/packs/" in warning


def test_gc_of_versions_without_a_bucket(
    session: boto3.Session, make_build: MakeBuild, project: Project
) -> None:
    """Old versions can go where nothing is in a bucket, too."""
    deployer = Deployer(session, make_project(project.root, ""))
    for code in ("v1", "v2", "v3"):
        deployer.deploy(make_build(code))
    found = look(deployer.aws, None, "greeter", 1, datetime.now(UTC))
    Executor(deployer.aws, None, Silent()).execute(plan_gc(found))
    assert [item.version for item in deployer.aws.functions.versions("greeter")] == ["3"]
