"""Fills in a file for each tool. The files themselves are in `templates`, in their own language."""

import json
from importlib.resources import files
from string import Template
from typing import Final

from hotpack.deploy.keys import PACKS
from hotpack.deploy.policy import LOG_ACTIONS
from hotpack.deploy.wanted import BUCKET_VARIABLE
from hotpack.errors import ConfigError
from hotpack.export.subject import Subject

_SETTINGS: Final = (
    "handler", "runtime", "architecture", "memory_mb", "ephemeral_storage_mb", "timeout_s",
)  # fmt: skip


class _Template(Template):
    """Placeholders are @{name}: the tools' own are ${name}."""

    delimiter = "@"


def terraform(subject: Subject) -> str:
    """Return a file for Terraform."""
    return _fill(
        "terraform.tf",
        name=subject.identifier,
        function=subject.function,
        alias=subject.alias,
        bucket=json.dumps(_bucket(subject, "Terraform sends the code")),
        build=subject.build,
        role_prefix=json.dumps(f"hotpack-{subject.function}"[:37] + "-"),
        log_actions=json.dumps(LOG_ACTIONS),
        packs=f"{PACKS}*",
    )


def sam(subject: Subject) -> str:
    """Return a template for AWS SAM."""
    release = subject.release
    environment = {**release.environment, **_bucket_variable(subject)}
    packs = [
        "              - Effect: Allow",
        "                Action: s3:GetObject",
        f'                Resource: !Sub "arn:${{AWS::Partition}}:s3:::{subject.bucket}/{PACKS}*"',
    ]
    variables = [
        f"          {name}: {json.dumps(environment[name])}" for name in sorted(environment)
    ]
    return _fill(
        "sam.yaml",
        file=subject.file,
        function=subject.function,
        alias=subject.alias,
        build=subject.build,
        **{name: str(getattr(release, name)) for name in _SETTINGS},
        log_actions=json.dumps(LOG_ACTIONS),
        packs_statement=_lines(packs if release.remote_packs else []),
        environment=_lines(
            ["      Environment:", "        Variables:", *variables] if variables else []
        ),
    )


def serverless(subject: Subject) -> str:
    """Return a file for Serverless Framework 3."""
    packs = [
        "  iam:",
        "    role:",
        "      statements:",
        "        - Effect: Allow",
        "          Action: s3:GetObject",
        f'          Resource: !Sub "arn:${{AWS::Partition}}:s3:::{subject.bucket}/{PACKS}*"',
    ]
    variables = [
        f"      {name}: {json.dumps(value)}" for name, value in _bucket_variable(subject).items()
    ]
    own = [
        f"      {name}: ${{self:custom.release.environment.{name}}}"
        for name in sorted(subject.release.environment)
    ]
    environment = [*own, *variables]
    return (
        _fill(
            "serverless.yml",
            service=subject.function.replace("_", "-"),
            key=subject.identifier,
            region=subject.region or "${opt:region, env:AWS_REGION}",
            function=subject.function,
            build=subject.build,
            statements=_lines(packs if subject.release.remote_packs else []),
            environment=_lines(["    environment:", *environment] if environment else []).rstrip(),
        ).rstrip()
        + "\n"
    )


def cdk(subject: Subject) -> str:
    """Return a construct for AWS CDK in Python."""
    return _fill(
        "cdk.py",
        **{"class": subject.words},
        function=subject.function,
        alias=subject.alias,
        build=subject.build,
        bucket="None" if subject.bucket is None else json.dumps(subject.bucket),
        log_actions=json.dumps(LOG_ACTIONS),
        packs=f"{PACKS}*",
    )


TOOLS: Final = {"terraform": terraform, "sam": sam, "serverless": serverless, "cdk": cdk}


def _fill(template: str, /, **values: str) -> str:
    text = files("hotpack.export").joinpath(f"templates/{template}.template").read_text("utf-8")
    return _Template(text).substitute(values)


def _bucket(subject: Subject, why: str) -> str:
    if subject.bucket is None:
        raise ConfigError(
            f"{why} through a bucket, and none is named", hint="set bucket in [tool.hotpack]"
        )
    return subject.bucket


def _bucket_variable(subject: Subject) -> dict[str, str]:
    if not subject.release.remote_packs:
        return {}
    return {BUCKET_VARIABLE: _bucket(subject, "packs are read")}


def _lines(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
