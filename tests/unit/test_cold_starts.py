"""How cold starts are compared, written down, and held against what was written down."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from hotpack.measure.cold_starts import ColdStarts, Comparison
from hotpack.measure.page_cache import PageCache
from hotpack.measure.spans import Span
from hotpack.measure.waterfall import Waterfall
from hotpack.report.cold_starts import (
    comparison_document,
    comparison_markdown,
    comparison_table,
    left_out_text,
    phases_markdown,
)
from hotpack.report.regressions import ratios_of, regressions
from hotpack.report.waterfall import comparison_page


def starts(way: str, state: PageCache, *ratios: float, restarts: int = 0) -> ColdStarts:
    durations = tuple(1000 * ratio for ratio in ratios)
    return ColdStarts(way, state, durations, ratios, 100, 512, restarts)


COMPARISON = Comparison(
    "p",
    (
        starts("bare import", "warm", 1, 1, 1),
        starts("bundled", "warm", 0.9, 1, 1.1),
        starts("zappa", "warm", 9, 10, 11, restarts=2),
        starts("bare import", "cold", 1, 1, 1),
        starts("bundled", "cold", 0.7, 0.8, 0.9),
        starts("zappa", "cold", 7, 8, 9),
    ),
    {"inline": "does <not> | fit"},
    (
        Waterfall(
            "bundled",
            1234.5,
            (
                Span("fetch", 0, 20, 2, "pack"),
                Span("import", 20, 20.5, 2, "ssl"),
                Span("import", 5, 900, 1, "num<py"),
                Span("polish", 900, 910, 1),
            ),
        ),
    ),
)


def test_markdown_is_read_back() -> None:
    """The table that is committed gives the ratios back, and nothing of another project's."""
    text = f"{comparison_markdown(replace(COMPARISON, project='q'))}\n\nand\n\n"
    table = f"{text}{comparison_markdown(COMPARISON)}\n\n{phases_markdown(COMPARISON)}"
    assert ratios_of(table, "p") == {
        ("bare import", "warm"): 1.0,
        ("bundled", "warm"): 1.0,
        ("zappa", "warm"): 10.0,
        ("bare import", "cold"): 1.0,
        ("bundled", "cold"): 0.8,
        ("zappa", "cold"): 8.0,
    }
    assert ratios_of(table, "another") == {}


def test_a_table_has_as_many_cells_in_each_row() -> None:
    """Also the row of what cannot be, whose reason may have bars in it."""
    for table in (comparison_markdown(COMPARISON), phases_markdown(COMPARISON)):
        rows = [line.replace("\\|", "") for line in table.splitlines() if line.startswith("|")]
        assert len({row.count("|") for row in rows}) == 1


def test_restarts_are_said() -> None:
    """An init phase that passed its limit is not hidden in a median."""
    said = "zappa, warm: init passed 10 s in 2 of 3 cold starts"
    assert said in comparison_markdown(COMPARISON)
    assert said in (left_out_text(COMPARISON) or "")


def test_one_round_has_no_quartiles() -> None:
    """Of one cold start they would only repeat it."""
    console = Console(file=io.StringIO(), width=100)
    one = replace(COMPARISON, starts=(starts("bare import", "warm", 1),))
    console.print(comparison_table(one))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "1.00-1.00" not in shown
    assert re.search(r"1\.00 x +- ", shown)


def slower(*ratios: float) -> Comparison:
    return replace(COMPARISON, starts=(starts("bundled", "warm", *ratios),))


COMMITTED = {("bundled", "warm"): 1.0, ("bundled", "cold"): 0.8, ("zappa", "warm"): 5.0}


def test_slower_than_committed() -> None:
    """A ratio that is clearly worse is named, with both."""
    (line,) = regressions(slower(1.15, 1.2, 1.25), COMMITTED)
    assert line == "p, bundled, page cache warm: 1.20 x bare (1.15 to 1.25), was 1.00"


@pytest.mark.parametrize(
    "ratios", [(1.05, 1.08, 1.1), (0.5, 1.2, 1.4), (0.8, 0.9, 1.0)], ids=["near", "noisy", "faster"]
)
def test_not_slower(ratios: tuple[float, ...]) -> None:
    """What noise explains is none, nor what is faster; other tools may be as slow as they like."""
    assert regressions(slower(*ratios), COMMITTED) == []


def test_gone() -> None:
    """A way that had a figure and cannot be any more is a regression, with the reason."""
    comparison = Comparison("p", COMPARISON.starts[:1], {"bundled": "it fails"})
    (line,) = regressions(comparison, COMMITTED)
    assert line == "p, bundled, page cache warm: 1.00 x bare before, and now not at all: it fails"


def test_not_asked_for() -> None:
    """Whoever measures some of the ways hears of those alone."""
    comparison = Comparison("p", COMPARISON.starts[:1], {})
    assert regressions(comparison, COMMITTED) == []


def test_document() -> None:
    """The document has each state's figures, what is left out, and each span."""
    document = comparison_document(COMPARISON)
    cold = next(
        item
        for item in document["cold_starts"]
        if item["way"] == "bundled" and item["page_cache"] == "cold"
    )
    assert cold["ratio"] == 0.8
    assert document["left_out"] == {"inline": "does <not> | fit"}
    (waterfall,) = document["waterfalls"]
    assert waterfall["phases_ms"] == {"fetch": 20, "import": 895.5, "polish": 10}
    assert waterfall["beside_imports_ms"] == 10  # what thread 2 fetched took none of its time
    assert waterfall["imports_ms"] == {"num<py": 895, "ssl": 0.5}
    assert waterfall["spans"][0]["detail"] == "pack"


def test_page() -> None:
    """The page has every phase, also one that nobody foresaw, and takes no name for markup."""
    html = comparison_page(COMPARISON)
    tables = html[html.rindex("</figure>") :]
    assert '<th scope="col">polish</th>' in tables
    assert "<td>895</td>" in tables
    assert "num&lt;py" in tables
    assert "<py" not in html
    assert "inline: does &lt;not&gt; | fit" in html


def test_a_phase_in_crumbs_is_drawn_as_one() -> None:
    """Unpacking that stops for a moment at each read is a bar, and what is far away another."""
    crumbs = [Span("unpack", at * 0.5, at * 0.5 + 0.3, 1) for at in range(10)]
    parts = (*crumbs, Span("unpack", 50, 52, 1), Span("unpack", 60, 60.1, 1))
    waterfall = Waterfall("bundled", 100, parts)
    html = comparison_page(replace(COMPARISON, waterfalls=(waterfall,)))
    assert '"base":[0.0,50],"x":[4.8,2]' in html.replace(" ", "")


def test_page_without_waterfalls() -> None:
    """Where none could be watched, the ratios are there all the same."""
    assert "8.00" in comparison_page(replace(COMPARISON, waterfalls=()))
