"""The distribution of some numbers as an inline picture: a dot for each of a few, bars for many.

A ``Distribution`` holds positions only, in per cent of the width and in pixels of the height; the template draws them
as SVG that keeps its letters' size at any width. It holds no colour: the page has them, for light, dark and print.
"""

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Bar", "Distribution", "Dot"]

_NEAR = 2.5  # per cent of the width: on a page of 360 pixels as wide as a dot


class Dot(NamedTuple):
    """One number: where it stands, what it is called."""

    x: float
    y: float
    label: str
    value: float


class Bar(NamedTuple):
    """How many numbers lie between ``low`` and ``high``."""

    x: float
    width: float
    height: float
    number: int


@dataclass(frozen=True)
class Distribution:
    """Labelled numbers on an axis from 0 to ``top``."""

    values: Sequence[tuple[str, float]]
    top: float
    most_dots: int = 40
    highest: int = 12

    @property
    def numbers(self) -> list[float]:
        return [value for _, value in self.values]

    @property
    def median(self) -> float:
        return statistics.median(self.numbers)

    @property
    def middle_half(self) -> tuple[float, float]:
        """The quartiles; both are the number itself when there is only one."""
        if len(self.values) == 1:
            return self.numbers[0], self.numbers[0]
        low, _, high = statistics.quantiles(self.numbers, n=4, method="inclusive")
        return low, high

    def x(self, value: float) -> float:
        """Return where a number stands, in per cent of the width."""
        return round(100 * min(max(value / self.top, 0.0), 1.0), 2)

    @property
    def dots(self) -> list[Dot]:
        """A dot for each number, near ones on top of each other; none where they would be too many."""
        found: list[Dot] = []
        foot, height = -math.inf, 0
        for label, value in sorted(self.values, key=lambda pair: (pair[1], pair[0])):
            if (x := self.x(value)) - foot >= _NEAR:
                foot, height = x, 0
            found.append(Dot(foot, 9.0 * height + 6, label, value))
            height += 1
        few = len(found) <= self.most_dots and all(dot.y < 9 * self.highest for dot in found)
        return found if few else []

    @property
    def bars(self) -> list[Bar]:
        """Twenty bars over the axis; the last one includes its upper end."""
        counts = Counter(min(int(self.x(value) / 5), 19) for value in self.numbers)
        highest = max(counts.values(), default=1)
        return [Bar(5.0 * i, 5.0, round(96 * count / highest, 1), count) for i, count in sorted(counts.items())]

    @property
    def height(self) -> float:
        """The height of dots or bars with room for a line of text above, in pixels."""
        return max(dot.y for dot in self.dots) + 24 if self.dots else 114

    @property
    def ticks(self) -> list[float]:
        """Round numbers from 0 to the end of the axis, four to seven of them."""
        power = 10.0 ** math.floor(math.log10(self.top / 4))
        step = max(size * power for size in (1, 2, 2.5, 5) if size * power <= self.top / 4 * 1.0001)
        return [step * i for i in range(int(self.top / step + 1e-9) + 1)]
