"""What is made of the spans of a cold start."""

import pytest

from hotpack.measure.spans import (
    STANDARD_LIBRARY,
    Span,
    by_package,
    by_phase,
    innermost,
    package_of,
    together,
    traced_spans,
    watched_spans,
)


def test_watched_spans() -> None:
    """Times are from when the watch began; a detail may have spaces or be missing."""
    lines = [
        "begin 1000000000 1000000000 7 ",
        "import 1002000000 1005500000 7 numpy.core",
        "fetch 1010000000 1020000000 8 ",
    ]
    assert watched_spans(lines) == [
        Span("import", 2.0, 5.5, 7, "numpy.core"),
        Span("fetch", 10.0, 20.0, 8, ""),
    ]


def test_traced_spans_among_other_lines() -> None:
    """The runtime's line is found between others, also behind a stamp, and details are optional."""
    trace = (
        '{"hotpack_trace": {"version": 1, "spans": [{"name": "fetch", "start_ms": 1, '
        '"end_ms": 2.5, "thread": 3, "detail": "p"}, {"name": "wait", "start_ms": 2, '
        '"end_ms": 4, "thread": 0}]}}'
    )
    log = ("START RequestId: 1", f"hello\n2026-01-01 {trace}", '{"level": "INFO"}')
    assert traced_spans(log) == [Span("fetch", 1, 2.5, 3, "p"), Span("wait", 2, 4, 0)]


def test_no_trace() -> None:
    """A log without the line has no spans."""
    assert traced_spans(("START", "{}")) == []


def test_one_clock() -> None:
    """The runtime's spans begin where its first module is imported; its imports are left out."""
    watched = [
        Span("import", 40, 90, 1, "app"),
        Span("import", 12, 30, 1, "hotpack_runtime.entry"),
        Span("import", 13, 14, 1, "hotpack_runtime.errors"),
    ]
    traced = [Span("fetch", 1, 5, 2), Span("import", 2, 3, 1, "app")]
    assert together(watched, traced) == [*watched, Span("fetch", 13, 17, 2)]


def test_the_innermost_counts() -> None:
    """At each moment a thread does one thing: the innermost; modules count for their package."""
    spans = [
        Span("import", 0, 100, 1, "spacy"),
        Span("import", 10, 40, 1, "numpy"),
        Span("import", 20, 30, 1, "numpy.core"),
        Span("wait", 50, 60, 1),
        Span("import", 60, 70, 1, "json.decoder"),
    ]
    assert innermost(spans) == [
        Span("import", 0, 10, 1, "spacy"),
        Span("import", 10, 40, 1, "numpy"),
        Span("import", 40, 50, 1, "spacy"),
        Span("wait", 50, 60, 1),
        Span("import", 60, 70, 1, STANDARD_LIBRARY),
        Span("import", 70, 100, 1, "spacy"),
    ]


def test_threads_overlap() -> None:
    """What two threads do at once is there twice, and counts twice."""
    parts = innermost([Span("fetch", 0, 10, 1), Span("fetch", 5, 15, 2)])
    assert by_phase(parts) == {"fetch": 20.0}


def test_gaps_stay() -> None:
    """Parts of one kind are one only where they touch."""
    parts = innermost([Span("write", 0, 1, 1), Span("write", 1, 2, 1), Span("write", 3, 4, 1)])
    assert parts == [Span("write", 0, 2, 1), Span("write", 3, 4, 1)]


def test_spans_of_no_length() -> None:
    """What took no time at all is nothing."""
    assert innermost([Span("import", 5, 5, 1, "empty")]) == []


def test_sums() -> None:
    """Phases stand in their order, unknown ones behind; packages by how long they took."""
    parts = [
        Span("polish", 0, 1, 1),
        Span("import", 1, 3, 1, "b"),
        Span("import", 3, 9, 1, "a"),
        Span("import", 9, 10, 1, "b"),
        Span("fetch", 0, 4, 2),
    ]
    assert list(by_phase(parts).items()) == [("fetch", 4), ("import", 9), ("polish", 1)]
    assert list(by_package(parts).items()) == [("a", 6), ("b", 3)]


@pytest.mark.parametrize(
    ("module", "package"),
    [("numpy.core", "numpy"), ("os", STANDARD_LIBRARY), ("importlib.metadata", STANDARD_LIBRARY)],
)
def test_package_of(module: str, package: str) -> None:
    """Modules of the standard library are one package."""
    assert package_of(module) == package
