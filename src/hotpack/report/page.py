"""One HTML page of what weighs what: a bar of Lambda's limit, and a treemap that zooms.

The charts are plotly's, with its JavaScript in the page. The page forbids its browser to load
anything else, so it opens without a network and asks nobody for anything.
"""

from collections import Counter
from collections.abc import Iterable
from html import escape
from typing import Any, Final

from hotpack.errors import HotpackError
from hotpack.install import Kind, Tree
from hotpack.inventory import Difference, Sizes
from hotpack.progress import mb
from hotpack.report.difference import Row, difference_rows, targets, unchanged
from hotpack.report.plots import POLICY
from hotpack.report.treemap import Box, boxes
from hotpack.target.limits import UNZIPPED_BYTES

_COLORS: Final[dict[Kind, str]] = {
    Kind.LIBRARY: "#7aa7e0",
    Kind.EXTENSION: "#a9cdf5",
    Kind.EXECUTABLE: "#e59866",
    Kind.BYTECODE: "#c9b6f2",
    Kind.SOURCE: "#93d3a2",
    Kind.DATA: "#f0d27a",
    Kind.TEST: "#f4b3a6",
    Kind.METADATA: "#bcc5ce",
    Kind.STUB: "#d4dae0",
    Kind.HEADER: "#d9d0c4",
    Kind.STATIC: "#c4b7a6",
}
"""By kind, in the order in which bars are stacked; light, so that text on them is read."""

_OWN: Final = "#57606a"
_SEVERAL: Final = "#f3f5f7"
_PACKED: Final = "#8c959f"
_LIMIT: Final = "#cf222e"
_CLASSES: Final = {"+": "added", "-": "removed", "~": "changed"}
_FONT: Final = {"family": "system-ui, sans-serif", "size": 13, "color": "#1f2328"}
_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.2rem auto; max-width: 1200px;
       padding: 0 1rem; color: #1f2328; background: #ffffff; }
h1 { font-size: 1.4rem; margin: 0; }
p { margin: .2rem 0; color: #57606a; }
.kinds { display: flex; flex-wrap: wrap; gap: .2rem 1rem; font-size: .85rem; margin: .2rem 0; }
table { border-collapse: collapse; margin: .6rem 0; font-size: .9rem; }
caption { text-align: left; color: #57606a; padding-bottom: .2rem; }
th, td { text-align: left; padding: .1rem 1rem .1rem 0; white-space: nowrap; }
th:nth-child(n+4), td:nth-child(n+4) { text-align: right; }
thead, tfoot { font-weight: 600; }
.added { color: #a40e26; }
.removed { color: #116329; }
.kinds i { display: inline-block; width: .8em; height: .8em; margin-right: .35em; }
"""


def sizes_page(
    project: str,
    sizes: Sizes,
    installed: Tree,
    slimmed: Tree,
    difference: Difference | None = None,
) -> str:
    """Return the page: plain install against slimmed, with the project's own files.

    `difference` is from another build to this one: what changed stands above the treemap.

    Raises HotpackError where plotly is not installed.
    """
    try:
        from plotly.io import to_html
    except ImportError:
        raise HotpackError(
            "the page needs plotly, which is not installed",
            hint="install hotpack with its extra: pip install '/path/to/hotpack[html]'",
        ) from None
    kinds = sorted({file.kind for tree in (installed, slimmed) for file in tree.files}, key=_place)
    config = {"displayModeBar": False, "responsive": True}
    options: dict[str, Any] = {"full_html": False, "config": config, "validate": False}
    bars = to_html(
        _bars(sizes, installed, slimmed, kinds, difference),
        include_plotlyjs=True,
        div_id="limit",
        **options,
    )
    treemap = to_html(
        _treemap(boxes(slimmed), boxes(installed)),
        include_plotlyjs=False,
        div_id="treemap",
        **options,
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(project)}: what weighs what</title>
<link rel="icon" href="data:,">
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(project)}</h1>
<p>{_verdict(sizes)}</p>
{bars}
<div class="kinds">{_legend(kinds)}</div>
{_changes(difference) if difference else ""}
{treemap}
</body>
</html>
"""


def _verdict(sizes: Sizes) -> str:
    plain = sizes.installed_bytes + sizes.code_bytes
    packed = f", packed {mb(sizes.packed_bytes + sizes.code_bytes)}" if sizes.packed_bytes else ""
    return (
        f"{sizes.target}: a plain install weighs {mb(plain)}, "
        f"slimmed {mb(sizes.total_bytes)}{packed}. "
        f"Lambda's limit is {mb(UNZIPPED_BYTES)} unzipped. "
        "Click a box to look into it."
    )


def _legend(kinds: list[Kind]) -> str:
    items = [(kind.value, _COLORS[kind]) for kind in kinds] + [("the project's own files", _OWN)]
    return "".join(
        f'<span><i style="background:{color}"></i>{escape(name)}</span>' for name, color in items
    )


def _place(kind: Kind) -> int:
    return list(_COLORS).index(kind)


def _changes(difference: Difference) -> str:
    """Return a table of what changed since the other build, slimmed, and the sum."""
    rows = "".join(
        f'<tr class="{_CLASSES[row.sign]}">{_cells(row.cells)}</tr>\n'
        for row in difference_rows(difference)
    )
    total = Row("~", "all", "", difference.old.total_bytes, difference.new.total_bytes)
    caption = f"Since the other build, slimmed; {unchanged(difference)} unchanged."
    return f"""<table id="changes">
<caption>{caption} {escape(targets(difference))}</caption>
<thead><tr>{_cells(("", "distribution", "version", "before", "now", "change"), "th")}</tr></thead>
<tbody>{rows}</tbody>
<tfoot><tr>{_cells(("", *total.cells[1:]))}</tr></tfoot>
</table>"""


def _cells(texts: Iterable[str], tag: str = "td") -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts)


def _bars(
    sizes: Sizes,
    installed: Tree,
    slimmed: Tree,
    kinds: list[Kind],
    difference: Difference | None,
) -> dict[str, Any]:
    """Return bars of the size before and after, by kind, with a line at the limit."""
    rows = ["slimmed", "plain install"]  # plotly draws from below
    sums = [_sum_kinds(slimmed), _sum_kinds(installed)]
    parts = [(kind.value, [each[kind] for each in sums], _COLORS[kind]) for kind in kinds]
    parts.append(("the project's own files", [sizes.code_bytes] * 2, _OWN))
    bars = [_bar(name, rows, values, color) for name, values, color in parts]
    single = {"the other build": difference.old.total_bytes} if difference else {}
    if sizes.packed_bytes is not None:
        single["packed"] = sizes.packed_bytes + sizes.code_bytes
    for name, size in single.items():
        rows.insert(0, name)
        bars.append(_bar(name, [name], [size], _PACKED))
    limit = UNZIPPED_BYTES / 1e6
    plain = sizes.installed_bytes + sizes.code_bytes
    most = max(limit, *(size / 1e6 for size in (plain, sizes.total_bytes, *single.values())))
    layout = {
        "barmode": "stack",
        "bargap": 0.25,
        "height": 64 + 32 * len(rows),
        "margin": {"l": 100, "r": 10, "t": 28, "b": 34},
        "font": _FONT,
        "plot_bgcolor": "#ffffff",
        "showlegend": False,
        "xaxis": {"ticksuffix": " MB", "gridcolor": "#eaeef2", "range": [0, most * 1.06],
                  "fixedrange": True},
        "yaxis": {"fixedrange": True, "categoryorder": "array", "categoryarray": rows},
        "shapes": [{"type": "line", "x0": limit, "x1": limit, "y0": 0, "y1": 1, "yref": "paper",
                    "line": {"color": _LIMIT, "width": 2}}],
        "annotations": [{"x": limit, "y": 1, "yref": "paper", "yanchor": "bottom",
                         "text": f"limit {mb(UNZIPPED_BYTES)}", "showarrow": False,
                         "font": {"color": _LIMIT}}],
    }  # fmt: skip
    return {"data": bars, "layout": layout}


def _bar(name: str, rows: list[str], values: list[int], color: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "y": list(rows),
        "x": [value / 1e6 for value in values],
        "marker": {"color": color},
        "hovertemplate": f"%{{y}}: {name} %{{x:,.1f}} MB<extra></extra>",
    }


def _sum_kinds(tree: Tree) -> Counter[Kind]:
    sums: Counter[Kind] = Counter()
    for file in tree.files:
        sums[file.kind] += file.size
    return sums


def _treemap(slimmed: list[Box], installed: list[Box]) -> dict[str, Any]:
    """Return two treemaps, of which buttons show the one or the other."""
    buttons = [
        {"label": label, "method": "restyle", "args": ["visible", visible]}
        for label, visible in (("slimmed", [True, False]), ("plain install", [False, True]))
    ]
    menu = {
        "type": "buttons", "direction": "right", "buttons": buttons, "showactive": True,
        "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom", "pad": {"b": 4},
    }  # fmt: skip
    return {
        "data": [_trace(slimmed, visible=True), _trace(installed, visible=False)],
        "layout": {
            "height": 450,
            "margin": {"l": 0, "r": 2, "t": 40, "b": 0},
            "font": _FONT,
            "updatemenus": [menu],
            "uniformtext": {"minsize": 11, "mode": "hide"},
        },
    }


def _trace(found: list[Box], *, visible: bool) -> dict[str, Any]:
    return {
        "type": "treemap",
        "visible": visible,
        "ids": [box.id for box in found],
        "parents": [box.parent for box in found],
        "labels": [escape(box.label) for box in found],
        "values": [box.size for box in found],
        "text": [_text(box) for box in found],
        "branchvalues": "total",
        "maxdepth": 3,
        "marker": {
            "colors": [_COLORS[box.kind] if box.kind else _SEVERAL for box in found],
            "line": {"color": "#ffffff", "width": 1},
        },
        "tiling": {"pad": 2},
        "pathbar": {"thickness": 24},
        "texttemplate": "%{text}",
        "hovertemplate": "%{label}<br>%{value:,} bytes, %{percentRoot:.1%} of all<extra></extra>",
    }


def _text(box: Box) -> str:
    """Return what stands in a box: in one line where it is the head of others."""
    gap = "<br>" if box.kind else " "
    return f"{escape(box.label)}{gap}{mb(box.size)}"
