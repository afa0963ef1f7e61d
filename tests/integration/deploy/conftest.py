"""moto's server, sessions that lead to it, and small builds to deploy."""

import hashlib
import io
import json
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.loaders import create_loader

from hotpack.deploy import Aws, Executor, Observed, Plan, Wanted, connect, observe, plan_deploy
from hotpack.deploy import wanted_of as wanted_of_build
from hotpack.pack import Release
from hotpack.pack.runtime import HANDLER
from hotpack.progress import Silent
from hotpack.project import Project, load_project

REGION = "us-east-1"
BUCKET = "artifacts"
ACCOUNT = "123456789012"


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a moto server in a process of its own."""
    program = [sys.executable, str(Path(__file__).with_name("moto_server.py"))]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        yield process.stdout.readline().decode().strip()
        process.terminate()


@pytest.fixture
def aws_environment(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty account behind AWS_ENDPOINT_URL, and nothing of this machine's own settings."""
    for name, value in {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_CONFIG_FILE": str(tmp_path / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "no-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    urllib.request.urlopen(f"{server}/moto-api/reset", data=b"", timeout=10).close()
    requests_of(server)
    return server


@pytest.fixture
def session(aws_environment: str) -> boto3.Session:
    return new_session()


_LOADER = create_loader()


def new_session() -> boto3.Session:
    """Return a session with hooks of its own; all share what was read of botocore's models."""
    core = botocore.session.Session()
    core.register_component("data_loader", _LOADER)
    return boto3.Session(region_name=REGION, botocore_session=core)


@pytest.fixture
def bucket(session: boto3.Session) -> str:
    session.client("s3").create_bucket(Bucket=BUCKET)
    return BUCKET


def requests_of(server: str) -> list[str]:
    """Return what was asked of the server since this was last called."""
    with urllib.request.urlopen(f"{server}/log", timeout=10) as answer:
        requests: list[str] = json.load(answer)
    return requests


def refuse(
    session: boto3.Session,
    operation: str,
    status: int,
    code: str,
    message: str,
    times: int = 1,
    holding: bytes = b"",
) -> None:
    """Have a service answer the next calls of an operation, e.g. `lambda.Invoke`, with an error.

    Only calls that hold some bytes, if any are named.
    """
    left = [times]
    service = operation.partition(".")[0]
    if service == "lambda":
        headers = {"x-amzn-ErrorType": code, "Content-Type": "application/json"}
        body = json.dumps({"Type": "User", "message": message, "Message": message}).encode()
    else:
        error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        headers = {"Content-Type": "application/xml"}
        body = (error if service == "s3" else f"<ErrorResponse>{error}</ErrorResponse>").encode()

    def answer(request: Any, **_: object) -> AWSResponse | None:
        if not left[0] or (holding and holding not in request.body):
            return None
        left[0] -= 1
        return AWSResponse(request.url, status, headers, _Raw(body))

    session.events.register(f"before-send.{operation}", answer)


class _Raw(io.BytesIO):
    """A body as urllib3 has it."""

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self.read()


MakeBuild = Callable[..., Release]


@pytest.fixture
def make_build(tmp_path: Path) -> MakeBuild:
    """Make a build of a few bytes: code, and packs by the name of what they hold."""
    numbers = iter(range(1000))

    def make(
        code: str = "v1", packs: Mapping[str, bytes] | None = None, **settings: Any
    ) -> Release:
        packs = packs or {}
        folder = tmp_path / f"build-{next(numbers)}"
        (folder / "packs").mkdir(parents=True)
        names = {holds: hashlib.sha256(content).hexdigest() for holds, content in packs.items()}
        for holds, content in packs.items():
            (folder / "packs" / f"{names[holds]}.pack").write_bytes(content)
        keys = {holds: f"hotpack/packs/{name[:2]}/{name}.pack" for holds, name in names.items()}
        manifest = json.dumps(
            {
                "packs": [
                    {"name": names[h], "size": len(packs[h]), "key": keys[h], "holds": [h]}
                    for h in sorted(packs)
                ]
            }
        )
        with zipfile.ZipFile(folder / "function.zip", "w") as archive:
            archive.writestr(zipfile.ZipInfo("app.py"), code)
            if packs:
                archive.writestr(zipfile.ZipInfo("hotpack_runtime/manifest.json"), manifest)
        (folder / "manifest.json").write_text(manifest)
        release = Release(
            folder=folder,
            handler=HANDLER if packs else "app.handler",
            runtime="python3.13",
            architecture="x86_64",
            memory_mb=512,
            ephemeral_storage_mb=512,
            timeout_s=30,
            environment={"MODE": "test"},
            package_bytes=1000,
            zip_bytes=(folder / "function.zip").stat().st_size,
            bucket=BUCKET if packs else None,
            remote_packs={keys[h]: f"packs/{names[h]}.pack" for h in sorted(packs)},
        )
        (folder / "release.json").write_text("{}")
        return replace(release, **settings)

    return make


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "project")


def make_project(root: Path, table: str = f'bucket = "{BUCKET}"') -> Project:
    root.mkdir(exist_ok=True)
    (root / "pyproject.toml").write_text(
        '[project]\nname = "greeter"\nversion = "1.2"\n'
        f'[tool.hotpack]\nhandler = "app.handler"\n{table}\n'
    )
    return load_project(root)


class Deployer:
    """Deploys as the command does, a new look at AWS each time."""

    def __init__(self, session: boto3.Session, project: Project) -> None:
        self.session = session
        self.project = project
        self.slept: list[float] = []

    @property
    def aws(self) -> Aws:
        return connect(self.session, self.slept.append)

    def plan(self, release: Release, *, adopt: bool = False) -> tuple[Wanted, Observed, Plan]:
        wanted = wanted_of_build(self.project, release)
        observed = observe(self.aws, wanted, Silent(), create_role=True)
        return wanted, observed, plan_deploy(wanted, observed, adopt=adopt)

    def executor(self, wanted: Wanted, observed: Observed) -> Executor:
        return Executor(self.aws, wanted.bucket, Silent(), observed.function)

    def deploy(self, release: Release, *, adopt: bool = False) -> str | None:
        wanted, observed, plan = self.plan(release, adopt=adopt)
        return self.executor(wanted, observed).execute(plan)


@pytest.fixture
def deployer(session: boto3.Session, bucket: str, project: Project) -> Deployer:
    return Deployer(session, project)


def state_of(session: boto3.Session) -> dict[str, Any]:
    """Return all that a deploy may have changed, without times and revisions."""
    s3, functions = session.client("s3"), session.client("lambda")
    iam = session.client("iam")
    noise = ("LastModified", "RevisionId", "CodeSigningConfigArn")

    def clean(document: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in document.items() if key not in noise}

    names = [item["FunctionName"] for item in functions.list_functions()["Functions"]]
    return {
        "objects": [
            (item["Key"], item["Size"])
            for name in s3.list_buckets()["Buckets"]
            for item in s3.list_objects_v2(Bucket=name["Name"]).get("Contents", ())
        ],
        "roles": {
            role["RoleName"]: iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
            for role in iam.list_roles()["Roles"]
        },
        "versions": [
            clean(version)
            for name in names
            for version in functions.list_versions_by_function(FunctionName=name)["Versions"]
        ],
        "aliases": [
            clean(alias)
            for name in names
            for alias in functions.list_aliases(FunctionName=name)["Aliases"]
        ],
        "tags": [functions.get_function(FunctionName=name).get("Tags") for name in names],
    }
