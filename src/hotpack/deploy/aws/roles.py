"""Roles, as IAM has them."""

import json
from collections.abc import Mapping
from typing import Any, Final

from hotpack.deploy.aws.refusals import refusals

POLICY_NAME: Final = "hotpack"
"""Of the one policy that hotpack writes into a role that it makes."""


class Roles:
    """IAM, as far as a function's role goes."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def exists(self, name: str) -> bool:
        """Return whether there is such a role."""
        with refusals(f"look at the role {name}"):
            try:
                self._client.get_role(RoleName=name)
            except self._client.exceptions.NoSuchEntityException:
                return False
        return True

    def policy(self, name: str) -> Mapping[str, Any] | None:
        """Return the policy that hotpack wrote into a role; None where there is none."""
        with refusals(f"look at the policy of the role {name}"):
            try:
                answer = self._client.get_role_policy(RoleName=name, PolicyName=POLICY_NAME)
            except self._client.exceptions.NoSuchEntityException:
                return None
        document: Mapping[str, Any] = answer["PolicyDocument"]
        return document

    def create(self, name: str, trust: Mapping[str, Any], description: str) -> None:
        """Make a role, unless it was made meanwhile."""
        with refusals(f"create the role {name}"):
            try:
                self._client.create_role(
                    RoleName=name,
                    AssumeRolePolicyDocument=json.dumps(trust),
                    Description=description,
                )
            except self._client.exceptions.EntityAlreadyExistsException:
                return

    def put_policy(self, name: str, policy: Mapping[str, Any]) -> None:
        """Write hotpack's policy into a role."""
        with refusals(f"write the policy of the role {name}"):
            self._client.put_role_policy(
                RoleName=name, PolicyName=POLICY_NAME, PolicyDocument=json.dumps(policy)
            )
