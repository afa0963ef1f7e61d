"""The memory sweep with real sandboxes."""

from hotpack import local
from hotpack.measure.tuning import local_sizes, sweep
from hotpack.pipeline import Tools, build
from hotpack.sandbox import Settings

from .conftest import MakeProject

HUNGRY = """\
def handler(event, context):
    return len(bytearray(200_000_000))
"""


def test_a_size_that_is_too_small(tools: Tools, make_project: MakeProject) -> None:
    """What needs 200 MB runs out of memory at 128 MB, is said to, and runs at 512 MB."""
    project = make_project(HUNGRY, dependencies=())
    release = build(project, tools).release
    function = local.function_of(release, project.name)
    open_at = local_sizes(function, release, tools, Settings())
    small, large = sweep(open_at, [128, 512], [b"{}"], 2, 3, tools.progress)
    assert small.failure == "out of memory"
    assert large.failure is None
    assert [item.start for item in large.cold] == ["cold", "cold"]
    assert {item.start for item in large.warm} == {"warm"}
    assert len(large.warm) == 6
    assert {item.memory_mb for item in large.cold} == {512}
    assert (large.peak_mb or 200) >= 190
