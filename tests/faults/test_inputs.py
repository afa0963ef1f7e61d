"""Bad packs and manifests are refused in one line, or read right. `make soak` tries more."""

import random
from pathlib import Path

from .inputs import good_input, try_inputs
from .stage import Built

ONE_IN = 3


def test_bad_inputs(built: dict[str, Built], tmp_path: Path) -> None:
    """Flipped, cut, swapped, senseless: nothing is written outside, and no error is another's."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    tried, wrong = try_inputs(
        good_input(built["bundled"].function), tmp_path / "in", seed, 2, ONE_IN
    )
    assert wrong == []
    assert tried > 100
