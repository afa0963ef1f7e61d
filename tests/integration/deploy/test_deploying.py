"""Deploys, again and again, against moto."""

import base64
from collections.abc import Callable

import boto3
import pytest

from hotpack.deploy import Plan
from hotpack.errors import AwsError, ConfigError, ConflictError, LimitError
from hotpack.project import Project

from .conftest import (
    BUCKET,
    REGION,
    Deployer,
    MakeBuild,
    make_project,
    refuse,
    requests_of,
    state_of,
)

PACKS = {"numpy": b"n" * 1000, "scipy": b"s" * 2000}


def uploads(requests: list[str]) -> list[str]:
    """Return what was put into the bucket, by kind."""
    return sorted(line.split("/")[3] for line in requests if line.startswith("PUT /artifacts/hot"))


def test_first_deploy(deployer: Deployer, make_build: MakeBuild, session: boto3.Session) -> None:
    """A first deploy makes it all: objects, role, function, version, alias."""
    assert deployer.deploy(make_build(packs=PACKS)) == "1"
    client = session.client("lambda")
    live = client.get_function_configuration(FunctionName="greeter", Qualifier="live")
    assert live["Handler"] == "hotpack_runtime.entry.handler"
    assert live["MemorySize"] == 512
    assert live["Environment"]["Variables"] == {"MODE": "test"}
    assert live["Description"] == "greeter 1.2"
    assert live["Role"].endswith(f"role/hotpack-greeter-{REGION}")
    state = state_of(session)
    kinds = sorted(key.split("/")[1] for key, _ in state["objects"])
    assert kinds == ["code", "packs", "packs", "releases"]
    assert state["tags"] == [{"hotpack": "greeter"}]


def test_nothing_new_is_nothing_done(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """The same build deployed again has an empty plan, and changes nothing."""
    release = make_build(packs=PACKS)
    deployer.deploy(release)
    before = state_of(session)
    _, _, plan = deployer.plan(release)
    assert plan.steps == ()
    assert plan.live == "1"
    assert deployer.deploy(release) == "1"
    assert state_of(session) == before


def test_handler_change_uploads_only_the_zip(
    deployer: Deployer, make_build: MakeBuild, aws_environment: str
) -> None:
    """After a change to the handler, the packs stay where they are."""
    deployer.deploy(make_build("v1", PACKS))
    requests_of(aws_environment)
    assert deployer.deploy(make_build("v2", PACKS)) == "2"
    assert uploads(requests_of(aws_environment)) == ["code", "releases"]


def test_dependency_bump_uploads_only_its_pack(
    deployer: Deployer, make_build: MakeBuild, aws_environment: str
) -> None:
    """After a change to one dependency, only its pack goes up, with the zip that names it."""
    deployer.deploy(make_build("v1", PACKS))
    requests_of(aws_environment)
    deployer.deploy(make_build("v1", {**PACKS, "numpy": b"m" * 1000}))
    assert uploads(requests_of(aws_environment)) == ["code", "packs", "releases"]


def test_setting_change_uploads_nothing(
    deployer: Deployer, make_build: MakeBuild, aws_environment: str, session: boto3.Session
) -> None:
    """Memory, /tmp, timeout and environment change without an upload, in a version of their own."""
    release = make_build(packs=PACKS)
    deployer.deploy(release)
    requests_of(aws_environment)
    changed = make_build(
        packs=PACKS, memory_mb=1024, ephemeral_storage_mb=600, environment={"OTHER": "x"}
    )
    assert deployer.deploy(changed) == "2"
    assert uploads(requests_of(aws_environment)) == []
    client = session.client("lambda")
    live = client.get_function_configuration(FunctionName="greeter", Qualifier="live")
    assert (live["MemorySize"], live["EphemeralStorage"]["Size"]) == (1024, 600)
    assert live["Environment"]["Variables"] == {"OTHER": "x"}
    first = client.get_function_configuration(FunctionName="greeter", Qualifier="1")
    assert first["MemorySize"] == 512


def test_architecture_change(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """A build for another processor changes the function's, with its code."""
    deployer.deploy(make_build("v1"))
    assert deployer.deploy(make_build("v2", architecture="arm64")) == "2"
    client = session.client("lambda")
    live = client.get_function_configuration(FunctionName="greeter", Qualifier="live")
    assert live["Architectures"] == ["arm64"]


def test_deploy_after_rollback_publishes_nothing(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """What is published already is made live again, and not published twice."""
    deployer.deploy(make_build("v1"))
    release = make_build("v2")
    deployer.deploy(release)
    session.client("lambda").update_alias(FunctionName="greeter", Name="live", FunctionVersion="1")
    _, _, plan = deployer.plan(release)
    assert [type(step).__name__ for step in plan.steps] == ["PointAlias"]
    assert deployer.deploy(release) == "2"


def test_without_a_bucket(session: boto3.Session, make_build: MakeBuild, project: Project) -> None:
    """A small function that needs no packs goes up directly, without a bucket."""
    deployer = Deployer(session, make_project(project.root, ""))
    assert deployer.deploy(make_build()) == "1"
    assert state_of(session)["objects"] == []


def test_packs_need_a_bucket(
    session: boto3.Session, make_build: MakeBuild, project: Project
) -> None:
    """Packs for S3 without a bucket are an error before anything is asked of AWS."""
    deployer = Deployer(session, make_project(project.root, ""))
    with pytest.raises(ConfigError, match="no bucket is named"):
        deployer.plan(make_build(packs=PACKS, bucket=None))


def test_another_bucket_than_the_build_thought(
    session: boto3.Session, make_build: MakeBuild, project: Project, bucket: str
) -> None:
    """One build goes to several environments: the function is told where its packs are."""
    session.client("s3").create_bucket(Bucket="production")
    table = f'bucket = "{bucket}"\n[tool.hotpack.env.prod]\nbucket = "production"'
    make_project(project.root, table)
    from hotpack.project import load_project

    deployer = Deployer(session, load_project(project.root, env="prod"))
    deployer.deploy(make_build(packs=PACKS))
    client = session.client("lambda")
    live = client.get_function_configuration(FunctionName="greeter-prod", Qualifier="live")
    assert live["Environment"]["Variables"]["HOTPACK_BUCKET"] == "production"


def test_large_file_goes_in_parts(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session, aws_environment: str
) -> None:
    """A large pack goes up in parts with their checksums, and is known again by them."""
    release = make_build(packs={"torch": bytes(range(256)) * 70_000})
    deployer.deploy(release)
    requests = requests_of(aws_environment)
    assert len([line for line in requests if "partNumber=" in line]) == 2
    [key] = release.remote_packs
    there = session.client("s3").head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
    assert there["ContentLength"] == 17_920_000
    _, observed, plan = deployer.plan(release)
    assert plan.steps == ()
    assert observed.objects[key].checksum == there.get("ChecksumSHA256")


def test_damaged_pack_is_replaced(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """A pack that is not what its name says, by size or checksum, is uploaded again."""
    release = make_build(packs=PACKS)
    deployer.deploy(release)
    small, same_size = sorted(release.remote_packs)
    client = session.client("s3")
    client.put_object(Bucket=BUCKET, Key=small, Body=b"cut")
    size = (release.folder / release.remote_packs[same_size]).stat().st_size
    client.put_object(Bucket=BUCKET, Key=same_size, Body=b"?" * size, ChecksumAlgorithm="SHA256")
    assert deployer.deploy(release) == "1"
    for key, name in release.remote_packs.items():
        content = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        assert content == (release.folder / name).read_bytes()


def test_nothing_is_overwritten(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """What came under a key since the plan was made stays; another content there is an error."""
    release = make_build(packs=PACKS)
    wanted, observed, plan = deployer.plan(release)
    client = session.client("s3")
    key, name = next(iter(release.remote_packs.items()))
    client.put_object(Bucket=BUCKET, Key=key, Body=(release.folder / name).read_bytes())
    assert deployer.executor(wanted, observed).execute(plan) == "1"

    other = make_build("v2", {"pandas": b"p" * 3000})
    wanted, observed, plan = deployer.plan(other)
    [key] = other.remote_packs
    client.put_object(Bucket=BUCKET, Key=key, Body=b"something else")
    with pytest.raises(AwsError, match="came there meanwhile and is not the same"):
        deployer.executor(wanted, observed).execute(plan)
    assert client.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"something else"


def test_two_upload_the_same_large_file(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """Parts that go up while somebody else's come there first are let go, and theirs is taken."""
    release = make_build(packs={"torch": b"t" * 17_000_000})
    wanted, observed, plan = deployer.plan(release)
    [(key, name)] = release.remote_packs.items()
    client = session.client("s3")
    client.put_object(Bucket=BUCKET, Key=key, Body=(release.folder / name).read_bytes())
    etag = client.head_object(Bucket=BUCKET, Key=key)["ETag"]
    assert deployer.executor(wanted, observed).execute(plan) == "1"
    assert client.head_object(Bucket=BUCKET, Key=key)["ETag"] == etag
    assert "Uploads" not in client.list_multipart_uploads(Bucket=BUCKET)


def test_another_upload_under_way(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """S3 refuses the second of two uploads of one key at once: that is said."""
    words = "The conditional request cannot succeed due to a conflicting operation"
    wanted, observed, plan = deployer.plan(make_build(packs=PACKS))
    executor = deployer.executor(wanted, observed)
    executor.execute(Plan(plan.steps[:1]))
    refuse(session, "s3.PutObject", 409, "ConditionalRequestConflict", words, 9)
    with pytest.raises(ConflictError, match="another deploy is under way: it uploads"):
        deployer.executor(wanted, observed).execute(Plan(plan.steps[1:]))


def test_somebody_elses_function(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """A function that hotpack did not make is left alone, unless it is to be taken over."""
    deployer.deploy(make_build("v1"))
    client = session.client("lambda")
    arn = client.get_function(FunctionName="greeter")["Configuration"]["FunctionArn"]
    client.untag_resource(Resource=arn, TagKeys=["hotpack"])
    with pytest.raises(AwsError, match="was not made by hotpack") as caught:
        deployer.plan(make_build("v2"))
    assert "--adopt" in (caught.value.hint or "")
    client.tag_resource(Resource=arn, Tags={"hotpack": "other"})
    with pytest.raises(AwsError, match="is the project other's"):
        deployer.plan(make_build("v2"))
    assert deployer.deploy(make_build("v2"), adopt=True) == "2"
    assert state_of(session)["tags"] == [{"hotpack": "greeter"}]


STEPS = 9
"""Of the plan below: record, upload, policy, code, settings, version, check, alias; and none."""


@pytest.mark.parametrize("number", range(STEPS))
def test_two_deploys_at_once(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session, number: int
) -> None:
    """Wherever another deploy comes between, one says so, and what is live is wholly one of them.

    The other one runs to its end between two steps of the first; both were planned before.
    """
    deployer.deploy(make_build("v0"))
    builds = [make_build("one", PACKS, memory_mb=1001), make_build("other", PACKS, memory_mb=1002)]
    wanted, observed, plan = deployer.plan(builds[0])
    assert len(plan.steps) == STEPS - 1
    other_wanted, other_observed, other_plan = deployer.plan(builds[1])
    one = deployer.executor(wanted, observed)
    other = deployer.executor(other_wanted, other_observed)

    one.execute(Plan(plan.steps[:number]))
    conflicts = [
        conflict_of(lambda: other.execute(other_plan)),
        conflict_of(lambda: one.execute(Plan(plan.steps[number:]))),
    ]
    [message] = filter(None, conflicts)
    assert message.startswith("another deploy is under way")
    client = session.client("lambda")
    live = client.get_function(FunctionName="greeter", Qualifier="live")["Configuration"]
    memory_of = {wanted.code_sha256: 1001, other_wanted.code_sha256: 1002}
    assert live["MemorySize"] == memory_of[base64.b64decode(live["CodeSha256"]).hex()]


def conflict_of(run: Callable[[], object]) -> str | None:
    try:
        run()
    except ConflictError as error:
        return error.message
    return None


def test_limits_of_the_account(deployer: Deployer, make_build: MakeBuild) -> None:
    """What the account may have is what counts."""
    with pytest.raises(LimitError, match="300,000,000 bytes unzipped") as caught:
        deployer.plan(make_build(package_bytes=300_000_000))
    assert "262,144,000" in caught.value.message


def test_role_is_needed(
    session: boto3.Session, make_build: MakeBuild, project: Project, bucket: str
) -> None:
    """Without a role, and without leave to make one, there is an error and a hint."""
    from hotpack.deploy import connect, observe, plan_deploy, wanted_of
    from hotpack.progress import Silent

    wanted = wanted_of(project, make_build())
    observed = observe(connect(session), wanted, Silent(), create_role=False)
    with pytest.raises(ConfigError, match="no role is named") as caught:
        plan_deploy(wanted, observed)
    assert "--create-role" in (caught.value.hint or "")


def test_policy_follows_the_packs(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """The role may read packs from the deploy on that has some, and only then."""
    iam = session.client("iam")

    def actions() -> set[str]:
        policy = iam.get_role_policy(RoleName=f"hotpack-greeter-{REGION}", PolicyName="hotpack")
        statements = policy["PolicyDocument"]["Statement"]
        return {str(statement["Action"]) for statement in statements}

    deployer.deploy(make_build("v1"))
    assert "s3:GetObject" not in actions()
    deployer.deploy(make_build("v2", PACKS))
    assert "s3:GetObject" in actions()
