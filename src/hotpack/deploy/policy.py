"""What a function may do, no more: write its log, and read packs where it has some on S3."""

from typing import Any, Final

LOG_ACTIONS: Final = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]

TRUST: Final[dict[str, Any]] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
"""Lambda may run with the role."""


def function_policy(log_group_arn: str, packs_arn: str | None) -> dict[str, Any]:
    """Return the least that a function needs; `packs_arn` is for its packs on S3, if any."""
    statements: list[dict[str, Any]] = [
        {
            "Effect": "Allow",
            "Action": LOG_ACTIONS,
            "Resource": [log_group_arn, f"{log_group_arn}:*"],
        }
    ]
    if packs_arn is not None:
        statements.append({"Effect": "Allow", "Action": "s3:GetObject", "Resource": packs_arn})
    return {"Version": "2012-10-17", "Statement": statements}
