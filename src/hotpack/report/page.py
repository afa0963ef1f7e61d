"""One HTML page of what weighs what: a treemap that zooms, and the bar of Lambda's limit.

The charts are plotly's, with its JavaScript in the page: it opens without a network.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Any, Final

from hotpack.errors import HotpackError
from hotpack.install import File, Tree
from hotpack.progress import mb
from hotpack.target.limits import UNZIPPED_BYTES

_FILES_SHOWN: Final = 12
"""Of a distribution's files of one kind; the others are one box. tensorflow has 19,000 files."""

_ROOT: Final = "all"
_COLORS: Final = {"before": "#8c959f", "after": "#218bff", "limit": "#cf222e"}
_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1200px; padding: 0 1rem;
       color: #1f2328; background: #ffffff; }
h1 { font-size: 1.5rem; margin-bottom: 0; } p { margin-top: .3rem; color: #57606a; }
"""


@dataclass(frozen=True, slots=True)
class _Box:
    """One box of the treemap."""

    id: str
    parent: str
    label: str
    size: int


def sizes_page(project: str, plain_bytes: int, package_bytes: int | None, tree: Tree) -> str:
    """Return the page. `plain_bytes` is the plain install, `tree` what is left of it slimmed.

    `package_bytes` is the unzipped function, None where it has not been built.

    Raises HotpackError where plotly is not installed.
    """
    try:
        from plotly import graph_objects
        from plotly.io import to_html
    except ImportError:
        raise HotpackError(
            "the page needs plotly, which is not installed", hint="pip install 'hotpack[html]'"
        ) from None
    bars = _bars(graph_objects, plain_bytes, tree.size_bytes, package_bytes)
    treemap = _treemap(graph_objects, list(_boxes(tree)))
    config = {"displayModeBar": False, "responsive": True}
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(project)}: what weighs what</title>
<link rel="icon" href="data:,">
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(project)}</h1>
<p>{_verdict(plain_bytes, tree.size_bytes)} Click a box to look into it.</p>
{to_html(bars, include_plotlyjs=True, full_html=False, config=config, div_id="limit")}
{to_html(treemap, include_plotlyjs=False, full_html=False, config=config, div_id="treemap")}
</body>
</html>
"""


def _verdict(plain_bytes: int, slimmed_bytes: int) -> str:
    limit = f"Lambda's limit is {mb(UNZIPPED_BYTES)} unzipped."
    return f"A plain install weighs {mb(plain_bytes)}, slimmed {mb(slimmed_bytes)}. {limit}"


def _bars(graph_objects: Any, plain: int, slimmed: int, package: int | None) -> Any:
    """Return bars of the sizes before and after, with a line at the limit."""
    rows = [("plain install", plain, "before"), ("slimmed", slimmed, "after")]
    rows += [("function, unzipped", package, "after")] if package is not None else []
    rows.reverse()  # plotly draws from below
    figure = graph_objects.Figure(
        graph_objects.Bar(
            y=[name for name, _, _ in rows],
            x=[size / 1e6 for _, size, _ in rows],
            text=[mb(size) for _, size, _ in rows],
            textposition="inside",
            insidetextanchor="start",
            orientation="h",
            marker_color=[_COLORS[color] for _, _, color in rows],
            hoverinfo="y+text",
        )
    )
    limit = UNZIPPED_BYTES / 1e6
    figure.add_vline(x=limit, line_color=_COLORS["limit"], line_width=2)
    figure.add_annotation(
        x=limit,
        y=1,
        yref="paper",
        yanchor="bottom",
        text=f"limit {mb(UNZIPPED_BYTES)}",
        showarrow=False,
        font={"color": _COLORS["limit"]},
    )
    figure.update_layout(
        height=80 + 50 * len(rows),
        margin={"l": 140, "r": 20, "t": 36, "b": 40},
        plot_bgcolor="#ffffff",
        xaxis={"title": "MB", "gridcolor": "#eaeef2"},
    )
    return figure


def _treemap(graph_objects: Any, boxes: list[_Box]) -> Any:
    figure = graph_objects.Figure(
        graph_objects.Treemap(
            ids=[box.id for box in boxes],
            parents=[box.parent for box in boxes],
            labels=[box.label for box in boxes],
            values=[box.size for box in boxes],
            text=[mb(box.size) for box in boxes],
            branchvalues="total",
            maxdepth=3,
            texttemplate="%{label}<br>%{text}",
            hovertemplate="%{label}<br>%{text}<br>%{percentRoot:.1%} of all<extra></extra>",
            root_color="#eaeef2",
        )
    )
    figure.update_layout(height=640, margin={"l": 0, "r": 0, "t": 30, "b": 0})
    return figure


def _boxes(tree: Tree) -> Iterator[_Box]:
    """Yield a box for everything, each distribution, each of its kinds, and the largest files."""
    yield _Box(_ROOT, "", "all", tree.size_bytes)
    for name, files in tree.by_distribution().items():
        if not files:
            continue
        yield _Box(name, _ROOT, name, _total(files))
        by_kind = sorted(files, key=lambda file: file.kind)
        for kind, group in groupby(by_kind, key=lambda file: file.kind):
            mine = sorted(group, key=lambda file: (-file.size, file.path))
            yield _Box(f"{name}/{kind}", name, kind, _total(mine))
            yield from _file_boxes(f"{name}/{kind}", mine)


def _file_boxes(parent: str, files: list[File]) -> Iterator[_Box]:
    for file in files[:_FILES_SHOWN]:
        yield _Box(f"{parent}/{file.path}", parent, file.path, file.size)
    rest = files[_FILES_SHOWN:]
    if rest:
        yield _Box(f"{parent}/*", parent, f"{len(rest)} more files", _total(rest))


def _total(files: list[File] | tuple[File, ...]) -> int:
    return sum(file.size for file in files)
