"""Starts that are killed leave nothing that a later one takes for good. `make soak` kills more."""

import random
from pathlib import Path

import pytest

from .kills import at_once, kill, time_of_a_start
from .stage import Built, Stage, this_machine

KILLS = 10


@pytest.mark.parametrize("placement", ["bundled", "remote"])
def test_killed_starts(built: dict[str, Built], tmp_path: Path, placement: str) -> None:
    """Whenever starts are killed, the next one restores what is missing and answers right."""
    first = random.randrange(10**6)
    print(f"seeds {first} to {first + KILLS - 1}")
    (tmp_path / "stage").mkdir()
    with Stage(built[placement], tmp_path / "stage", this_machine(), None) as stage:
        whole_s = time_of_a_start(stage)
        killed = [kill(stage, seed, whole_s) for seed in range(first, first + KILLS)]
    assert [one for one in killed if one.wrong] == []


def test_processes_at_once(built: dict[str, Built], tmp_path: Path) -> None:
    """Processes that restore the same tree at once, as forked workers do, all answer right."""
    (tmp_path / "stage").mkdir()
    with Stage(built["bundled"], tmp_path / "stage", this_machine(), None) as stage:
        assert at_once(stage, 4) == [stage.built.all] * 4
