"""Charts of lines as SVG, without a library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

MARGIN = 56
_COLOURS = ("#4c72b0", "#dd8452", "#55a868", "#c44e52", "#8172b3", "#937860", "#da8bc3", "#8c8c8c", "#ccb974")
_LEGEND = 2.2  # margins that the names beside the lines take

Points = Sequence[tuple[float, float]]


def chart(
    title: str,
    lines: Mapping[str, Points],
    ticks: Sequence[tuple[float, str]],
    *,
    width: int = 760,
    height: int = 460,
    top: int = 0,
    value: Callable[[float], str] = "{:.2f}".format,
) -> list[str]:
    """Return the elements of a chart: a line for each name, from the least to the largest x of all; values begin at 0.

    `ticks` are places on the x axis and what stands there, `value` says how a value is written. `top` is where on the
    page the chart begins, in pixels.
    """
    every = [point for points in lines.values() for point in points]
    least, most = (min(x for x, _ in every), max(x for x, _ in every)) if every else (0.0, 1.0)
    highest = max((y for _, y in every), default=0.0) * 1.05 or 1.0
    inner_width, inner_height = width - (2 + _LEGEND) * MARGIN, height - 2 * MARGIN

    def place(x: float, y: float) -> tuple[float, float]:
        share = (x - least) / (most - least) if most > least else 0.0
        return MARGIN + share * inner_width, top + height - MARGIN - y / highest * inner_height

    parts = [f'<text x="{MARGIN}" y="{top + 24}" font-size="14">{escape(title)}</text>']
    for share in range(5):
        level = highest / 1.05 * share / 4
        x, y = place(least, level)
        parts.append(f'<line x1="{x:.0f}" y1="{y:.1f}" x2="{x + inner_width:.0f}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{x - 6:.0f}" y="{y + 4:.1f}" text-anchor="end">{value(level)}</text>')
    for at, text in ticks:
        x, y = place(at, 0)
        parts.append(f'<text x="{x:.1f}" y="{y + 20:.0f}" text-anchor="middle">{escape(text)}</text>')
    for number, (name, points) in enumerate(lines.items()):
        dashes = ' stroke-dasharray="5 3"' if number >= len(_COLOURS) else ""
        stroke = f'stroke="{_COLOURS[number % len(_COLOURS)]}" stroke-width="2"{dashes}'
        path = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in points)
        parts.append(f'<polyline points="{path}" fill="none" {stroke}/>')
        x, y = MARGIN + inner_width + 16, top + MARGIN + number * 22
        parts.append(f'<line x1="{x:.0f}" y1="{y}" x2="{x + 20:.0f}" y2="{y}" {stroke}/>')
        parts.append(f'<text x="{x + 26:.0f}" y="{y + 4}">{escape(name)}</text>')
    return parts


def page(elements: Sequence[str], *, width: int = 760, height: int = 460) -> str:
    """Return a whole file."""
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"',
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    return "\n".join([*head, *elements, "</svg>", ""])
