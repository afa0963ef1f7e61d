"""What `hotpack sizes` prints."""

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from hotpack.inventory import DistributionSizes, Requirements, Sizes, compare
from hotpack.report.difference import difference_document, difference_table, difference_text
from hotpack.report.sizes import limit_table, reason, sizes_table

MB = 1_000_000
SPACY = DistributionSizes("spacy", "3.8.14", 113 * MB, 21 * MB, 5 * MB, None, 9 * MB)
NUMPY = DistributionSizes("numpy", "2.2.6", 59 * MB, 63 * MB, 14 * MB, None, 40 * MB)
LONG = DistributionSizes("en-core-web-sm-of-someone", "2025.11.20.1", 2000 * MB, 1999 * MB, 9 * MB)
SIZES = Sizes("python3.13 on arm64", 1 * MB, (NUMPY, SPACY))
REQUIREMENTS = Requirements(
    ("spacy",),
    {
        "spacy": ("numpy",),
        "blis": ("numpy",),
        "thinc": ("blis", "numpy"),
        "model": ("spacy",),
        "somebody": ("nothing",),
    },
)


def lines(renderable: RenderableType, width: int = 100) -> list[str]:
    text = io.StringIO()
    Console(file=text, width=width).print(renderable)
    return [line.rstrip() for line in text.getvalue().splitlines()]


@pytest.mark.parametrize("width", [80, 100, 160])
def test_fits_the_terminal(width: int) -> None:
    """Each row is one line, its numbers are whole, and 80 columns are enough for it."""
    sizes = replace(SIZES, distributions=(LONG, NUMPY, SPACY))
    rows = lines(sizes_table(sizes, REQUIREMENTS, width=width), width)
    assert len(rows) == 5
    assert max(map(len, rows)) <= width
    assert rows[0].endswith("required by")
    assert "2,000.0 MB" in rows[1]
    assert "1,999.0 MB" in rows[1]
    assert "2,172.0 MB" in rows[-1]


def test_heaviest_first_and_the_rest_summed() -> None:
    """The heaviest as installed are named, the others are one row, and all another."""
    rows = lines(sizes_table(SIZES, REQUIREMENTS, width=100, shown=1))
    assert rows[1].split()[:3] == ["spacy", "3.8.14", "113.0"]
    assert rows[2].startswith("1 more")
    assert "63.0 MB" in rows[2]
    assert rows[3].startswith("all")
    assert "84.0 MB" in rows[3]
    assert "numpy" in lines(sizes_table(SIZES, REQUIREMENTS, width=100, shown=None))[2]


@pytest.mark.parametrize(("width", "shown"), [(80, ""), (100, "8% "), (120, "█░░░░░░░ 8% ")])
def test_what_is_hot(width: int, shown: str) -> None:
    """What a cold start uses follows; a share and a bar of the limit where there is room."""
    rows = lines(sizes_table(SIZES, REQUIREMENTS, width=width), width)
    assert re.search(rf"spacy .* 5\.0 MB +9\.0 MB +{shown} *you, model", rows[1])
    assert re.search(r"19\.0 MB +49\.0 MB", rows[-1])


def test_not_packed_is_no_number() -> None:
    """Without compression the packed column is a dash, also of the sum."""
    plain = replace(SIZES, distributions=(NUMPY, replace(SPACY, packed_bytes=None)))
    rows = lines(sizes_table(plain, REQUIREMENTS, width=80))
    assert " - " in rows[1]
    assert " - " in rows[3]
    assert not any(row.startswith("packed") for row in lines(limit_table(plain)))


@pytest.mark.parametrize(
    ("name", "width", "text"),
    [
        ("spacy", 20, "you, model"),
        ("spacy", 8, "you +1"),
        ("numpy", 30, "blis, spacy, thinc"),
        ("numpy", 12, "blis +2"),
        ("numpy", 6, "3 others"),
        ("blis", 4, "1 other"),
        ("nobody", 20, "-"),
    ],
)
def test_why_it_is_here(name: str, width: int, text: str) -> None:
    """You come first, then as many names as there is room for; the others are counted."""
    assert reason(name, REQUIREMENTS, width) == text


def test_difference() -> None:
    """Added, removed and changed are rows with a sign, the largest first, and the total last."""
    newer = replace(NUMPY, version="2.3.0", slimmed_bytes=70 * MB)
    six = DistributionSizes("six", "1.17.0", MB, MB)
    difference = compare(SIZES, replace(SIZES, code_bytes=3 * MB, distributions=(newer, six)))
    rows = [" ".join(line.split()) for line in lines(difference_table(difference), 80)]
    assert rows[1] == "- spacy 3.8.14 21.0 MB - -21.0 MB"
    assert rows[2] == "~ numpy 2.2.6 → 2.3.0 63.0 MB 70.0 MB +7.0 MB"
    assert rows[3] == "~ the project's own files 1.0 MB 3.0 MB +2.0 MB"
    assert rows[4] == "+ six 1.17.0 - 1.0 MB +1.0 MB"
    assert rows[5] == "all 85.0 MB 74.0 MB -11.0 MB"
    document = difference_document(difference)
    assert document["total"]["change_bytes"] == -11 * MB
    assert [item["distribution"] for item in document["added"]] == ["six"]
    assert [item["distribution"] for item in document["removed"]] == ["spacy"]
    assert document["changed"][0]["old"]["version"] == "2.2.6"


def test_difference_of_targets() -> None:
    """What is compared across targets is said, and what did not change is counted."""
    other = replace(SIZES, target="python3.13 on x86_64")
    text = str(difference_text(compare(other, SIZES)))
    assert "2 unchanged" in text
    assert "The target was python3.13 on x86_64; it is python3.13 on arm64." in text
