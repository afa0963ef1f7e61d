"""hotpack sizes and its page, as a user sees them."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from .conftest import Hotpack, document

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--enable-logging=stderr",
    "--virtual-time-budget=5000",
    "--dump-dom",
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text("def handler(event, context): return 1\n")
    (tmp_path / "requirements.txt").write_text("jinja2==3.1.5\n")
    (tmp_path / "pyproject.toml").write_text('[tool.hotpack]\nhandler = "app.handler"\n')
    return tmp_path


def test_who_requires_what(hotpack: Hotpack, project: Path) -> None:
    """The table says why a distribution is here: because of you, or of another one."""
    shown = hotpack("sizes").stdout
    assert re.search(r"jinja2 +3\.1\.5 .* you", shown)
    assert re.search(r"markupsafe .* jinja2", shown)


def test_difference(hotpack: Hotpack, project: Path) -> None:
    """--diff says what was added, removed and changed since another build."""
    before = hotpack("sizes", "--json").stdout
    (project / "before.json").write_text(before)
    (project / "requirements.txt").write_text("jinja2==3.1.6\nsix==1.17.0\n")
    shown = hotpack("sizes", "--diff", "before.json").stdout
    assert re.search(r"jinja2 .*3\.1\.5.*3\.1\.6", shown)
    assert re.search(r"six .*1\.17\.0", shown)
    result = document(hotpack("sizes", "--diff", "before.json", "--json"))["diff"]
    assert json.dumps(result).count("six") >= 1


def test_bill_of_materials(hotpack: Hotpack, project: Path) -> None:
    """build --sbom writes the bill of materials where it is told to."""
    done = hotpack("build", "--sbom", "sbom.cdx.json")
    assert done.returncode == 0, done.stderr
    names = [i["name"] for i in json.loads((project / "sbom.cdx.json").read_text())["components"]]
    assert names == ["jinja2", "markupsafe"]


def test_page_is_whole(hotpack: Hotpack, project: Path) -> None:
    """The page carries all that it needs: it names no script, style or image elsewhere."""
    hotpack("build")
    assert hotpack("sizes", "--html", "sizes.html").returncode == 0
    page = (project / "sizes.html").read_text()
    head_and_body = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", head_and_body)
    assert not re.search(r"<script[^>]+src=", page)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; on Debian: apt install chromium")
def test_page_draws(hotpack: Hotpack, project: Path, tmp_path: Path) -> None:
    """In a real browser without a network both charts draw, and nothing goes to the console."""
    hotpack("sizes", "--html", "sizes.html")
    options = [
        *QUIET,
        f"--user-data-dir={tmp_path / 'profile'}",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        (project / "sizes.html").as_uri(),
    ]
    done = subprocess.run(
        [str(CHROMIUM), *options], capture_output=True, text=True, check=True, timeout=120
    )
    drawn = done.stdout
    assert 'class="trace bars"' in drawn
    assert 'class="slice' in drawn
    assert "jinja2" in drawn
    assert "CONSOLE" not in done.stderr
