"""`make demo`, as a first user runs it."""

import os
import re
import subprocess
import sys
from pathlib import Path

DEMO = Path(__file__).parents[2] / "examples" / "demo.py"


def test_demo_shows_it_all(cache_dir: Path) -> None:
    """The wall, three builds, each function cold, warm, expired and cold again, and the table."""
    done = subprocess.run(
        [sys.executable, DEMO],
        env={**os.environ, "HOTPACK_CACHE_DIR": str(cache_dir)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    shown = done.stdout
    assert "Unzipped size must be smaller than 262144000 bytes" in shown
    for placement in ("inline", "bundled", "remote"):
        assert f"2. the build: {placement}" in shown
        assert f"spacy-{placement}" in shown
    assert shown.count("the sandbox has expired") == 4
    assert shown.count("Ada Lovelace") == 4
    assert done.stderr.count("INIT_START") == 8
    assert done.stderr.count("REPORT RequestId") == 20
    assert "vs bare import" in shown
    chart = shown.partition("4. hotpack chart")[2]
    starts = re.findall(r"^ *\d+ +(cold|warm) ", chart, re.MULTILINE)
    assert starts == ["cold", "warm", "warm", "warm", "cold"] * 4
    assert "20 invocations, 8 cold starts (40.0%)" in chart
    assert (DEMO.parent / "spacy" / ".hotpack" / "chart.html").is_file()
