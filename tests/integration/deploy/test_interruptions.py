"""A deploy that is stopped anywhere, and run again."""

import urllib.request
from typing import Any

import boto3
import pytest

from hotpack.project import Project

from .conftest import Deployer, MakeBuild, new_session, requests_of, state_of

PACKS = {"numpy": b"n" * 1000, "scipy": b"s" * 2000}


class ProcessEndedError(Exception):
    """The process ended here."""


class Stop:
    """Ends a session's process at its n-th request that changes something."""

    def __init__(self, session: boto3.Session, number: int, *, answered: bool) -> None:
        self.left = number
        self.is_due = False
        when = "response-received" if answered else "before-send"
        for service in ("s3", "lambda", "iam"):
            session.events.register(f"before-send.{service}", self.count)
            session.events.register(f"{when}.{service}", self.stop)

    def count(self, request: Any, **_: object) -> None:
        reads = request.method in {"GET", "HEAD"} or "Action=Get" in str(request.body)
        if not reads:
            self.left -= 1
            self.is_due = self.left < 0

    def stop(self, **_: object) -> None:
        if self.is_due:
            raise ProcessEndedError


def empty(server: str) -> None:
    urllib.request.urlopen(f"{server}/moto-api/reset", data=b"", timeout=10).close()
    new_session().client("s3").create_bucket(Bucket="artifacts")
    requests_of(server)


@pytest.mark.parametrize("answered", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("is_first", [True, False], ids=["first", "next"])
def test_stopped_anywhere_and_run_again(
    aws_environment: str, make_build: MakeBuild, project: Project, answered: bool, is_first: bool
) -> None:
    """ProcessEndedError before or after any request and run again, a deploy ends in the same state.

    Whatever it is stopped at but the last, callers see what was live before.
    """
    old, new = make_build("old", {"numpy": b"o" * 500}), make_build("new", PACKS, memory_mb=777)

    def prepare() -> None:
        empty(aws_environment)
        if not is_first:
            Deployer(new_session(), project).deploy(old)

    prepare()
    session = new_session()
    Deployer(session, project).deploy(new)
    expected = state_of(session)
    seen: list[list[str]] = []
    for number in range(100):
        prepare()
        stopping = new_session()
        Stop(stopping, number, answered=answered)
        try:
            Deployer(stopping, project).deploy(new)
        except ProcessEndedError:
            is_through = False
        else:
            is_through = True
        again = new_session()
        live_then = [alias["FunctionVersion"] for alias in state_of(again)["aliases"]]
        Deployer(again, project).deploy(new)
        assert state_of(again) == expected, f"stopped at {number}"
        if is_through:
            break
        seen.append(live_then)
    before, after = ([], ["1"]) if is_first else (["1"], ["2"])
    # The alias is the last thing to change: only when its answer is lost is it moved already.
    last = after if answered else before
    assert seen == [before] * (len(seen) - 1) + [last]
    assert len(seen) >= 6
