"""What is hot, and what is packed because of it: with a profile, a stale one, and none."""

from dataclasses import replace

import pytest

from hotpack.install import Kind
from hotpack.pipeline import Prepared, Tools, build, code_entries, prepare
from hotpack.pipeline.arranging import arrangement_of
from hotpack.pipeline.planning import plan_layout
from hotpack.profile import PROFILE_NAME, Profile, Touch
from hotpack.progress import Silent

from .conftest import MakeProject


class Warnings(Silent):
    """Keeps what is warned of."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def warn(self, message: str, *, hint: str | None = None) -> None:
        self.messages.append(f"{message} ({hint})")


@pytest.fixture
def prepared(make_project: MakeProject, tools: Tools) -> Prepared:
    return prepare(make_project(), tools)


def record(prepared: Prepared, *paths: str, peak_memory_mb: int = 0, **versions: str) -> None:
    """Write a profile of files that were opened, by default of the versions that are installed."""
    target = prepared.project.config.target
    installed = {item.name: item.version for item in prepared.slimmed.distributions}
    profile = Profile(
        target.runtime.name,
        target.architecture,
        versions or installed,
        "test",
        tuple(Touch(path, ("opened",)) for path in paths),
        (),
        0.0,
        peak_memory_mb,
        (),
    )
    (prepared.project.root / PROFILE_NAME).write_text(profile.to_json())


def test_by_imports(prepared: Prepared, tools: Tools) -> None:
    """Without a profile, what the handler imports is hot, as bytecode, and no source is."""
    warnings = Warnings()
    arrangement = arrangement_of(prepared, replace(tools, progress=warnings))
    hot = arrangement.by_distribution["markupsafe"].hot
    assert any(file.path.startswith("markupsafe/__pycache__/__init__.") for file in hot)
    assert {file.kind for file in hot} <= {Kind.BYTECODE, Kind.EXTENSION, Kind.DATA, Kind.METADATA}
    assert warnings.messages == []


def test_by_profile(prepared: Prepared, tools: Tools) -> None:
    """With a profile, what it names is hot, and the build predicts a start."""
    record(prepared, "markupsafe/__init__.py")
    warnings = Warnings()
    arrangement = arrangement_of(prepared, replace(tools, progress=warnings))
    assert [f.kind for f in arrangement.by_distribution["markupsafe"].hot] == [
        Kind.BYTECODE,
        Kind.SOURCE,
    ]
    assert warnings.messages == []
    result = build(prepared.project, tools)
    assert result.layout.start_ms is not None
    assert not result.layout.is_packed


def test_stale_profile(prepared: Prepared, tools: Tools) -> None:
    """A profile of other versions is used with a warning that names them."""
    record(prepared, "markupsafe/__init__.py", markupsafe="0.1")
    warnings = Warnings()
    arrangement = arrangement_of(prepared, replace(tools, progress=warnings))
    assert arrangement.basis == "stale profile"
    [message] = warnings.messages
    assert message.startswith(f"{PROFILE_NAME} is stale: it is of other versions of markupsafe")
    assert "hotpack trace" in message


def test_too_little_memory(prepared: Prepared, tools: Tools) -> None:
    """A build says that the function has less memory than its traced cold start took."""
    memory_mb = prepared.project.config.memory_mb
    record(prepared, "markupsafe/__init__.py", peak_memory_mb=memory_mb)
    warnings = Warnings()
    arrangement_of(prepared, replace(tools, progress=warnings))
    assert warnings.messages == []
    record(prepared, "markupsafe/__init__.py", peak_memory_mb=memory_mb + 1)
    arrangement_of(prepared, replace(tools, progress=warnings))
    [message] = warnings.messages
    assert f"memory_mb is {memory_mb}, and a cold start took {memory_mb + 1} MB" in message


def test_nothing_is_compressed_for_nothing(prepared: Prepared, tools: Tools) -> None:
    """What fits raw is not compressed; what a start needs of it is what it imports."""
    planned = plan_layout(prepared, code_entries(prepared, tools), tools)
    assert planned.arrangement.basis == "imports"
    assert not planned.compressed
