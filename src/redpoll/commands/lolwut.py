"""LOLWUT: what a redpoll does all day, drawn anew each time.

The redpoll is a finch of the north, small and streaked, with a red cap, that hangs on birch
twigs in the snow and feeds on their catkins, travels in restless flocks, and trills in flight.
`LOLWUT [VERSION n] [columns [birds [seed]]]` draws one of three pieces:

    1  finches on a birch in the snow (the default)
    2  the flock in flight
    3  the song, as a sonogram

The same seed draws the same picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from redpoll import errors
from redpoll.commands.braille import Canvas, Point
from redpoll.commands.declare import command
from redpoll.commands.flags import FAST, READONLY
from redpoll.engine.numbers import read_int64
from redpoll.errors import CommandError
from redpoll.version import VERSION
from redpoll.wire import values

if TYPE_CHECKING:
    from random import Random

COLUMNS, MIN_COLUMNS, MAX_COLUMNS = 72, 24, 160
MAX_BIRDS = 80  # drawing must not keep other clients waiting


@command(
    "LOLWUT [VERSION version]",
    group="server",
    flags=READONLY | FAST,
    since="5.0.0",
)
def lolwut(call: Any) -> values.Verbatim:
    """Return a drawing of redpolls, and the server's version."""
    words = call.args[1:]
    version = 1
    if len(words) >= 2 and words[0].lower() == b"version":
        version = _integer(words[1])
        words = words[2:]
    columns, birds, seed = ([_integer(word) for word in words[:3]] + [None] * 3)[:3]
    return values.Verbatim(draw(version, columns, birds, call.now_ms if seed is None else seed).encode())


def draw(version: int, columns: int | None, birds: int | None, seed: int) -> str:
    """A piece with its caption and the version line; unknown versions show the first."""
    from random import Random  # slow to import, and rarely needed

    width = min(max(COLUMNS if columns is None else columns, MIN_COLUMNS), MAX_COLUMNS)
    count = None if birds is None else min(max(birds, 0), MAX_BIRDS)
    lines = PIECES.get(version, birch)(width, count, Random(seed))
    return "\n".join((*lines, "", f"Redpoll ver. {VERSION}", ""))


def _integer(word: bytes) -> int:
    number: int | None = read_int64(word)
    if number is None:
        raise CommandError(errors.NOT_AN_INTEGER)
    return number


# --- Finches on a birch ---------------------------------------------------------------------


def birch(columns: int, birds: int | None, random: Random) -> list[str]:
    """A branch with catkins, finches on it, and snow."""
    lines = max(columns * 5 // 18, 12)
    canvas = Canvas(columns, lines)
    scale = min(canvas.height / 72, 1.25)
    branch = _branch(canvas, random)
    perches = _perches(canvas, birds, scale, random)
    for perch in perches:
        x = perch * canvas.width
        finch(canvas, (x, branch(x)), scale * random.uniform(0.85, 1.1), random.choice((-1, 1)), random)
    _snow(canvas, random)
    what = {0: "Nobody", 1: "A redpoll"}.get(len(perches), f"{len(perches)} redpolls")
    return [*canvas.lines(), "", f"{what} on a birch, {_weather(random)}."]


def _branch(canvas: Canvas, random: Random) -> Callable[[float], float]:
    """Draw a branch from the left edge to near the right one; where its upper side is at an x."""
    middle = canvas.height * random.uniform(0.60, 0.68)
    slope = random.uniform(-0.10, 0.02)
    waves = [(random.uniform(0.5, 1.2), random.uniform(0, math.tau), canvas.height * 0.035) for _ in range(3)]

    def top(x: float) -> float:
        at = x / canvas.width
        return middle + slope * x * 0.4 + sum(h * math.sin(f * at * math.tau + p) for f, p, h in waves)

    end = int(canvas.width * 0.97)
    for x in range(end):
        thickness = 1 + 3.2 * (1 - x / end)
        canvas.line((x, top(x)), (x, top(x) + thickness))
        if random.random() < 0.05:  # the dark marks in white bark
            for offset in range(3):
                canvas.set(x, top(x) + 1 + offset * 0.5, False)
    at = random.uniform(6, 14)
    while at < end:
        _twig(canvas, (at, top(at) + 2), random)
        at += random.uniform(13, 26)
    return top


def _twig(canvas: Canvas, start: Point, random: Random) -> None:
    """A thin twig that hangs and ends in catkins."""
    x, y = start
    angle = random.uniform(0.15, 0.9)
    for _ in range(random.randint(5, 11)):
        end = (x + math.cos(angle) * 1.8, y + math.sin(angle) * 1.8)
        canvas.line((x, y), end)
        x, y = end
        angle = min(angle + random.uniform(0.0, 0.25), math.pi / 2)
    for _ in range(random.randint(1, 2)):
        _catkin(canvas, (x + random.uniform(-2, 2), y), random)


def _catkin(canvas: Canvas, start: Point, random: Random) -> None:
    x, y = start
    sway = random.uniform(-0.25, 0.25)
    for step in range(random.randint(5, 9)):
        canvas.set(x + step * sway, y + step)
        canvas.set(x + step * sway + (1 if step % 2 else -1), y + step)


def _perches(canvas: Canvas, birds: int | None, scale: float, random: Random) -> list[float]:
    """Where along the branch birds sit, so that none sits on another."""
    room = max(int(canvas.width * 0.9 / (38 * scale)), 1)
    count = random.randint(max(room - 2, 1), room) if birds is None else min(birds, room)
    places = sorted(random.sample(range(room), count))
    return [(place + 0.5 + random.uniform(-0.08, 0.08)) / room * 0.9 + 0.04 for place in places]


def finch(canvas: Canvas, feet: Point, size: float, facing: int, random: Random) -> None:
    """A redpoll in profile: outlined, streaked, with a solid cap, above its feet."""
    tilt = random.uniform(-0.08, 0.14)
    cos, sin = math.cos(tilt), math.sin(tilt)

    def place(x: float, y: float) -> Point:
        """From the bird's own measure, feet at (0, 0) and looking right, to dots."""
        return feet[0] + facing * size * (x * cos - y * sin), feet[1] - 1 + size * (x * sin + y * cos)

    for leg in (-1.5, 1.5):
        canvas.line(place(leg, -4), (feet[0] + facing * size * leg, feet[1]))
    outline = [place(x, y) for x, y in _SILHOUETTE]
    canvas.polygon(outline, on=False)
    for start, end in zip(outline, outline[1:] + outline[:1], strict=True):
        canvas.line(start, end)
    canvas.polygon([place(x, y) for x, y in _CAP])
    canvas.polygon([place(x, y) for x, y in _BIB])
    canvas.polygon([place(x, y) for x, y in _BEAK])
    for dx, dy in ((0.0, 0.0), (0.7, 0.0), (0.0, 0.7)):
        canvas.set(*place(9.4 + dx, -17.2 + dy))
    for start, end in _WING:
        canvas.line(place(*start), place(*end))
    for x, y in _STREAKS:
        canvas.line(place(x, y), place(x - 1.6, y + 1.4))


_SILHOUETTE: tuple[Point, ...] = (
    (13.2, -16.6),
    (12.4, -19.2),
    (10.4, -21.2),
    (7.4, -21.8),
    (4.6, -20.8),
    (2.4, -18.6),
    (-1.0, -16.2),
    (-5.0, -13.4),
    (-9.0, -9.6),
    (-13.0, -5.0),
    (-20.5, 2.2),
    (-18.2, 2.4),
    (-18.8, 5.2),
    (-11.5, -0.6),
    (-7.6, -3.0),
    (-3.0, -2.6),
    (2.0, -3.0),
    (6.2, -5.0),
    (9.4, -8.4),
    (11.0, -12.0),
    (11.6, -14.4),
)
_CAP: tuple[Point, ...] = ((13.0, -17.8), (12.4, -19.4), (10.4, -21.4), (7.6, -22.2), (5.6, -21.2), (8.6, -19.0))
_BIB: tuple[Point, ...] = ((12.6, -15.2), (11.6, -12.8), (10.0, -14.0), (11.4, -15.6))
_BEAK: tuple[Point, ...] = ((12.8, -17.4), (16.4, -15.9), (12.6, -15.0))
_WING: tuple[tuple[Point, Point], ...] = (
    ((3.4, -12.6), (-2.0, -6.6)),
    ((-2.0, -6.6), (-14.0, -1.8)),
    ((1.6, -13.0), (-4.4, -9.8)),
    ((-1.0, -9.6), (-9.4, -6.2)),
)
_STREAKS: tuple[Point, ...] = ((6.4, -9.6), (3.8, -7.2), (0.8, -5.4), (7.6, -12.6), (-3.0, -13.0), (-6.4, -10.0))


def _snow(canvas: Canvas, random: Random) -> None:
    """Flakes wherever nothing is near."""
    for _ in range(canvas.width * canvas.height // 70):
        x, y = random.randrange(canvas.width), random.randrange(canvas.height)
        if not any(canvas.get(x + dx, y + dy) for dx in (-2, -1, 0, 1, 2) for dy in (-2, -1, 0, 1, 2)):
            canvas.set(x, y)


def _weather(random: Random) -> str:
    wind = random.choice(("calm", "a light wind from the north", "gusts", "a still morning", "snow since midnight"))
    return f"{-random.randint(2, 31)} °C, {wind}"


# --- The flock in flight --------------------------------------------------------------------


def flight(columns: int, birds: int | None, random: Random) -> list[str]:
    """A flock over the trees: each bird heads where its neighbours head and keeps near them (Reynolds, 1987)."""
    canvas = Canvas(columns, max(columns * 5 // 18, 12))
    count = random.randint(35, 60) if birds is None else birds
    flock = _Flock(canvas.width, canvas.height * 0.72, count, random)
    for _ in range(16):
        flock.step()
    for position, heading in flock.birds():
        _wings(canvas, position, heading, random)
    _treeline(canvas, random)
    many = "Nobody up there today" if not count else f"{count} redpolls" if count > 1 else "One redpoll"
    return [*canvas.lines(), "", f"{many}, bound for {random.choice(_PLACES)}."]


_PLACES = ("the birches by the lake", "the alders", "Lapland", "the next garden", "the tundra", "somewhere warmer")


class _Flock:
    """Birds as complex numbers, x and y at once."""

    def __init__(self, width: float, height: float, count: int, random: Random) -> None:
        center = complex(width * random.uniform(0.35, 0.65), height * random.uniform(0.4, 0.6))
        course = complex(math.cos(angle := random.uniform(-0.5, 0.5)), math.sin(angle)) * random.choice((-1, 1))
        self._width, self._height = width, height
        self._at = [center + complex(random.gauss(0, width / 8), random.gauss(0, height / 7)) for _ in range(count)]
        self._heading = [course * complex(1, random.gauss(0, 0.6)) for _ in range(count)]

    def birds(self) -> list[tuple[complex, complex]]:
        """Position and heading of each."""
        return list(zip(self._at, self._heading, strict=True))

    def step(self) -> None:
        """Move every bird a little."""
        headings = []
        for at, heading in zip(self._at, self._heading, strict=True):
            near = [(other, to) for other, to in zip(self._at, self._heading, strict=True) if 0 < abs(other - at) < 26]
            if near:
                middle = sum(other for other, _ in near) / len(near)
                along = sum(to for _, to in near) / len(near)
                apart = sum((at - other) / abs(at - other) ** 2 for other, _ in near)
                heading += (middle - at) * 0.012 + (along - heading) * 0.12 + apart * 0.30
            home = complex(self._width / 2, self._height / 2) - at
            heading += complex(home.real / self._width, home.imag / self._height * 1.6) * 0.45
            headings.append(heading / max(abs(heading), 0.01))
        self._heading = headings
        self._at = [at + heading * 1.6 for at, heading in zip(self._at, headings, strict=True)]


def _wings(canvas: Canvas, at: complex, heading: complex, random: Random) -> None:
    """A bird far away: two wing strokes, up or down, and a body."""
    span = random.choice((2, 3, 3, 4))
    lift = random.choice((-0.8, -0.5, 0.35, 0.7))
    x, y = at.real, at.imag
    for side in (-1, 1):
        canvas.line((x, y), (x + side * span, y + lift * span * (1.1 if side * heading.real > 0 else 0.8)))
    canvas.set(x + heading.real, y + heading.imag)
    canvas.set(x, y + 1)


def _treeline(canvas: Canvas, random: Random) -> None:
    """Spruces along the lower edge."""
    x = random.uniform(-4, 2)
    while x < canvas.width + 4:
        height = canvas.height * random.uniform(0.08, 0.22)
        for row in range(int(height)):
            reach = (row % 5 + row * 0.55) * 0.42
            for dx in range(-int(reach), int(reach) + 1):
                if random.random() < 0.8:
                    canvas.set(x + dx, canvas.height - height + row)
        x += random.uniform(4, 10)


# --- The song -------------------------------------------------------------------------------


def song(columns: int, birds: int | None, random: Random) -> list[str]:
    """The song as an ornithologist prints it: time to the right, pitch upwards."""
    canvas = Canvas(columns, 14)
    left = 8
    x = float(left + 4)
    written: list[str] = []
    for _ in range(12 if birds is None else max(birds, 1)):
        if written and x + _LONGEST_SYLLABLE > canvas.width:
            break
        syllable = random.choices(("che", "trrrrr", "djueee", "tip"), (5, 3, 2, 2))[0]
        x += _SYLLABLES[syllable](canvas, x, random) + random.uniform(3, 7)
        written.append(syllable)
    for y in range(canvas.height):
        canvas.set(left, y)
    for column in range(left, canvas.width):
        canvas.set(column, canvas.height - 1)
    marks = {1: "8 kHz", 5: "6", 9: "4", 13: "2"}
    lines = [f"{marks.get(row, ''):>5} {line[2:]}" for row, line in enumerate(canvas.lines())]
    return [*lines, "", f"    “{' '.join(written)}”"]


def _che(canvas: Canvas, x: float, random: Random) -> float:
    """A short, hard note that falls: the flight call."""
    for _ in range(random.randint(2, 4)):
        for step in range(24):
            for harmonic in (1.0, 0.62):
                if random.random() < 0.8:
                    canvas.set(x + step * 0.09, canvas.height * (1 - harmonic * 0.75) + step * 0.8 * harmonic)
        x += 5
    return 20.0


def _trill(canvas: Canvas, x: float, random: Random) -> float:
    """A dry rattle on one pitch."""
    pitch = canvas.height * random.uniform(0.30, 0.45)
    count = random.randint(9, 16)
    for note in range(count):
        height = 11 - abs(note - count / 2) * 0.7
        for step in range(int(height)):
            canvas.set(x + note * 2.4 + (step % 2) * 0.5, pitch - height / 2 + step * 1.1)
    return count * 2.4


def _djueee(canvas: Canvas, x: float, random: Random) -> float:
    """A questioning whistle that rises."""
    length = random.randint(20, 28)
    base = canvas.height * 0.72
    for step in range(length):
        at = step / length
        y = base - canvas.height * 0.5 * at**2 - math.sin(at * math.pi) * 3
        for harmonic in (0, 9):
            canvas.set(x + step, y - harmonic)
            canvas.set(x + step, y - harmonic + 1)
    return float(length)


def _tip(canvas: Canvas, x: float, random: Random) -> float:
    """A click."""
    low = random.randint(30, 38)
    for y in range(low - random.randint(12, 20), low):
        canvas.set(x, y)
    return 2.0


_LONGEST_SYLLABLE = 40
_SYLLABLES: dict[str, Callable[[Canvas, float, Random], float]] = {
    "che": _che,
    "trrrrr": _trill,
    "djueee": _djueee,
    "tip": _tip,
}

PIECES: dict[int, Callable[[int, int | None, Random], list[str]]] = {1: birch, 2: flight, 3: song}
