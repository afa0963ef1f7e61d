"""Every fault ends in the right response or in one clear error line, and is over when it is gone.

The short form; `make soak` tries those too that take long.
"""

from pathlib import Path

import pytest

from .matrix import Tried
from .run import can_mount, try_all
from .stage import Built
from .table import FAULTS

SHORT = [fault for fault in FAULTS if not fault.is_slow]


@pytest.fixture(scope="session")
def tried(built: dict[str, Built], place: Path) -> dict[str, Tried]:
    """What came of each: tried at once, since most of them wait for something."""
    faults = [fault for fault in SHORT if fault.on_disk_mb is None or can_mount()]
    return {one.fault.name: one for one in try_all(faults, built, place)}


@pytest.mark.parametrize("name", [fault.name for fault in SHORT])
def test_fault(tried: dict[str, Tried], name: str) -> None:
    """As the table has it."""
    if name not in tried:
        pytest.skip("nothing can be mounted here")
    assert tried[name].wrong == ""


def test_names_are_unique() -> None:
    """A fault is called by its name."""
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
