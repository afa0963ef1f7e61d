"""Twenty sandboxes at once for some seconds; `make soak` does it for ten minutes."""

import random
from pathlib import Path

from .load import SANDBOXES, put_load
from .stage import Built, Stage, this_machine

SECONDS = 6


def test_load(built: dict[str, Built], tmp_path: Path) -> None:
    """Each invocation answers as it shall, with faults among them, and nothing is left behind."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    (tmp_path / "stage").mkdir()
    with Stage(built["remote"], tmp_path / "stage", this_machine(), None) as stage:
        load = put_load(stage, SECONDS, seed)
    assert load.wrong == ()
    assert load.left == ()
    assert load.invocations > SANDBOXES
    assert load.cold >= SANDBOXES
