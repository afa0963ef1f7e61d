"""hotpack chart and its page, as a user sees them."""

import os
import random
import subprocess
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from . import axe, chromium
from .conftest import Hotpack, document

needs_chromium = pytest.mark.skipif(
    chromium.EXECUTABLE is None, reason="no Chromium here; on Debian: apt install chromium"
)
COLD = 20
RANGE = "document.getElementById('durations')._fullLayout.xaxis.range.map(x => +new Date(x))"
BUTTON = "document.querySelector('button[data-do=%s]')"
MILLION = """
report = (
    "REPORT RequestId: {:08x}-0000-4000-8000-000000000000\\tDuration: {}.25 ms\\t"
    "Billed Duration: {} ms\\tMemory Size: 1769 MB\\tMax Memory Used: 112 MB\\t{}"
)
for number in range(1_000_000):
    init = "Init Duration: 1594.73 ms\\t" if number % 100 == 0 else ""
    print(report.format(number, number % 50, number % 50 + 1, init))
print("REPORT RequestId: broken")
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Two hours as `aws logs tail` prints them: a thousand invocations, 20 of them cold starts."""
    chance = random.Random(3)
    now = datetime(2026, 3, 4, 9, tzinfo=UTC)
    lines = []
    for number in range(1000):
        now += timedelta(seconds=chance.expovariate(1 / 8))
        request = uuid.UUID(int=chance.getrandbits(128))
        before = f"{now.isoformat()} 2026/03/04/[$LATEST]0123456789abcdef "
        report = (
            f"{before}REPORT RequestId: {request}\tDuration: {chance.uniform(5, 20):.2f} ms\t"
            "Billed Duration: 20 ms\tMemory Size: 1769 MB\tMax Memory Used: 112 MB\t"
        )
        if number % 50 == 0:
            report += f"Init Duration: {chance.uniform(1500, 1700):.2f} ms\t"
        if number == 700:
            report += "Status: timeout"
        lines += [f"{before}START RequestId: {request} Version: $LATEST", report]
    path = tmp_path / "function.log"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_real_log(hotpack: Hotpack, log: Path) -> None:
    """Forty rows of time, percentiles, the share of cold starts, failures and the cost."""
    shown = hotpack("chart", str(log)).stdout
    assert shown.count("2026-03-04") == 40
    assert "1,000 invocations, 20 cold starts (2.0%); failed: timeout 1." in shown
    assert "us-east-1, x86_64, seen 20" in shown
    assert "1,000 other lines" in shown


def test_stdin_and_price(hotpack: Hotpack, log: Path) -> None:
    """A log may come through a pipe, and the price may be one's own."""
    done = subprocess.run(
        [sys.executable, "-m", "hotpack", "chart", "--price", "1", "--json"],
        input=log.read_bytes() + b"\xff\xfe not UTF-8\n",
        capture_output=True,
        check=True,
    )
    result = document(subprocess.CompletedProcess([], 0, done.stdout.decode(), ""))
    assert result["cost_usd"] == pytest.approx(1000 * 0.02 * 1769 / 1024 + 1000 * 2e-7)
    assert result["skipped_lines"] == 1001


def test_price_of_an_unknown_region(hotpack: Hotpack, log: Path) -> None:
    """No price is made up: it is said whose is shown."""
    done = hotpack("chart", str(log), "--region", "il-central-1")
    assert "the price of il-central-1 is not known here" in done.stderr
    assert "us-east-1" in done.stdout


def test_nothing_to_chart(hotpack: Hotpack, tmp_path: Path) -> None:
    """A log without a REPORT line, or no log, is an error that says so."""
    (tmp_path / "empty.log").write_text("hello\n")
    done = hotpack("chart", "empty.log")
    assert done.returncode == 1
    assert "no REPORT line in empty.log: 1 other lines" in done.stderr
    assert "cannot be read" in hotpack("chart", "missing.log").stderr


def test_a_million_lines(tmp_path: Path) -> None:
    """A million invocations are all counted, in less than 500 MB."""
    printing = [sys.executable, "-c", MILLION]
    charting = [sys.executable, "-m", "hotpack", "chart", "--html", "million.html"]
    with (
        subprocess.Popen(printing, stdout=subprocess.PIPE) as lines,
        (tmp_path / "out").open("w+") as out,
    ):
        process = subprocess.Popen(charting, stdin=lines.stdout, stdout=out, cwd=tmp_path)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        shown = out.read()
    assert process.returncode == 0
    assert "1,000,000 invocations, 10,000 cold starts (1.0%)" in shown
    assert "1 broken REPORT lines" in shown
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    assert kilobytes < 500_000
    assert (tmp_path / "million.html").stat().st_size < 8_000_000


@needs_chromium
def test_page(hotpack: Hotpack, log: Path, tmp_path: Path) -> None:
    """In a real browser each cold start is drawn, and nothing is loaded or complained of."""
    assert hotpack("chart", str(log), "--html", "chart.html").returncode == 0
    url = (tmp_path / "chart.html").as_uri()
    with chromium.new_page(tmp_path / "profile") as page:
        page.open(url)
        marks = "[...document.querySelectorAll('#durations .scatter')].map(%s)"
        numbers = page.run(marks % "each => each.querySelectorAll('.point').length")
        assert sorted(numbers) == [1, COLD, 1000, 1000]
        assert page.run("document.querySelectorAll('tbody tr').length") == 25
        assert page.requests == [url]
        assert page.complaints == []


@needs_chromium
def test_page_by_keyboard(hotpack: Hotpack, log: Path, tmp_path: Path) -> None:
    """Tab and Enter reach the buttons, which zoom, move, show all and change the scale."""
    hotpack("chart", str(log), "--html", "chart.html")
    with chromium.new_page(tmp_path / "profile") as page:
        page.open((tmp_path / "chart.html").as_uri())
        everything = page.run(RANGE)
        press(page, "Tab")
        assert page.run("document.activeElement.dataset.do") == "in"
        press(page, "Enter")
        zoomed = page.run(RANGE)
        assert width(zoomed) == pytest.approx(width(everything) / 2, rel=0.01)
        for _ in range(3):
            press(page, "Tab")
        press(page, "Enter")
        assert page.run("document.activeElement.dataset.do") == "right"
        assert page.run(RANGE)[0] > zoomed[0]
        press(page, "Tab")
        press(page, "Enter")
        assert page.run(RANGE) == everything
        press(page, "Tab")
        press(page, "Enter")
        assert page.run("document.getElementById('durations')._fullLayout.yaxis.type") == "log"
        assert page.run(BUTTON % "log" + ".getAttribute('aria-pressed')") == "true"
        assert page.complaints == []


@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_accessible(
    hotpack: Hotpack, log: Path, tmp_path: Path, cache_dir: Path, scheme: str
) -> None:
    """Light or dark as the reader has it, and axe-core finds no serious violation."""
    hotpack("chart", str(log), "--html", "chart.html")
    with chromium.new_page(tmp_path / "profile") as page:
        page.open((tmp_path / "chart.html").as_uri(), scheme)
        ink = page.run("getComputedStyle(document.querySelector('#durations .xtick text')).fill")
        paper = page.run("getComputedStyle(document.body).backgroundColor")
        assert (lightness(ink) > lightness(paper)) == (scheme == "dark")
        assert axe.serious_violations(page, cache_dir / "axe") == []


@needs_chromium
def test_page_may_not_load_anything(hotpack: Hotpack, log: Path, tmp_path: Path) -> None:
    """What would be loaded in spite of all is refused by the page itself, and said."""
    hotpack("chart", str(log), "--html", "chart.html")
    page_file = tmp_path / "chart.html"
    picture = '<img src="http://127.0.0.1:9/x.png"></body>'
    page_file.write_text(page_file.read_text().replace("</body>", picture))
    with chromium.new_page(tmp_path / "profile") as page:
        page.open(page_file.as_uri())
        assert any("Content Security Policy" in text for text in page.complaints)


def press(page: chromium.Page, key: str) -> None:
    text = {"text": "\r"} if key == "Enter" else {}
    for kind in ("keyDown", "keyUp"):
        code = {"Tab": 9, "Enter": 13}[key]
        page.call(
            "Input.dispatchKeyEvent",
            type=kind,
            key=key,
            code=key,
            windowsVirtualKeyCode=code,
            **(text if kind == "keyDown" else {}),
        )


def width(ends: list[float]) -> float:
    return ends[1] - ends[0]


def lightness(color: Any) -> int:
    return sum(map(int, color.removeprefix("rgb(").removesuffix(")").split(",")))
