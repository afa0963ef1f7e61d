"""What is written for other tools, read by their own parsers."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import hcl2
import pytest

from hotpack.errors import ConfigError
from hotpack.export import TOOLS, Subject
from hotpack.pack import Release
from hotpack.pack.runtime import HANDLER
from hotpack.project import Project, load_project

PACK = f"hotpack/packs/ab/ab{'0' * 62}.pack"
ENVIRONMENT = {"LOG_LEVEL": "info", "TEXT": 'a "quoted": # $text'}


def make(
    root: Path,
    *,
    packs: bool = True,
    name: str = "greeter",
    bucket: str | None = "artifacts",
    runtime: str = "python3.11",
    environment: dict[str, str] | None = None,
) -> tuple[Project, Release]:
    """Return a project with a build of a few bytes."""
    folder = root / ".hotpack" / "build"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "function.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    line = f'bucket = "{bucket}"' if bucket else ""
    (root / "pyproject.toml").write_text(
        f'[tool.hotpack]\nhandler = "app.handler"\nfunction = "{name}"\n{line}\n'
    )
    document = {
        "format": 1,
        "handler": HANDLER if packs else "app.handler",
        "runtime": runtime,
        "architecture": "arm64",
        "memory_mb": 1769,
        "ephemeral_storage_mb": 600,
        "timeout_s": 30,
        "environment": ENVIRONMENT if environment is None else environment,
        "package_bytes": 100,
        "zip_bytes": 22,
        "bucket": bucket,
        "remote_packs": {PACK: "packs/x.pack"} if packs else {},
    }
    (folder / "release.json").write_text(json.dumps(document))
    del document["format"]
    return load_project(root), Release(folder=folder, **document)  # type: ignore[arg-type]


def write(tool: str, root: Path, file: str, **settings: Any) -> Path:
    """Write a tool's file, and return its path."""
    project, release = make(root, **settings)
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TOOLS[tool](Subject.of(project, release, path)))
    return path


def lint(path: Path) -> None:
    """Have cfn-lint look at a template, warnings of CDK's own habits apart."""
    program = Path(sys.executable).with_name("cfn-lint")
    arguments = ["--ignore-checks", "W3005", "--", str(path)]
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("tool", TOOLS)
def test_same_build_same_file(tool: str, tmp_path: Path) -> None:
    """A file written twice is the same."""
    assert write(tool, tmp_path, "a").read_text() == write(tool, tmp_path, "a").read_text()


@pytest.mark.parametrize("tool", ["terraform", "serverless", "cdk"])
def test_another_build_same_file(tool: str, tmp_path: Path) -> None:
    """What reads the build's settings by itself is not written again when they change."""
    before = write(tool, tmp_path, "a", runtime="python3.11").read_text()
    assert write(tool, tmp_path, "a", runtime="python3.13").read_text() == before


@pytest.mark.parametrize("tool", TOOLS)
def test_build_is_found_from_elsewhere(tool: str, tmp_path: Path) -> None:
    """A file in another folder names the build as seen from there."""
    text = write(tool, tmp_path, "infra/deep/a").read_text()
    assert "../../.hotpack/build" in text


@pytest.mark.parametrize("packs", [True, False])
@pytest.mark.parametrize("environment", [ENVIRONMENT, {}])
def test_sam(tmp_path: Path, packs: bool, environment: dict[str, str]) -> None:
    """cfn-lint takes the template; SAM's own translator makes a function, a version, an alias."""
    path = write("sam", tmp_path, "template.yaml", packs=packs, environment=environment)
    lint(path)
    resources = translate(path)
    [function] = of_type(resources, "AWS::Lambda::Function")
    assert function["MemorySize"] == 1769
    assert function["EphemeralStorage"] == {"Size": 600}
    assert function["Architectures"] == ["arm64"]
    variables = function.get("Environment", {}).get("Variables", {})
    assert variables == {**environment, **({"HOTPACK_BUCKET": "artifacts"} if packs else {})}
    [role] = of_type(resources, "AWS::IAM::Role")
    assert_minimal(role["Policies"][0]["PolicyDocument"]["Statement"], packs=packs)
    assert "ManagedPolicyArns" not in role
    [alias] = of_type(resources, "AWS::Lambda::Alias")
    assert alias["Name"] == "live"


def translate(path: Path) -> dict[str, Any]:
    """Return the resources that SAM makes of a template, as `sam validate` would."""
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator
    from samtranslator.yaml_helper import yaml_parse

    template = yaml_parse(path.read_text())
    function = template["Resources"]["Function"]["Properties"]
    function["CodeUri"] = "s3://bucket/key"  # `sam deploy` uploads it, then names it so
    session = boto3.Session(region_name="us-east-1")  # asked for its region, no more
    made = Translator({}, Parser(), boto_session=session).translate(template, {})
    resources: dict[str, Any] = made["Resources"]
    return resources


def of_type(resources: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [item["Properties"] for item in resources.values() if item["Type"] == kind]


def assert_minimal(statements: list[dict[str, Any]], *, packs: bool) -> None:
    """Assert that the function may write its log, read its packs, and no more."""
    actions = [statement["Action"] for statement in statements]
    logs = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    assert actions == ([logs, "s3:GetObject"] if packs else [logs])
    if packs:
        assert "artifacts/hotpack/packs/*" in json.dumps(statements[1]["Resource"])
    assert "log-group:/aws/lambda/greeter" in json.dumps(statements[0]["Resource"])


@pytest.mark.parametrize("name", ["greeter", "2-fast_Function"])
def test_terraform(tmp_path: Path, name: str) -> None:
    """python-hcl2 reads the file; terraform's formatter, where it is, has nothing to change."""
    path = write("terraform", tmp_path, "main.tf", name=name)
    document = hcl2.loads(path.read_text())
    kinds = [
        json.loads(kind) if kind[0] == '"' else kind for r in document["resource"] for kind in r
    ]
    assert kinds == [
        "aws_s3_object",
        "aws_iam_role",
        "aws_iam_role_policy",
        "aws_lambda_function",
        "aws_lambda_alias",
    ]
    assert f'"{name}"' in path.read_text()
    if terraform := shutil.which("terraform"):
        done = subprocess.run(
            [terraform, "fmt", "-check", "-diff", str(path)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "TF_CLI_CONFIG_FILE": "/dev/null"},
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_terraform_evaluates(tmp_path: Path) -> None:
    """What Terraform computes of the build is what `hotpack deploy` would use."""
    terraform = shutil.which("terraform")
    if terraform is None:
        pytest.skip("terraform is not here")
    path = write("terraform", tmp_path, "main.tf")
    # Only the part that needs no provider.
    text = path.read_text()
    parts = text[text.index('variable "') : text.index('data "aws_caller')]
    folder = tmp_path / "only"
    folder.mkdir()
    (folder / "main.tf").write_text(
        parts.replace("${path.module}/.hotpack", f"{tmp_path}/.hotpack")
        + 'output "environment" {\n  value = local.greeter_environment\n}\n'
        + 'output "key" {\n  value = "${substr(local.greeter_sha256, 0, 2)}"\n}\n'
    )
    environment = {**os.environ, "TF_CLI_CONFIG_FILE": "/dev/null", "CHECKPOINT_DISABLE": "1"}
    for arguments in (["init", "-input=false"], ["validate"], ["apply", "-auto-approve"]):
        done = subprocess.run(
            [terraform, *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    done = subprocess.run(
        [terraform, "output", "-json"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    values = json.loads(done.stdout)
    assert values["environment"]["value"] == {**ENVIRONMENT, "HOTPACK_BUCKET": "artifacts"}
    zip_sha256 = hashlib.sha256((tmp_path / ".hotpack/build/function.zip").read_bytes())
    assert values["key"]["value"] == zip_sha256.hexdigest()[:2]


def test_terraform_needs_a_bucket(tmp_path: Path) -> None:
    """Terraform sends the code through a bucket: without one there is an error."""
    with pytest.raises(ConfigError, match="no|none is named"):
        write("terraform", tmp_path, "main.tf", packs=False, bucket=None)


CDK_APP = """\
import sys
from aws_cdk import App, Stack
from greeter_cdk import Greeter

app = App(outdir=sys.argv[1])
Greeter(Stack(app, "Stack"), "Greeter")
app.synth()
"""


@pytest.mark.heavy
def test_cdk(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The construct synthesises with the real aws-cdk-lib, and cfn-lint takes it."""
    if shutil.which("node") is None:
        pytest.skip("CDK needs Node.js")
    from uv import find_uv_bin

    venv = tmp_path_factory.mktemp("cdk")
    python = venv / "bin" / "python"
    for arguments in (
        ["venv", "--quiet", "--python", sys.executable, "--clear", str(venv)],
        ["pip", "install", "--quiet", "--python", str(python), "aws-cdk-lib>=2.170"],
    ):
        subprocess.run([find_uv_bin(), *arguments], check=True)
    write("cdk", tmp_path, "greeter_cdk.py")
    (tmp_path / "app.py").write_text(CDK_APP)
    outs = [tmp_path / "out-1", tmp_path / "out-2"]
    for out in outs:
        subprocess.run(
            [python, "app.py", str(out)],
            cwd=tmp_path,
            check=True,
            env={**os.environ, "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1"},
        )
    one, other = (out / "Stack.template.json" for out in outs)
    assert one.read_bytes() == other.read_bytes()
    lint(one)
    resources = json.loads(one.read_text())["Resources"]
    [function] = of_type(resources, "AWS::Lambda::Function")
    assert function["Handler"] == HANDLER
    assert function["MemorySize"] == 1769
    assert function["EphemeralStorage"] == {"Size": 600}
    assert function["Environment"]["Variables"] == {**ENVIRONMENT, "HOTPACK_BUCKET": "artifacts"}
    [role] = of_type(resources, "AWS::IAM::Role")
    assert_minimal(role["Policies"][0]["PolicyDocument"]["Statement"], packs=True)
    # CDK uploads the zip as it is, so Lambda knows it by the digest that hotpack's record has.
    [asset] = outs[0].glob("asset.*.zip")
    assert asset.read_bytes() == (tmp_path / ".hotpack/build/function.zip").read_bytes()


@pytest.mark.skipif("HOTPACK_TRY_NPM" not in os.environ, reason="set HOTPACK_TRY_NPM to try it")
@pytest.mark.parametrize("packs", [True, False])
def test_serverless(tmp_path: Path, packs: bool) -> None:
    """`serverless package` of npm's serverless 3 makes the CloudFormation that is meant."""
    write("serverless", tmp_path, "serverless.yml", packs=packs)
    npx = ["npx", "--yes", "--package", "serverless@3.40.0", "serverless", "package"]
    credentials = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
    environment = {**os.environ, "AWS_REGION": "us-east-1", **credentials}
    subprocess.run(npx, cwd=tmp_path, check=True, env=environment)
    path = tmp_path / ".serverless" / "cloudformation-template-update-stack.json"
    resources = json.loads(path.read_text())["Resources"]
    [function] = of_type(resources, "AWS::Lambda::Function")
    assert function["Handler"] == (HANDLER if packs else "app.handler")
    assert function["MemorySize"] == 1769
    assert function["EphemeralStorage"] == {"Size": 600}
    assert function["Architectures"] == ["arm64"]
    expected = {**ENVIRONMENT, **({"HOTPACK_BUCKET": "artifacts"} if packs else {})}
    assert function["Environment"]["Variables"] == expected
    [role] = of_type(resources, "AWS::IAM::Role")
    statements = role["Policies"][0]["PolicyDocument"]["Statement"]
    assert any("s3:GetObject" in statement["Action"] for statement in statements) is packs
    [version] = of_type(resources, "AWS::Lambda::Version")
    zip_sha256 = hashlib.sha256((tmp_path / ".hotpack/build/function.zip").read_bytes())
    assert version["CodeSha256"] == base64.b64encode(zip_sha256.digest()).decode()


def test_serverless_reads_the_build(tmp_path: Path) -> None:
    """The file is YAML, and takes settings from the build."""
    from samtranslator.yaml_helper import yaml_parse

    document = yaml_parse(write("serverless", tmp_path, "serverless.yml").read_text())
    function = document["functions"]["greeter"]
    assert function["handler"] == "${self:custom.release.handler}"
    assert set(function["environment"]) == {"LOG_LEVEL", "TEXT", "HOTPACK_BUCKET"}
    [statement] = document["provider"]["iam"]["role"]["statements"]
    assert statement["Action"] == "s3:GetObject"
