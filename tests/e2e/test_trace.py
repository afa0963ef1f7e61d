"""hotpack trace: as a user types it."""

import json
import os
from pathlib import Path

import pytest

from .conftest import Hotpack, document

HANDLER = """\
import markupsafe

def handler(event, context):
    return str(markupsafe.escape(event["text"]))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(HANDLER)
    (tmp_path / "requirements.txt").write_text("markupsafe==3.0.3\n")
    (tmp_path / "pyproject.toml").write_text('[tool.hotpack]\nhandler = "app.handler"\n')
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "one.json").write_text('{"text": "<secret>"}')
    return tmp_path


def test_trace(hotpack: Hotpack, project: Path) -> None:
    """It says what was read, which imports are slow and by whom it was recorded, and writes the
    profile, in which no event is."""
    shown = hotpack("trace")
    assert shown.returncode == 0, shown.stderr
    for words in (
        "A cold start and 1 event read",
        "markupsafe",
        "slowest imports",
        "Recorded with",
    ):
        assert words in shown.stdout
    text = (project / "hotpack.profile.json").read_text()
    assert "markupsafe/__pycache__/__init__." in text
    assert "markupsafe/__init__.py" not in text  # only importing looks at it
    assert "secret" not in text
    result = document(hotpack("trace", "--json"))
    assert result["profile"] == str(project / "hotpack.profile.json")
    assert result["events"] == ["one.json"]
    assert 0 < result["read_files"] <= result["touched_files"] < result["files"]
    assert 0 < result["read_bytes"] < result["size_bytes"]
    [distribution] = result["distributions"]
    assert distribution["distribution"] == "markupsafe"
    assert {row["module"] for row in result["modules"]} >= {"markupsafe", "markupsafe._speedups"}


def test_events_of_the_command_line(hotpack: Hotpack, project: Path) -> None:
    """They stand in for the project's; those written out have no name but the option's."""
    event = json.dumps({"text": "other secret"})
    result = document(hotpack("trace", "--event", "events/one.json", "--event", event, "--json"))
    assert result["events"] == ["one.json", "--event"]
    assert "secret" not in (project / "hotpack.profile.json").read_text()


def test_a_handler_that_fails(hotpack: Hotpack, project: Path) -> None:
    """The event is named, the handler's log is shown, and no profile is written."""
    (project / "events" / "two.json").write_text("{}")
    failed = hotpack("trace")
    assert failed.returncode == 1
    assert "the event two.json failed" in failed.stderr
    assert "KeyError: 'text'" in failed.stderr
    assert 'File "/' in failed.stderr
    assert not (project / "hotpack.profile.json").exists()


def test_without_strace(
    hotpack: Hotpack, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """auto takes Python alone and says what is missed and how to get strace; strace refuses."""
    commands = tmp_path_factory.mktemp("bin")
    for folder in map(Path, os.environ["PATH"].split(os.pathsep)):
        for command in folder.glob("*"):
            link = commands / command.name
            if command.name != "strace" and not link.is_symlink():
                link.symlink_to(command)
    environment = {"PATH": str(commands)}
    shown = hotpack("trace", environment=environment)
    assert shown.returncode == 0, shown.stderr
    assert "warning: strace is not installed" in shown.stderr
    assert "apt install strace" in shown.stderr
    assert "Recorded with python" in shown.stdout
    assert json.loads((project / "hotpack.profile.json").read_text())["recorder"] == "python"
    refused = hotpack("trace", "--recorder", "strace", environment=environment)
    assert refused.returncode == 1
    assert "strace cannot look on: strace is not installed" in refused.stderr


def test_another_machines_function(hotpack: Hotpack, project: Path) -> None:
    """It is refused before anything is installed."""
    own = document(hotpack("trace", "--json"))["architecture"]
    other = "arm64" if own == "x86_64" else "x86_64"
    table = f'[tool.hotpack]\nhandler = "app.handler"\narchitecture = "{other}"\n'
    (project / "pyproject.toml").write_text(table)
    refused = hotpack("trace")
    assert refused.returncode == 1
    assert f"is built for {other}" in refused.stderr
    assert "install" not in refused.stderr
