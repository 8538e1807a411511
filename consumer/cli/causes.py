"""Drawing the paths from causes to a symptom: Mermaid, Graphviz, and a page that needs no network. Pure text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, Literal

Drawing = Literal["mermaid", "dot", "html"]
Cause = Mapping[str, Any]

_SHOWN = 3  # more paths than these are a thicket
_WIDTH, _HEIGHT, _GAP = 320, 44, 36  # of a box in the page, and between two


def draw(causes: Sequence[Cause], drawing: Drawing) -> str:
    """Return the paths of the best causes, each from the cause to the symptom.

    Args:
        causes: rows of ``root_cause``, the best first.
        drawing: ``mermaid`` and ``dot`` are the languages of those tools; ``html`` is a page with everything in it.
    """
    shapes: dict[Drawing, Callable[[Sequence[Cause]], str]] = {"mermaid": _mermaid, "dot": _dot, "html": _html}
    return shapes[drawing](causes[:_SHOWN])


def _mermaid(causes: Sequence[Cause]) -> str:
    nodes, edges = _graph(causes)
    lines = ["flowchart LR"]
    lines += [f'    n{place}["{_mermaid_text(name)}"]' for name, place in nodes.items()]
    lines += [f"    n{nodes[above]} --> n{nodes[below]}" for above, below in edges]
    if causes:
        lines += [
            "    classDef cause fill:#f8d7da,stroke:#b02a37",
            "    classDef symptom fill:#fff3cd,stroke:#997404",
            f"    class n{nodes[causes[0]['path'][-1]]} symptom",
            f"    class n{nodes[causes[0]['path'][0]]} cause",
        ]
    return "\n".join(lines) + "\n"


def _dot(causes: Sequence[Cause]) -> str:
    nodes, edges = _graph(causes)
    lines = ["digraph causes {", "    rankdir=LR;", '    node [shape=box, style=filled, fillcolor="white"];']
    for name, place in nodes.items():
        colour = _colour(name, causes)
        filled = f', fillcolor="{colour}"' if colour else ""
        lines.append(f'    n{place} [label="{_dot_text(name)}"{filled}];')
    lines += [f"    n{nodes[above]} -> n{nodes[below]};" for above, below in edges]
    return "\n".join([*lines, "}"]) + "\n"


def _html(causes: Sequence[Cause]) -> str:
    title = f"What broke {causes[0]['path'][-1]}" if causes else "Nothing to explain"
    parts = "".join(_section(cause, causes) for cause in causes)
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n<h1>{escape(title)}</h1>\n{parts}</html>\n"
    )


def _section(cause: Cause, causes: Sequence[Cause]) -> str:
    field = f" <small>field {escape(cause['field'])}</small>" if cause["field"] else ""
    return (
        f"<section>\n<h2>{cause['rank']}. {escape(cause['name'])}{field} <small>{cause['score']:.0%}</small></h2>\n"
        f"<p>{escape(cause['evidence'] or '')}.</p>\n{_boxes(cause['path'], causes)}</section>\n"
    )


def _boxes(path: Sequence[str], causes: Sequence[Cause]) -> str:
    width = len(path) * (_WIDTH + _GAP)
    boxes = []
    for place, name in enumerate(path):
        left = place * (_WIDTH + _GAP)
        boxes.append(
            f'<rect x="{left + 1}" y="1" width="{_WIDTH}" height="{_HEIGHT}" rx="6" '
            f'fill="{_colour(name, causes) or "white"}"/><text x="{left + _WIDTH // 2}" y="{_HEIGHT // 2 + 6}">'
            f"<title>{escape(name)}</title>{escape(_short(name))}</text>"
        )
        if place:
            boxes.append(f'<text x="{left - _GAP // 2}" y="{_HEIGHT // 2 + 6}">→</text>')
    return f'<svg viewBox="0 0 {width} {_HEIGHT + 2}" width="{width}" role="img">{"".join(boxes)}</svg>\n'


def _graph(causes: Sequence[Cause]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Return each dataset with its number, and the steps, both in the order of their first appearance."""
    names = dict.fromkeys(name for cause in causes for name in cause["path"])
    steps = dict.fromkeys(step for cause in causes for step in zip(cause["path"], cause["path"][1:], strict=False))
    return {name: place for place, name in enumerate(names)}, list(steps)


def _colour(name: str, causes: Sequence[Cause]) -> str | None:
    if name == causes[0]["path"][0]:
        return "#f8d7da"
    return "#fff3cd" if name == causes[0]["path"][-1] else None


def _short(name: str, most: int = 38) -> str:
    return name if len(name) <= most else f"…{name[1 - most :]}"


def _mermaid_text(name: str) -> str:
    return name.replace("#", "#35;").replace('"', "#quot;")


def _dot_text(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem;color:#212529}section{margin-bottom:2rem;overflow-x:auto}"
    "small{color:#6c757d;font-weight:normal}rect{stroke:#495057}text{font-size:15px;text-anchor:middle}"
)
