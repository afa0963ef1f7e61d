"""Who we are on AWS, and where."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from hotpack.deploy.aws.bucket import Bucket
from hotpack.deploy.aws.copies import Copies
from hotpack.deploy.aws.functions import Functions
from hotpack.deploy.aws.refusals import refusals
from hotpack.deploy.aws.roles import Roles
from hotpack.errors import AwsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import boto3

_TRIES: Final = 6
"""Of a call that AWS throttles or that breaks on the way, with botocore's own backoff."""

_READ_TIMEOUT_S: Final = 910
"""Of Lambda: an invocation may take 900 s, and answers only then."""


@dataclass(frozen=True, slots=True)
class Aws:
    """An account in a region, and what hotpack does there."""

    account: str
    partition: str
    """`aws`, or what stands in its place in China and for governments."""

    region: str
    functions: Functions
    copies: Copies
    roles: Roles
    _client: Callable[..., Any]

    def bucket(self, name: str) -> Bucket:
        """Return a bucket of this account, which may not be there."""
        return Bucket(self._client, name, self.account)


def open_session(region: str | None, profile: str | None) -> "boto3.Session":
    """Return a session as the AWS CLI would: credentials, profile and region by boto3's chain.

    Raises AwsError where boto3 is not installed, or has no such profile.
    """
    try:
        import boto3
        from botocore.exceptions import ProfileNotFound
    except ImportError:
        raise AwsError(
            "boto3 is not installed, and hotpack talks to AWS through it",
            hint="install hotpack with its extra: pip install '/path/to/hotpack[deploy]'",
        ) from None
    try:
        # boto3 itself knows AWS_DEFAULT_REGION alone; the AWS CLI 2 takes this one before it.
        region = region or os.environ.get("AWS_REGION") or None
        return boto3.Session(region_name=region, profile_name=profile)
    except ProfileNotFound:
        raise AwsError(
            f"there is no profile {profile!r} for AWS",
            hint="`aws configure list-profiles` shows which there are",
        ) from None


def connect(session: "boto3.Session", sleep: Callable[[float], None] = time.sleep) -> Aws:
    """Return the account and the region that a session leads to.

    Raises AwsError where there is no region, no credentials, or AWS does not know them.
    """
    from botocore.config import Config

    if session.region_name is None:
        raise AwsError(
            "no region is set",
            hint="name it with --region, in [tool.hotpack], AWS_REGION or `aws configure`",
        )
    config = Config(
        retries={"mode": "standard", "total_max_attempts": _TRIES},
        user_agent_extra="hotpack",
    )

    def client(service: str, **settings: object) -> Any:
        return session.client(service, config=config.merge(Config(**settings)))

    with refusals("say whose credentials these are"):
        caller = client("sts").get_caller_identity()
    functions = client("lambda", read_timeout=_READ_TIMEOUT_S)
    return Aws(
        account=caller["Account"],
        partition=caller["Arn"].split(":")[1],
        region=session.region_name,
        functions=Functions(functions, sleep),
        copies=Copies(functions),
        roles=Roles(client("iam")),
        _client=client,
    )
