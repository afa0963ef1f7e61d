"""A page of charts: light and dark, zoomed by mouse and by keyboard, without a network.

The charts are plotly's, with its JavaScript in the page. The page forbids its browser to load
anything else. What a chart shows stands in tables too, for whoever does not see it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from hotpack.errors import HotpackError

BLUE: Final = "#3b82c4"
ORANGE: Final = "#d9730d"
RED: Final = "#d1242f"
GREY: Final = "#7d8590"
"""At least 3:1 against both backgrounds, as graphics should have."""

POLICY: Final = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:"
)
"""Of every page: its browser loads nothing else, so it opens without a network."""
_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1f2328; --quiet: #57606a; --paper: #ffffff;
        --grid: #d8dee4; --box: #f3f5f7; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --quiet: #9da7b1; --paper: #0d1117; --grid: #30363d; --box: #161b22; }
}
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.2rem auto; max-width: 1200px;
       padding: 0 1rem; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.4rem; margin: 0; }
p { margin: .2rem 0; color: var(--quiet); }
figure { margin: 1rem 0; }
figcaption { color: var(--quiet); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; font-size: .9rem; }
caption { text-align: left; color: var(--quiet); padding-bottom: .2rem; }
th, td { text-align: right; padding: .1rem 1rem .1rem 0; white-space: nowrap; font-weight: 400; }
th:first-child { text-align: left; }
thead th { font-weight: 600; border-bottom: 1px solid var(--grid); }
button { font: inherit; color: var(--ink); background: var(--box); cursor: pointer;
         border: 1px solid var(--grid); border-radius: 4px; padding: .1rem .6rem; }
:focus-visible { outline: 2px solid #3b82c4; outline-offset: 1px; }
"""

_SCRIPT: Final = """
const plots = [...document.querySelectorAll(".plotly-graph-div")];
const dark = matchMedia("(prefers-color-scheme: dark)");

function paint() {
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--ink"), grid = style.getPropertyValue("--grid");
  const paper = style.getPropertyValue("--paper");
  for (const plot of plots) {
    const change = {"font.color": ink, "hoverlabel.bgcolor": paper, "hoverlabel.font.color": ink};
    for (const name of Object.keys(plot._fullLayout).filter(key => /^[xy]axis[0-9]*$/.test(key)))
      Object.assign(change, {[name + ".gridcolor"]: grid, [name + ".zerolinecolor"]: grid,
                             [name + ".linecolor"]: grid});
    Plotly.relayout(plot, change);
  }
}

function move(plot, by) {
  const axis = plot._fullLayout.xaxis;
  const [from, to] = axis.range.map(axis.r2l), width = to - from;
  const [left, right] = {in: [.25, -.25], out: [-.5, .5], left: [-.25, -.25],
                         right: [.25, .25]}[by];
  const range = [from + left * width, to + right * width].map(axis.l2r);
  Plotly.relayout(plot, {"xaxis.range": range});
}

function press(button) {
  const plot = document.getElementById(button.dataset.plot), doing = button.dataset.do;
  if (doing == "reset")
    Plotly.relayout(plot, {"xaxis.autorange": true, "yaxis.autorange": true});
  else if (doing == "log") {
    const log = plot._fullLayout.yaxis.type != "log";
    Plotly.relayout(plot, {"yaxis.type": log ? "log" : "linear", "yaxis.autorange": true});
    button.setAttribute("aria-pressed", log);
  } else
    move(plot, doing);
}

for (const button of document.querySelectorAll("button[data-do]"))
  button.addEventListener("click", () => press(button));
dark.addEventListener("change", paint);
paint();
"""

_BUTTONS: Final = (
    ("in", "zoom in"),
    ("out", "zoom out"),
    ("left", "earlier"),
    ("right", "later"),
    ("reset", "show all"),
)


@dataclass(frozen=True, slots=True)
class Plot:
    """One chart: what plotly draws, and what it shows in words."""

    id: str
    caption: str
    data: Sequence[dict[str, Any]]
    layout: dict[str, Any]
    zooms: bool = True


@dataclass(frozen=True, slots=True)
class Rows:
    """A table; the first cell of a row is its head."""

    caption: str
    head: Sequence[str]
    rows: Iterable[Sequence[str]]


def axis(title: str, **more: Any) -> dict[str, Any]:
    """Return an axis with its title."""
    return {"title": {"text": title}, "automargin": True, "zeroline": False, **more}


def page(title: str, lead: Sequence[str], parts: Sequence[Plot | Rows]) -> str:
    """Return a page with a title, sentences, and charts and tables in their order.

    Raises HotpackError where plotly is not installed.
    """
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        raise HotpackError(
            "the page needs plotly, which is not installed",
            hint="install hotpack with its extra: pip install '/path/to/hotpack[html]'",
        ) from None
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>{_STYLE}</style>
<script>{get_plotlyjs()}</script>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
{"".join(f"<p>{escape(sentence)}</p>" for sentence in lead)}
{"".join(_plot(part) if isinstance(part, Plot) else _rows(part) for part in parts)}
</main>
<script>{_SCRIPT}</script>
</body>
</html>
"""


def _plot(plot: Plot) -> str:
    from plotly.io import to_html

    layout = {
        "margin": {"l": 60, "r": 10, "t": 10, "b": 40},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 13},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom"},
        "dragmode": "zoom" if plot.zooms else False,
        **plot.layout,
    }
    chart = to_html(
        {"data": list(plot.data), "layout": layout},
        full_html=False,
        include_plotlyjs=False,
        div_id=plot.id,
        config={"displayModeBar": False, "responsive": True},
        validate=False,
    )
    buttons = "".join(
        f'<button type="button" data-plot="{plot.id}" data-do="{doing}">{label}</button>\n'
        for doing, label in _BUTTONS
    )
    log = (
        f'<button type="button" data-plot="{plot.id}" data-do="log" aria-pressed="false">'
        "logarithmic</button>"
    )
    zoom = f'<div role="group" aria-label="Zoom">{buttons}{log}</div>' if plot.zooms else ""
    return f"""<figure aria-labelledby="{plot.id}-caption">
<figcaption id="{plot.id}-caption">{escape(plot.caption)}</figcaption>
{zoom}
<div role="img" aria-labelledby="{plot.id}-caption">{chart}</div>
</figure>
"""


def _rows(rows: Rows) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in rows.head)
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        f"{''.join(f'<td>{escape(cell)}</td>' for cell in row[1:])}</tr>\n"
        for row in rows.rows
    )
    return f"""<div class="wide" role="region" tabindex="0" aria-label="{escape(rows.caption)}">
<table>
<caption>{escape(rows.caption)}</caption>
<thead><tr>{head}</tr></thead>
<tbody>{body}</tbody>
</table>
</div>
"""
