"""The project's own limit, with real wheels."""

import pytest

from hotpack.errors import LimitError
from hotpack.pack import read_release
from hotpack.pipeline import Tools, build

from .conftest import MakeProject

HANDLER = "import pygments\n\ndef handler(event, context):\n    return pygments.__version__\n"
PYGMENTS = ("pygments==2.21.0",)
"""9 MB raw, 2 MB packed."""


def test_over_the_budget(make_project: MakeProject, tools: Tools) -> None:
    """A build over its budget names the sizes and the heaviest, and the earlier build stays."""
    table = "starter = false\nbudget_mb = {}"
    project = make_project(HANDLER, dependencies=PYGMENTS, table=table.format(50))
    earlier = build(project, tools).release
    with pytest.raises(LimitError) as caught:
        build(make_project(HANDLER, dependencies=PYGMENTS, table=table.format(5)), tools)
    over = earlier.package_bytes - 5_000_000
    assert f"{earlier.package_bytes:,} bytes, {over:,} over the budget of 5 MB" in str(caught.value)
    assert "Heaviest: pygments (inline) " in str(caught.value)
    assert "budget_mb" in (caught.value.hint or "")
    assert read_release(make_project().state / "build") == earlier
    assert earlier.function_zip.is_file()


def test_packed_within_the_budget(make_project: MakeProject, tools: Tools) -> None:
    """What is packed counts as packed: the same project fits its budget once it is bundled."""
    table = 'budget_mb = 5\n[tool.hotpack.place]\n"*" = "bundled"'
    release = build(make_project(HANDLER, dependencies=PYGMENTS, table=table), tools).release
    assert release.package_bytes <= 5_000_000
