"""Functions, their versions and aliases, as Lambda has them."""

import base64
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from hotpack.deploy.aws.refusals import code_of, refusals, words_of
from hotpack.deploy.facts import LATEST, AccountLimits, Alias, Configuration, FunctionVersion
from hotpack.errors import AwsError

_POLL_S: Final = 1.0
_PATIENCE_S: Final = 900.0
"""A SnapStart version is ready only when its init has run, which may take minutes."""

_ROLE_TRIES: Final = 20
_ROLE_PAUSE_S: Final = 3.0
"""IAM tells a new role to Lambda within seconds, usually; a minute is seen."""

S3Place = tuple[str, str]
"""Bucket and key."""


class Functions:
    """Lambda, as far as functions go."""

    def __init__(self, client: Any, sleep: Callable[[float], None]) -> None:
        self._client = client
        self._sleep = sleep

    def limits(self) -> AccountLimits:
        """Return what the account may have in this region."""
        with refusals("say what this account may have on Lambda"):
            answer = self._client.get_account_settings()
        limit, usage = answer["AccountLimit"], answer["AccountUsage"]
        return AccountLimits(
            unzipped_bytes=limit["CodeSizeUnzipped"],
            direct_upload_bytes=limit["CodeSizeZipped"],
            code_storage_bytes=limit["TotalCodeSize"],
            code_stored_bytes=usage["TotalCodeSize"],
            concurrency=limit["ConcurrentExecutions"],
        )

    def find(self, name: str, qualifier: str | None = None) -> FunctionVersion | None:
        """Return a function, or a version or what an alias leads to, when nothing changes any more.

        What an interrupted deploy began is waited for; if it failed, the next one mends it.
        """
        return self._wait(name, qualifier, refuse_failure=False)

    def settled(self, name: str, version: str | None = None) -> FunctionVersion:
        """Wait until Lambda has done what it was told, and return the function, or the version.

        Raises AwsError where Lambda says that it failed, or does not end.
        """
        found = self._wait(name, version, refuse_failure=True)
        if found is None:
            raise AwsError(f"the function {name} has gone", hint="see `hotpack status`")
        return found

    def _wait(
        self, name: str, version: str | None, *, refuse_failure: bool
    ) -> FunctionVersion | None:
        waited_s = 0.0
        what = f"{name}:{version}" if version else name
        while True:
            answer = self._get(name, version)
            if answer is None:
                return None
            document = answer["Configuration"]
            if refuse_failure:
                _refuse_failure(what, document)
            states = (document.get("State"), document.get("LastUpdateStatus"))
            if "Pending" not in states and "InProgress" not in states:
                tags = None if "TagsError" in answer else answer.get("Tags", {})
                return version_of(document, tags)
            if waited_s >= _PATIENCE_S:
                raise AwsError(
                    f"Lambda has not got {what} ready within {_PATIENCE_S:.0f} s",
                    hint="run it again later: it goes on where it stopped",
                )
            self._sleep(_POLL_S)
            waited_s += _POLL_S

    def versions(self, name: str) -> list[FunctionVersion]:
        """Return the published versions, newest first."""
        with refusals(f"list the versions of {name}"):
            pages = self._client.get_paginator("list_versions_by_function")
            found = [
                version_of(item)
                for page in pages.paginate(FunctionName=name)
                for item in page["Versions"]
                if item["Version"] != LATEST
            ]
        return sorted(found, key=lambda item: item.number, reverse=True)

    def every_version(self) -> Iterator[FunctionVersion]:
        """Return all versions of all functions of the account in the region, LATEST too."""
        with refusals("list the functions of this account"):
            pages = self._client.get_paginator("list_functions")
            for page in pages.paginate(FunctionVersion="ALL"):
                for item in page["Functions"]:
                    if item.get("PackageType", "Zip") == "Zip":
                        yield version_of(item)

    def aliases(self, name: str) -> list[Alias]:
        """Return the aliases of a function."""
        with refusals(f"list the aliases of {name}"):
            pages = self._client.get_paginator("list_aliases")
            return [
                Alias(
                    item["Name"],
                    item["FunctionVersion"],
                    item.get("RevisionId"),
                    (item.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {},
                )
                for page in pages.paginate(FunctionName=name)
                for item in page["Aliases"]
            ]

    def code_url(self, name: str, version: str) -> str:
        """Return where the zip of a version can be read, for ten minutes."""
        answer = self._get(name, version)
        if answer is None:
            raise AwsError(f"the function {name}:{version} has gone")
        return str(answer["Code"]["Location"])

    def create(
        self,
        name: str,
        code: Path | S3Place,
        architecture: str,
        configuration: Configuration,
        tags: Mapping[str, str],
    ) -> None:
        """Make a function; tries again while Lambda does not know a new role yet."""
        from botocore.exceptions import ClientError

        for tries in range(1, _ROLE_TRIES + 1):
            with refusals(f"create the function {name}"):
                try:
                    self._client.create_function(
                        FunctionName=name,
                        PackageType="Zip",
                        Code=code_argument(code),
                        Architectures=[architecture],
                        Tags=dict(tags),
                        **settings_of(configuration),
                    )
                except ClientError as error:
                    if not _role_is_new(error) or tries == _ROLE_TRIES:
                        raise
                else:
                    return
            self._sleep(_ROLE_PAUSE_S)

    def update_code(
        self, name: str, code: Path | S3Place, architecture: str, revision: str | None
    ) -> None:
        """Give a function other code."""
        with refusals(f"update the code of {name}"):
            self._client.update_function_code(
                FunctionName=name,
                Architectures=[architecture],
                **code_argument(code),
                **_seen(revision),
            )

    def configure(self, name: str, configuration: Configuration, revision: str | None) -> None:
        """Give a function other settings; tries again while Lambda does not know a new role."""
        from botocore.exceptions import ClientError

        for tries in range(1, _ROLE_TRIES + 1):
            with refusals(f"configure {name}"):
                try:
                    self._client.update_function_configuration(
                        FunctionName=name, **settings_of(configuration), **_seen(revision)
                    )
                except ClientError as error:
                    if not _role_is_new(error) or tries == _ROLE_TRIES:
                        raise
                else:
                    return
            self._sleep(_ROLE_PAUSE_S)

    def tag(self, arn: str, tags: Mapping[str, str]) -> None:
        """Add tags to a function."""
        with refusals(f"tag {arn}"):
            self._client.tag_resource(Resource=arn, Tags=dict(tags))

    def publish(self, name: str, code_sha256: str, description: str, revision: str | None) -> str:
        """Publish the function as it is, if it still has that code; return the version."""
        digest = base64.b64encode(bytes.fromhex(code_sha256)).decode()
        with refusals(f"publish a version of {name}"):
            answer = self._client.publish_version(
                FunctionName=name, CodeSha256=digest, Description=description, **_seen(revision)
            )
        return str(answer["Version"])

    def create_alias(self, name: str, alias: str, version: str) -> None:
        """Make an alias."""
        with refusals(f"create the alias {alias} of {name}"):
            self._client.create_alias(FunctionName=name, Name=alias, FunctionVersion=version)

    def move_alias(self, name: str, alias: str, version: str, revision: str | None) -> None:
        """Point an alias at a version, and at no other."""
        with refusals(f"move the alias {alias} of {name}"):
            self._client.update_alias(
                FunctionName=name,
                Name=alias,
                FunctionVersion=version,
                RoutingConfig={"AdditionalVersionWeights": {}},
                **_seen(revision),
            )

    def delete_version(self, name: str, version: str) -> None:
        """Delete a published version."""
        with refusals(f"delete {name}:{version}"):
            self._client.delete_function(FunctionName=name, Qualifier=version)

    def invoke(self, name: str, qualifier: str, payload: bytes) -> Mapping[str, Any]:
        """Return Lambda's answer to an event, with the end of the log; `Payload` as bytes."""
        with refusals(f"invoke {name}:{qualifier}"):
            answer = self._client.invoke(
                FunctionName=name, Qualifier=qualifier, Payload=payload, LogType="Tail"
            )
            return {**answer, "Payload": answer["Payload"].read()}

    def _get(self, name: str, version: str | None = None) -> dict[str, Any] | None:
        qualifier = {"Qualifier": version} if version else {}
        with refusals(f"look at the function {name}"):
            try:
                answer: dict[str, Any] = self._client.get_function(FunctionName=name, **qualifier)
            except self._client.exceptions.ResourceNotFoundException:
                return None
        if answer["Configuration"].get("PackageType", "Zip") != "Zip":
            raise AwsError(
                f"the function {name} is a container image, which cannot become a zip function",
                hint="choose another name: function in [tool.hotpack]",
            )
        return answer


def _refuse_failure(what: str, document: Mapping[str, Any]) -> None:
    for status, reason in (
        ("State", "StateReason"),
        ("LastUpdateStatus", "LastUpdateStatusReason"),
    ):
        if document.get(status) == "Failed":
            raise AwsError(
                f"Lambda could not get {what} ready: {document.get(reason)} "
                f"({document.get(f'{reason}Code')})"
            )


def _role_is_new(error: Any) -> bool:
    return code_of(error) == "InvalidParameterValueException" and "assumed" in words_of(error)


def _seen(revision: str | None) -> dict[str, str]:
    return {} if revision is None else {"RevisionId": revision}


def code_argument(code: Path | bytes | S3Place) -> dict[str, Any]:
    """Return where Lambda is to take a function's zip from."""
    if isinstance(code, bytes):
        return {"ZipFile": code}
    if isinstance(code, Path):
        return {"ZipFile": code.read_bytes()}
    bucket, key = code
    return {"S3Bucket": bucket, "S3Key": key}


def settings_of(configuration: Configuration) -> dict[str, Any]:
    """Return settings as Lambda takes them."""
    return {
        "Handler": configuration.handler,
        "Runtime": configuration.runtime,
        "Role": configuration.role,
        "MemorySize": configuration.memory_mb,
        "EphemeralStorage": {"Size": configuration.ephemeral_storage_mb},
        "Timeout": configuration.timeout_s,
        "Environment": {"Variables": dict(configuration.environment)},
        "SnapStart": {"ApplyOn": "PublishedVersions" if configuration.snap_start else "None"},
    }


def version_of(
    document: Mapping[str, Any], tags: Mapping[str, str] | None = None
) -> FunctionVersion:
    """Return a function, or a version of it, as Lambda describes it."""
    return FunctionVersion(
        function=document["FunctionName"],
        version=document["Version"],
        arn=document["FunctionArn"],
        code_sha256=base64.b64decode(document["CodeSha256"]).hex(),
        code_bytes=document["CodeSize"],
        architecture="arm64" if "arm64" in document.get("Architectures", ()) else "x86_64",
        configuration=Configuration(
            handler=document.get("Handler", ""),
            runtime=document.get("Runtime", ""),
            memory_mb=document["MemorySize"],
            ephemeral_storage_mb=document.get("EphemeralStorage", {}).get("Size", 512),
            timeout_s=document["Timeout"],
            role=document["Role"],
            snap_start=document.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions",
            environment=document.get("Environment", {}).get("Variables", {}),
        ),
        description=document.get("Description", ""),
        modified=document["LastModified"],
        revision=document.get("RevisionId"),
        tags=tags,
    )
