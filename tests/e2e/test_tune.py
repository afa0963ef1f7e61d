"""hotpack tune and its page, as a user sees them."""

import json
from pathlib import Path

import pytest

from . import axe, chromium
from .conftest import Hotpack, document

needs_chromium = pytest.mark.skipif(
    chromium.EXECUTABLE is None, reason="no Chromium here; on Debian: apt install chromium"
)
FEW = ("--sizes", "512,1024,10240", "--rounds", "1", "--warm", "3")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text("def handler(event, context): return sum(range(10_000))\n")
    (tmp_path / "pyproject.toml").write_text('[tool.hotpack]\nhandler = "app.handler"\n')
    return tmp_path


def test_sweep(hotpack: Hotpack, project: Path) -> None:
    """A row a size, what to take for what, and what this machine cannot tell."""
    done = hotpack("tune", *FEW)
    assert done.returncode == 0, done.stderr
    told = " ".join(done.stdout.split())
    assert "Least cost: " in told
    assert "The knee is at" in told
    assert "list price of us-east-1" in told
    rows = [line.split()[0] for line in done.stdout.splitlines()[1:4]]
    assert rows == ["512", "1,024", "10,240"]


def test_json_and_write(hotpack: Hotpack, project: Path) -> None:
    """--write puts the recommendation into pyproject.toml, which is what --json says."""
    result = document(hotpack("tune", *FEW, "--write", "cost", "--json"))
    assert [size["memory_mb"] for size in result["sizes"]] == [512, 1024, 10_240]
    memory_mb = result["recommended"]["cost"]
    assert f"memory_mb = {memory_mb}\n" in (project / "pyproject.toml").read_text()
    assert document(hotpack("tune", *FEW, "--json"))["memory_mb"] == memory_mb


def test_power_tuning(hotpack: Hotpack, project: Path) -> None:
    """--format power-tuning prints that and nothing else."""
    result = json.loads(hotpack("tune", *FEW, "--format", "power-tuning").stdout)
    assert result["power"] in {512, 1024, 10_240}
    assert len(result["stats"]) == 3


@pytest.mark.parametrize("sizes", ["64", "512,x", "", "10241"])
def test_wrong_sizes(hotpack: Hotpack, project: Path, sizes: str) -> None:
    """Memory that Lambda does not have is a wrong call."""
    done = hotpack("tune", "--sizes", sizes)
    assert done.returncode == 2
    assert "from 128 to 10,240" in done.stderr


@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page(
    hotpack: Hotpack, project: Path, tmp_path: Path, cache_dir: Path, scheme: str
) -> None:
    """In a real browser all sizes are drawn, axe-core finds nothing serious, nothing is loaded."""
    assert hotpack("tune", *FEW, "--html", "tune.html").returncode == 0
    url = (project / "tune.html").as_uri()
    with chromium.new_page(tmp_path / "profile") as page:
        page.open(url, scheme)
        points = "document.querySelectorAll('#sizes .scatter .point').length"
        assert page.run(points) == 9
        assert page.run("document.querySelectorAll('tbody tr').length") == 3
        assert page.requests == [url]
        assert page.complaints == []
        assert axe.serious_violations(page, cache_dir / "axe") == []
