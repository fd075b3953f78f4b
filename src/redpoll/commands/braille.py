"""A canvas of dots, shown as braille characters: two dots wide and four high each.

1 4     the bits of a character from U+2800 on: dot n is bit n - 1
2 5
3 6
7 8
"""

import math
from collections.abc import Iterable

Point = tuple[float, float]

_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BLANK = "\u2800"


class Canvas:
    """Dots from (0, 0) at the upper left; whatever lies outside is ignored."""

    __slots__ = ("_rows", "height", "width")

    def __init__(self, columns: int, lines: int) -> None:
        self.width = columns * 2
        self.height = lines * 4
        self._rows = [bytearray(self.width) for _ in range(self.height)]

    def get(self, x: float, y: float) -> bool:
        """Whether the dot is set."""
        column, row = round(x), round(y)
        return 0 <= column < self.width and 0 <= row < self.height and bool(self._rows[row][column])

    def set(self, x: float, y: float, on: bool = True) -> None:
        """Set or clear a dot."""
        column, row = round(x), round(y)
        if 0 <= column < self.width and 0 <= row < self.height:
            self._rows[row][column] = on

    def line(self, start: Point, end: Point, thickness: float = 1) -> None:
        """A straight line."""
        (x, y), (to_x, to_y) = start, end
        steps = max(math.ceil(max(abs(to_x - x), abs(to_y - y))), 1)
        reach = (thickness - 1) / 2
        for step in range(steps + 1):
            at = step / steps
            center_x, center_y = x + (to_x - x) * at, y + (to_y - y) * at
            offset = -reach
            while offset <= reach:
                self.set(center_x, center_y + offset)
                offset += 0.5

    def polygon(self, corners: Iterable[Point], on: bool = True) -> None:
        """A filled polygon."""
        points = list(corners)
        edges = list(zip(points, points[1:] + points[:1], strict=True))
        for row in range(math.floor(min(y for _, y in points)), math.ceil(max(y for _, y in points)) + 1):
            crossings = sorted(
                x + (row - y) * (to_x - x) / (to_y - y) for (x, y), (to_x, to_y) in edges if (y <= row) != (to_y <= row)
            )
            for left, right in zip(crossings[::2], crossings[1::2], strict=True):
                for column in range(math.ceil(left), math.floor(right) + 1):
                    self.set(column, row, on)

    def lines(self) -> list[str]:
        """The rows of characters, without blanks at their ends."""
        shown = []
        for top in range(0, self.height, 4):
            cells = []
            for left in range(0, self.width, 2):
                bits = 0
                for y in range(4):
                    for x in range(2):
                        if self._rows[top + y][left + x]:
                            bits |= _BITS[y][x]
                cells.append(chr(0x2800 + bits))
            shown.append("".join(cells).rstrip(_BLANK))
        return shown
