"""What a function logged of its invocations, as CloudWatch Logs has it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from hotpack.deploy.aws.refusals import refusals
from hotpack.errors import AwsError

if TYPE_CHECKING:
    import boto3

_PATTERN: Final = (
    '?"REPORT RequestId" ?INIT_REPORT ?"Task timed out" ?"platform.report" ?"platform.initReport"'
)
"""Any of these words: CloudWatch leaves out the rest, which may be nearly all of a log."""

_TRIES: Final = 10
"""CloudWatch allows few requests a second, for all of the account."""


def log_events(
    session: "boto3.Session", group: str, since_s: float, until_s: float
) -> Iterator[tuple[float, str]]:
    """Yield when and what was logged between two times, in seconds since 1970.

    Only what tells of invocations, a page at a time.

    Raises AwsError where there is no region, no such log group, or no permission.
    """
    from botocore.config import Config

    if session.region_name is None:
        raise AwsError(
            "no region is set", hint="name it with --region, AWS_REGION or `aws configure`"
        )
    config = Config(
        retries={"mode": "standard", "total_max_attempts": _TRIES}, user_agent_extra="hotpack"
    )
    with refusals(f"show the log {group}"):
        pages = session.client("logs", config=config).get_paginator("filter_log_events")
        for page in pages.paginate(
            logGroupName=group,
            startTime=int(since_s * 1000),
            endTime=int(until_s * 1000),
            filterPattern=_PATTERN,
        ):
            for event in page["events"]:
                yield event["timestamp"] / 1000, event["message"]
