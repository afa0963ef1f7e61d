"""The boxes of a treemap."""

from pathlib import Path

from hotpack.install import Distribution, File, Kind, Tree
from hotpack.report.treemap import Box, boxes


def tree(*rows: tuple[str, str, int, Kind]) -> Tree:
    files = tuple(
        File(path, size, "", kind, name, False, Path(path)) for name, path, size, kind in rows
    )
    return Tree(tuple(Distribution(n, "1") for n in sorted({row[0] for row in rows})), files)


SMALL = tree(
    ("a", "a/core/fast.so", 50, Kind.EXTENSION),
    ("a", "a/core/x.py", 8, Kind.SOURCE),
    ("a", "a/core/y.py", 2, Kind.SOURCE),
    ("a", "a/z.py", 5, Kind.SOURCE),
    ("b", "b.py", 20, Kind.SOURCE),
    ("b", "b/empty.py", 0, Kind.SOURCE),
)


def inside(found: list[Box], parent: str) -> dict[str, int]:
    return {box.label: box.size for box in found if box.parent == parent}


def test_distribution_kind_folder_file() -> None:
    """Everything holds distributions, those kinds, those folders, below what they share."""
    found = boxes(SMALL)
    assert found[0] == Box("all", "", "all", 85, None)
    assert inside(found, "all") == {"a": 65, "b": 20}
    assert inside(found, "all|a") == {"extension": 50, "source": 15}
    assert inside(found, "all|a|source") == {"core/": 10, "z.py": 5}
    assert inside(found, "all|a|source|core/") == {"x.py": 8, "y.py": 2}
    assert inside(found, "all|b|source") == {"b.py": 20}


def test_a_box_is_the_sum_of_those_in_it() -> None:
    """plotly draws nothing where the parts are not exactly the whole."""
    found = boxes(SMALL)
    for box in found:
        parts = inside(found, box.id)
        assert not parts or sum(parts.values()) == box.size
    assert len({box.id for box in found}) == len(found)


def test_so_many_and_no_more() -> None:
    """Of thousands of files the smallest are one box, and small folders stay whole."""
    rows = [("a", f"a/{n % 90}/{n}.py", 1 + n, Kind.SOURCE) for n in range(5000)]
    found = boxes(tree(*rows), most=200)
    assert 200 <= len(found) < 250
    shown = inside(found, "all|a|source")
    [rest] = [label for label in shown if label.endswith(" more files")]
    assert len(shown) == 41
    assert sum(shown.values()) == sum(row[2] for row in rows)
    assert inside(found, f"all|a|source|{rest}") == {}


def test_nothing() -> None:
    """A tree without files is one box."""
    assert boxes(Tree((), ())) == [Box("all", "", "all", 0, None)]
