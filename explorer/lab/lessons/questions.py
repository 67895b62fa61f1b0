"""The question that precedes each lesson: what the reader predicts before the lesson shows it.

The right option is computed from the counts that the lesson shows, never written down.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from explorer.lab.lessons import curves, searches
from explorer.lab.lessons import networks as lessons


class Question(NamedTuple):
    """A question with options; `answer` computes the index of the right one."""

    text: str
    options: tuple[str, ...]
    answer: Callable[[], int]


def _nearest(values: tuple[float, ...], found: Callable[[], float]) -> Callable[[], int]:
    """The index of the value closest to what `found` computes."""

    def answer() -> int:
        value = found()
        return min(range(len(values)), key=lambda index: abs(values[index] - value))

    return answer


def _growth(networks: Callable[[], lessons.Networks], column: str) -> Callable[[], float]:
    """Relative change of a total from the first network to the second."""

    def found() -> float:
        first, second = lessons.totals(networks())[column].iloc[:2]
        return second / first - 1

    return found


def _narrower() -> int:
    """0 where the first of the two blocks hands on fewer numbers, 1 where the second does."""
    (_, wide), (_, narrow) = lessons.residual_networks(144, 6, 28)
    return 0 if wide.input_channels < narrow.input_channels else 1


def _swish_change() -> float:
    totals = lessons.totals(lessons.swish_networks())["mult_adds"]
    return abs(totals.iloc[-1] / totals.iloc[0] - 1)


SEPARABLE = Question(
    "A 3×3 convolution from 64 to 128 channels becomes a depthwise 3×3 and a 1×1. What is left of its multiply-adds?",
    ("about 1/2", "about 1/4", "about 1/8", "about 1/64"),
    _nearest((1 / 2, 1 / 4, 1 / 8, 1 / 64), lambda: lessons.separable_ratio(128, 3)),
)
MULTIPLIERS = Question(
    "Every layer of MobileNetV1 gets half as many channels. What is left of its multiply-adds?",
    ("about 1/2", "about 1/4", "about 1/8"),
    _nearest((1 / 2, 1 / 4, 1 / 8), lambda: 1 + _growth(lambda: lessons.multiplier_networks(0.5, 224), "mult_adds")()),
)
SHUFFLE = Question(
    "Two convolutions with 3 groups follow each other without a shuffle. From how many groups of the first one does a "
    "group of the second one read?",
    ("1", "2", "3"),
    _nearest((1, 2, 3), lambda: curves.groups_reached(12, 3, False)),
)
RELU = Question(
    "A spiral is embedded into 3 dimensions, followed by ReLU. What share of its points keeps at least two dimensions "
    "above zero (mean over random embeddings)?",
    ("about 10 %", "about 50 %", "about 90 %"),
    _nearest((0.1, 0.5, 0.9), lambda: curves.survival((3,))["recoverable"].iloc[0]),
)
RESIDUAL = Question(
    "Both blocks have the same wide width. Which passes fewer values to the next block?",
    ("the residual block", "the inverted residual"),
    _narrower,
)
LAST_STAGE = Question(
    "MobileNetV3-Large pools before its last 1×1 instead of after it. What share of the network's multiply-adds does "
    "that save?",
    ("about 1 %", "about 10 %", "about 40 %"),
    _nearest((0.01, 0.1, 0.4), lambda: -_growth(lessons.last_stage_networks, "mult_adds")()),
)
SWISH = Question(
    "All hard-swishes of MobileNetV3-Large become ReLUs. By how much do its multiply-adds change?",
    ("not at all", "about 5 %", "about 20 %"),
    _nearest(
        (0, 0.05, 0.2),
        _swish_change,
    ),
)
SQUEEZE = Question(
    "Squeeze-and-excite is added to MobileNetV3-Large. Which of its totals grows most?",
    ("multiply-adds", "parameters", "memory access"),
    lambda: max(
        range(3),
        key=lambda index: _growth(
            lambda: lessons.squeeze_networks(0.25), ("mult_adds", "params", "mem_access")[index]
        )(),
    ),
)
BLOCKWISE = Question(
    "MnasNet's reward is accuracy · (latency / target)ʷ. With w = −0.07, by how much must a network of twice the "
    "latency be more accurate, relatively, to have the same reward?",
    ("about 1 %", "about 5 %", "about 15 %", "about 50 %"),
    _nearest((0.01, 0.05, 0.15, 0.5), lambda: searches.worth_of_double(-0.07)),
)
LAYERWISE = Question(
    "NetAdapt takes 1 % of MnasNet-A1's latency off in each step, where it costs least estimated accuracy per "
    "millisecond. Which blocks become narrower in its first ten steps?",
    ("those that read 112×112 or 56×56 pixels", "those that read 28×28 or 14×14 pixels", "those that read 7×7 pixels"),
    searches.shrunk_first,
)
