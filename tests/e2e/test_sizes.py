"""hotpack sizes and its page, as a user sees them."""

import json
import re
from pathlib import Path

import pytest

from . import axe, chromium
from .conftest import Hotpack, document

needs_chromium = pytest.mark.skipif(
    chromium.EXECUTABLE is None, reason="no Chromium here; on Debian: apt install chromium"
)

# As where it was never installed.
HIDE = """
import sys
from importlib.machinery import PathFinder

class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name == "cyclonedx" else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Hiding
"""

# As a click by hand: what plotly listens to is the mouse, on the box of a label.
CLICK = """
new Promise(done => {
  const slice = [...document.querySelectorAll("#treemap .slice")]
    .find(item => item.__data__.data.data.label == %r);
  const path = slice.querySelector("path"), place = path.getBoundingClientRect();
  for (const type of ["mousedown", "mouseup", "click"])
    path.dispatchEvent(new MouseEvent(type, {bubbles: true, clientX: place.x + 9,
                                             clientY: place.y + 9}));
  document.getElementById("treemap").once("plotly_animated", () => done(true));
})
"""
SHOWN = "[...document.querySelectorAll('#treemap .trace .slicetext')].map(item => item.textContent)"


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
    assert "wrote sbom.cdx.json" in done.stderr
    names = [i["name"] for i in json.loads((project / "sbom.cdx.json").read_text())["components"]]
    assert names == ["jinja2", "markupsafe"]
    assert (project / ".hotpack/build/sbom.cdx.json").is_file()


def test_bill_of_materials_without_its_library(hotpack: Hotpack, project: Path) -> None:
    """Without the extra, build --sbom says so before anything is built; build works as ever."""
    hidden = project / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(HIDE)
    environment = {"PYTHONPATH": str(hidden)}
    done = hotpack("build", "--sbom", "sbom.cdx.json", environment=environment)
    assert done.returncode == 1
    assert "hotpack[sbom]" in done.stderr
    assert not (project / ".hotpack").exists()
    assert hotpack("build", environment=environment).returncode == 0
    assert not (project / ".hotpack/build/sbom.cdx.json").exists()


@needs_chromium
def test_page_draws(hotpack: Hotpack, project: Path, tmp_path: Path, cache_dir: Path) -> None:
    """In a real browser both charts draw, a box opens, nothing is loaded and nothing complained;
    axe-core finds no serious violation."""
    assert hotpack("sizes", "--html", "sizes.html").returncode == 0
    url = (project / "sizes.html").as_uri()
    with chromium.new_page(tmp_path / "profile") as page:
        page.open(url)
        assert page.run("document.querySelectorAll('#limit .bars .point').length") > 4
        assert "jinja2" in " ".join(page.run(SHOWN))
        assert not any("runtime.py" in text for text in page.run(SHOWN))
        assert page.run(CLICK % "jinja2")
        assert page.run(CLICK % "source")
        assert any("runtime.py" in text for text in page.run(SHOWN))
        assert page.requests == [url]
        assert page.complaints == []
        assert axe.serious_violations(page, cache_dir / "axe") == []


@needs_chromium
def test_page_of_a_difference(hotpack: Hotpack, project: Path, tmp_path: Path) -> None:
    """With --diff the page has what changed, and a bar of the other build."""
    (project / "before.json").write_text(hotpack("sizes", "--json").stdout)
    (project / "requirements.txt").write_text("jinja2==3.1.6\nsix==1.17.0\n")
    done = hotpack("sizes", "--diff", "before.json", "--html", "sizes.html")
    assert done.returncode == 0, done.stderr
    with chromium.new_page(tmp_path / "profile") as page:
        page.open((project / "sizes.html").as_uri())
        rows = page.run("[...document.querySelectorAll('#changes tr')].map(row => row.innerText)")
        assert any(re.search(r"\+\s+six\s+1\.17\.0", row) for row in rows)
        assert any(re.search(r"~\s+jinja2\s+3\.1\.5 → 3\.1\.6", row) for row in rows)
        assert "1 unchanged" in page.run("document.body.innerText")
        bars = page.run(
            "[...document.querySelectorAll('#limit .ytick')].map(tick => tick.textContent)"
        )
        assert "the other build" in bars
        assert page.complaints == []


@needs_chromium
def test_page_may_not_load_anything(hotpack: Hotpack, project: Path, tmp_path: Path) -> None:
    """What would be loaded in spite of all is refused by the page itself, and said."""
    hotpack("sizes", "--html", "sizes.html")
    page_file = project / "sizes.html"
    picture = '<img src="http://127.0.0.1:9/x.png"></body>'
    page_file.write_text(page_file.read_text().replace("</body>", picture))
    with chromium.new_page(tmp_path / "profile") as page:
        page.open(page_file.as_uri())
        assert any("Content Security Policy" in text for text in page.complaints)


@needs_chromium
def test_page_of_nothing(hotpack: Hotpack, project: Path, tmp_path: Path) -> None:
    """A project without dependencies has its page too."""
    (project / "requirements.txt").write_text("")
    assert hotpack("sizes", "--html", "sizes.html").returncode == 0
    with chromium.new_page(tmp_path / "profile") as page:
        page.open((project / "sizes.html").as_uri())
        assert page.run("document.querySelectorAll('#limit .bars .point').length") > 0
        assert page.complaints == []
