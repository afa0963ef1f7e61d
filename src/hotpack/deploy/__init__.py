"""Puts releases on AWS, says what is live, goes back, and clears away.

The plan is data, one module is the door:

    Project, Release ─▶ Wanted ─┐
                                ├─▶ Plan (frozen steps) ─▶ Executor ─▶ AWS
    AWS ─▶ Observed ────────────┘        └─▶ report: --dry-run shows the same plan

- `wanted`, `observed`, `facts` say what should be and what is, in the same words.
- `plan`, `rollback` and `collect` decide; they call nothing. `steps` is what they decide with.
- `executor` does the steps. `aws` is the only door: no other module knows boto3.

The downside: what changed between looking and doing is not seen by the plan. So every step is safe
against that by itself: nothing is overwritten, and Lambda is told which revision was looked at.

A **release** is a published version of the function and the packs that its code names. The packs
and the zip are in the bucket under keys that their content decides, so that nothing is ever
overwritten and an old version has what it had. Layers are not used: they count against the same
limit as the function.
"""

from hotpack.deploy.aws import Aws, connect, open_session
from hotpack.deploy.executor import Executor
from hotpack.deploy.observed import Observed, observe
from hotpack.deploy.plan import Plan, plan_deploy, plan_upload
from hotpack.deploy.wanted import Wanted, wanted_of

__all__ = [
    "Aws",
    "Executor",
    "Observed",
    "Plan",
    "Wanted",
    "connect",
    "observe",
    "open_session",
    "plan_deploy",
    "plan_upload",
    "wanted_of",
]
