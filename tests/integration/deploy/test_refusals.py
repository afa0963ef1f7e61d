"""What AWS answers when it refuses, and what is said of it."""

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest

from hotpack.deploy import connect, open_session
from hotpack.errors import AwsError, ConfigError, ConflictError, LimitError
from hotpack.project import Project

from .conftest import (
    BUCKET,
    REGION,
    Deployer,
    MakeBuild,
    make_project,
    new_session,
    refuse,
    state_of,
)

PACKS = {"numpy": b"n" * 1000}


@pytest.mark.parametrize(
    ("operation", "status", "code", "words", "kind", "says", "hint"),
    [
        ("lambda.CreateFunction", 403, "AccessDeniedException",
         "User: arn:aws:iam::1:user/me is not authorized to perform: lambda:CreateFunction",
         AwsError, "lambda:CreateFunction", "docs/deploy.md"),
        ("s3.PutObject", 403, "AccessDenied", "Access Denied", AwsError, "Access Denied",
         "permission"),
        ("lambda.CreateFunction", 400, "InvalidParameterValueException",
         "Unzipped size must be smaller than 262144000 bytes", LimitError, "262144000", "sizes"),
        ("lambda.CreateFunction", 400, "InvalidParameterValueException",
         "'MemorySize' failed: Member must have value less than or equal to 3008", LimitError,
         "3008", "3,008 MB"),
        ("lambda.PublishVersion", 400, "CodeStorageExceededException",
         "Code storage limit exceeded.", AwsError, "Code storage limit", "hotpack gc --keep"),
        ("lambda.CreateFunction", 409, "ResourceConflictException",
         "Function already exist: greeter", ConflictError, "another deploy is under way", "status"),
        ("iam.CreateRole", 403, "AccessDenied", "not authorized to perform: iam:CreateRole",
         AwsError, "iam:CreateRole", "docs/deploy.md"),
        ("sts.GetCallerIdentity", 403, "ExpiredToken", "The security token has expired",
         AwsError, "has expired", "sso login"),
    ],
)  # fmt: skip
def test_refusal_is_said(
    deployer: Deployer,
    make_build: MakeBuild,
    session: boto3.Session,
    operation: str,
    status: int,
    code: str,
    words: str,
    kind: type[AwsError],
    says: str,
    hint: str,
) -> None:
    """A refusal is one sentence with AWS's own words, and says what to do."""
    refuse(session, operation, status, code, words, times=100)
    with pytest.raises(kind) as caught:
        deployer.deploy(make_build(packs=PACKS))
    assert says in caught.value.message
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("operation", ["UpdateFunctionCode", "UpdateFunctionConfiguration"])
def test_function_being_updated(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session, operation: str
) -> None:
    """An update of somebody else's that is under way is said, and what is live stays."""
    deployer.deploy(make_build("v1"))
    words = (
        "The operation cannot be performed at this time. An update is in progress for resource: "
        "arn:aws:lambda:us-east-1:123456789012:function:greeter"
    )
    refuse(session, f"lambda.{operation}", 409, "ResourceConflictException", words)
    with pytest.raises(ConflictError, match="another deploy is under way"):
        deployer.deploy(make_build("v2", memory_mb=600))
    assert [alias["FunctionVersion"] for alias in state_of(session)["aliases"]] == ["1"]
    assert deployer.deploy(make_build("v2", memory_mb=600)) == "2"


def test_role_that_lambda_does_not_know_yet(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """IAM takes a while to tell Lambda of a new role: the function is made once it has."""
    words = "The role defined for the function cannot be assumed by Lambda."
    refuse(session, "lambda.CreateFunction", 400, "InvalidParameterValueException", words, 3)
    assert deployer.deploy(make_build()) == "1"
    assert len(deployer.slept) == 3


def test_role_that_lambda_never_knows(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """A role that cannot be assumed is said after a minute, in AWS's words."""
    words = "The role defined for the function cannot be assumed by Lambda."
    refuse(session, "lambda.CreateFunction", 400, "InvalidParameterValueException", words, 1000)
    with pytest.raises(AwsError, match="cannot be assumed"):
        deployer.deploy(make_build())
    assert 50 < sum(deployer.slept) < 120


def test_throttling_passes(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """A call that AWS throttles is made again."""
    refuse(session, "lambda.GetFunction", 429, "TooManyRequestsException", "Rate exceeded")
    assert deployer.deploy(make_build()) == "1"


def test_account_settings_that_may_not_be_asked(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """Who may not ask for the account's limits is measured by Lambda's general ones."""
    words = "not authorized to perform: lambda:GetAccountSettings"
    refuse(session, "lambda.GetAccountSettings", 403, "AccessDeniedException", words, 10)
    assert deployer.deploy(make_build()) == "1"
    with pytest.raises(LimitError, match="262,144,000"):
        deployer.plan(make_build(package_bytes=262_144_001))


def test_no_bucket(session: boto3.Session, make_build: MakeBuild, project: Project) -> None:
    """A bucket that is not there is said, with how to make it."""
    with pytest.raises(AwsError, match="there is no bucket artifacts") as caught:
        Deployer(session, project).plan(make_build(packs=PACKS))
    assert caught.value.hint == f"create it: aws s3 mb s3://{BUCKET} --region {REGION}"


def test_bucket_in_another_region(
    session: boto3.Session, make_build: MakeBuild, project: Project
) -> None:
    """A bucket in another region than the function's is said, with both."""
    client = session.client("s3", region_name="eu-west-1")
    client.create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    with pytest.raises(AwsError, match="is in eu-west-1, the function's region is us-east-1"):
        Deployer(session, project).plan(make_build(packs=PACKS))


def test_bucket_of_somebody_else(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """A bucket of that name that belongs to another account is said."""
    refuse(session, "s3.HeadBucket", 403, "403", "Forbidden")
    with pytest.raises(AwsError, match="is not account 123456789012's"):
        deployer.plan(make_build(packs=PACKS))


def test_every_request_to_s3_names_the_owner(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """No request goes to a bucket that another account may have taken over under the same name."""
    owners: list[bytes | str | None] = []

    def note(request: AWSPreparedRequest, **_: object) -> None:
        owners.append(request.headers.get("x-amz-expected-bucket-owner"))

    session.events.register("before-send.s3", note)
    deployer.deploy(make_build(packs={"torch": b"t" * 17_000_000}))
    assert len(owners) > 6
    assert {owner.decode() if isinstance(owner, bytes) else owner for owner in owners} == {
        "123456789012"
    }


def test_no_region(aws_environment: str) -> None:
    """Without a region there is an error and a hint."""
    with pytest.raises(AwsError, match="no region is set"):
        connect(open_session(None, None))


def test_region_of_the_environment(aws_environment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS_REGION counts, before AWS_DEFAULT_REGION, as for the AWS CLI."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
    assert open_session(None, None).region_name == "us-west-2"
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert open_session(None, None).region_name == "eu-west-1"
    assert open_session("sa-east-1", None).region_name == "sa-east-1"


def test_no_credentials(aws_environment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials there is an error and a hint."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(AwsError, match="no credentials") as caught:
        connect(open_session(REGION, None))
    assert "aws configure" in (caught.value.hint or "")


def test_no_such_profile(aws_environment: str) -> None:
    """A profile that is not there is named."""
    with pytest.raises(AwsError, match="no profile 'prod'"):
        open_session(REGION, "prod")


def test_nobody_answers(session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS that cannot be reached is said in one sentence."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(AwsError, match="cannot be reached") as caught:
        connect(new_session())
    assert caught.value.hint == "check the network, the proxy and the region, then run it again"


def test_update_that_fails(
    deployer: Deployer, make_build: MakeBuild, session: boto3.Session
) -> None:
    """What Lambda could not get ready is said with its reason, and the next deploy mends it."""
    deployer.deploy(make_build("v1"))
    answers = iter(["InProgress", "InProgress", "Failed"])

    def fail(parsed: dict[str, dict[str, str]], **_: object) -> None:
        if updated and (status := next(answers, None)):
            parsed["Configuration"]["LastUpdateStatus"] = status
            parsed["Configuration"]["LastUpdateStatusReason"] = "KMS key is disabled"

    updated: list[bool] = []
    session.events.register(
        "after-call.lambda.UpdateFunctionCode", lambda **_: updated.append(True)
    )
    session.events.register("after-call.lambda.GetFunction", fail)
    with pytest.raises(AwsError, match="could not get greeter ready: KMS key is disabled"):
        deployer.deploy(make_build("v2"))
    assert len(deployer.slept) == 2
    assert deployer.deploy(make_build("v2")) == "2"


def test_snap_start(
    session: boto3.Session, bucket: str, make_build: MakeBuild, project: Project
) -> None:
    """SnapStart is set where it can be, and refused with the reason where it cannot."""
    make_project(project.root, f'bucket = "{bucket}"\nsnap_start = true')
    from hotpack.project import load_project

    deployer = Deployer(session, load_project(project.root))
    assert deployer.deploy(make_build()) == "1"
    live = session.client("lambda").get_function_configuration(
        FunctionName="greeter", Qualifier="live"
    )
    assert live["SnapStart"]["ApplyOn"] == "PublishedVersions"
    with pytest.raises(ConfigError, match="python3.12 and newer"):
        deployer.plan(make_build(runtime="python3.11"))
    with pytest.raises(LimitError, match="a /tmp of at most 512 MB, not of 1,024"):
        deployer.plan(make_build(ephemeral_storage_mb=1024))
    with pytest.raises(ConfigError, match="SnapStart and packs on S3"):
        deployer.plan(make_build(packs=PACKS))
