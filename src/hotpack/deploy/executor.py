"""Carries a plan out: the only place where a deploy changes something."""

from collections.abc import Mapping
from functools import cached_property

from hotpack.deploy import steps
from hotpack.deploy.aws import Aws, Bucket, LocalFile, StoredObject
from hotpack.deploy.facts import FunctionVersion
from hotpack.deploy.plan import Plan
from hotpack.deploy.steps import Step
from hotpack.deploy.wanted import total_bytes
from hotpack.errors import AwsError, ConflictError
from hotpack.progress import Progress


class Executor:
    """Does one step after the other, and knows what the last ones came to.

    `revision` is the function as this deploy last saw it: Lambda refuses a change from whoever saw
    another one, so that of two deploys at once one ends here, before the alias.
    """

    def __init__(
        self,
        aws: Aws,
        bucket: str | None,
        progress: Progress,
        function: FunctionVersion | None = None,
    ) -> None:
        self._aws = aws
        self._bucket_name = bucket
        self._progress = progress
        self._revision = function.revision if function else None
        self._version: str | None = None

    def execute(self, plan: Plan) -> str | None:
        """Carry the plan out; return the version that is live then, if it has to do with one.

        Raises ConflictError where somebody else changes the function at the same time.
        """
        for step in plan.steps:
            self._do(step)
        return self._version or plan.live

    def _do(self, step: Step) -> None:
        functions, roles = self._aws.functions, self._aws.roles
        match step:
            case steps.WriteRecord():
                self._bucket.put(step.key, step.content)
            case steps.Upload():
                self._upload(step)
            case steps.CreateRole():
                self._progress.log(f"create the role {step.name}")
                roles.create(step.name, step.trust, "Made by hotpack")
            case steps.PutRolePolicy():
                roles.put_policy(step.name, step.policy)
            case steps.CreateFunction():
                self._progress.log(f"create the function {step.name}")
                code = step.code.path if step.bucket is None else (step.bucket, step.code.key)
                functions.create(step.name, code, step.architecture, step.configuration, step.tags)
                self._settle(step.name)
            case steps.TagFunction():
                functions.tag(step.arn, step.tags)
                self._settle(step.name)
            case steps.UpdateCode():
                self._progress.log(f"update the code of {step.name}")
                code = step.code.path if step.bucket is None else (step.bucket, step.code.key)
                functions.update_code(step.name, code, step.architecture, self._revision)
                self._settle(step.name)
            case steps.Configure():
                self._progress.log(f"configure {step.name}")
                functions.configure(step.name, step.configuration, self._revision)
                self._settle(step.name)
            case steps.Publish():
                self._publish(step)
            case steps.CheckPacks():
                self._check(step)
            case steps.PointAlias():
                self._point(step)
            case steps.DeleteVersion():
                functions.delete_version(step.function, step.version)
            case steps.DeleteObjects():
                self._bucket.delete(step.keys)

    @cached_property
    def _bucket(self) -> Bucket:
        if self._bucket_name is None:
            raise AwsError("the plan needs a bucket, and none is named")
        return self._aws.bucket(self._bucket_name)

    def _upload(self, step: steps.Upload) -> None:
        with self._progress.task("upload", total_bytes(step.files), "bytes") as advance:
            self._bucket.upload(step.files, advance, replace=step.replace)

    def _settle(self, name: str) -> FunctionVersion:
        settled = self._aws.functions.settled(name)
        self._revision = settled.revision
        return settled

    def _publish(self, step: steps.Publish) -> None:
        """Publish what this plan made of the function; if it is something else now, do not."""
        there = self._settle(step.name)
        other = [change.setting for change in there.configuration.changes(step.configuration)]
        if there.code_sha256 != step.code_sha256:
            other.append("code")
        if other:
            raise ConflictError(
                f"another deploy is under way: {', '.join(other)} of {step.name} changed meanwhile",
                hint="nothing that is live was changed; run it again when the other one is through",
            )
        self._version = self._aws.functions.publish(
            step.name, step.code_sha256, step.description, self._revision
        )
        self._progress.log(f"published version {self._version}")
        self._aws.functions.settled(step.name, self._version)

    def _check(self, step: steps.CheckPacks) -> None:
        there = self._bucket.find_all(pack.key for pack in step.packs)
        gone = [pack for pack in step.packs if not _is_there(pack, there)]
        if gone:
            raise AwsError(
                f"{len(gone)} packs went from {self._bucket_name} while this deploy ran, e.g. "
                f"{gone[0].key}",
                hint="nothing that is live was changed; run it again",
            )

    def _point(self, step: steps.PointAlias) -> None:
        version = step.to or self._version
        if version is None:
            raise AwsError(f"the plan does not say where the alias {step.alias} is to point")
        self._version = version
        if step.before is None:
            self._aws.functions.create_alias(step.function, step.alias, version)
        else:
            self._aws.functions.move_alias(step.function, step.alias, version, step.revision)


def _is_there(file: LocalFile, there: Mapping[str, StoredObject]) -> bool:
    return file.key in there and there[file.key].size == file.size
