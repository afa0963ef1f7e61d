"""axe-core, which finds what keeps people from reading a page; npm brings it where there is one."""

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from . import chromium

VERSION = "4.14.1"
SERIOUS = {"serious", "critical"}


@cache
def _source(folder: Path) -> str | None:
    npm = shutil.which("npm")
    if npm is None:
        return None
    package = f"axe-core@{VERSION}"
    program = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), package]
    try:
        subprocess.run(program, check=True, capture_output=True, timeout=60)
    except (subprocess.SubprocessError, OSError):
        return None
    return (folder / "node_modules/axe-core/axe.min.js").read_text()


def serious_violations(page: chromium.Page, folder: Path) -> list[Any]:
    """Return what axe-core calls serious or critical; skip the test where npm does not bring it."""
    source = _source(folder)
    if source is None:
        pytest.skip("npm does not bring axe-core here")
    page.call("Runtime.evaluate", expression=source)
    found = json.loads(page.run("axe.run().then(result => JSON.stringify(result.violations))"))
    return [item for item in found if item["impact"] in SERIOUS]
