"""hotpack bench and its page, as a user sees them."""

from pathlib import Path

import pytest

from . import axe, chromium
from .conftest import Hotpack, document

needs_chromium = pytest.mark.skipif(
    chromium.EXECUTABLE is None, reason="no Chromium here; on Debian: apt install chromium"
)
FEW = ("--rounds", "1", "--way", "bundled", "--way", "article")
NAMES = ["bare import", "bundled", "article"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(
        "import markupsafe\ndef handler(event, context): return markupsafe.__version__\n"
    )
    (tmp_path / "requirements.txt").write_text("markupsafe==3.0.3\n")
    (tmp_path / "pyproject.toml").write_text('[tool.hotpack]\nhandler = "app.handler"\n')
    return tmp_path


def test_table(hotpack: Hotpack, project: Path) -> None:
    """A row a way and state of the page cache, the bare import first."""
    done = hotpack("bench", *FEW)
    assert done.returncode == 0, done.stderr
    rows = done.stdout.splitlines()[1:]
    starts = [f"{name} {state}" for state in ("warm", "cold") for name in NAMES]
    assert [
        " ".join(row.split()).rpartition(" ms ")[0].rpartition(" ")[0] for row in rows
    ] == starts


def test_json(hotpack: Hotpack, project: Path) -> None:
    """--json has every cold start and what each consists of; --page-cache chooses the state."""
    result = document(hotpack("bench", *FEW, "--page-cache", "cold", "--json"))
    starts = result["cold_starts"]
    assert [(item["way"], item["page_cache"]) for item in starts] == [(n, "cold") for n in NAMES]
    assert starts[0]["ratio"] == 1.0
    assert [item["way"] for item in result["waterfalls"]] == NAMES
    assert "markupsafe" in result["waterfalls"][0]["imports_ms"]
    assert result["left_out"] == {}


def test_unknown_way(hotpack: Hotpack, project: Path) -> None:
    """A way that nobody knows is a wrong call, which names those there are."""
    done = hotpack("bench", "--way", "magic")
    assert done.returncode == 2
    assert "snaploader" in done.stderr


@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page(
    hotpack: Hotpack, project: Path, tmp_path: Path, cache_dir: Path, scheme: str
) -> None:
    """In a real browser each way has bars, axe-core finds nothing serious, nothing is loaded."""
    assert hotpack("bench", *FEW, "--html", "bench.html").returncode == 0
    url = (project / "bench.html").as_uri()
    with chromium.new_page(tmp_path / "profile") as page:
        page.open(url, scheme)
        assert page.run("document.querySelectorAll('#waterfall .bars .point').length") > 10
        rows = page.run(
            "[...document.querySelectorAll('#waterfall .ytick text')].map(e => e.textContent)"
        )
        assert {f"{name}: import" for name in NAMES} <= set(rows)
        assert page.run("document.querySelectorAll('table').length") == 4
        assert page.requests == [url]
        assert page.complaints == []
        assert axe.serious_violations(page, cache_dir / "axe") == []
