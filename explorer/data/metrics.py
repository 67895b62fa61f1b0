"""The metrics by the words that the page uses: title, formula, source, convention; and numbers as people read them."""

from __future__ import annotations

import re
from collections.abc import Container
from math import isnan, nan
from typing import TYPE_CHECKING, NamedTuple

from costmodel import CostError

if TYPE_CHECKING:
    from costmodel import Prediction


class Metric(NamedTuple):
    """A column of the tables, as the page speaks of it."""

    title: str
    unit: str
    help: str


METRICS: dict[str, Metric] = {
    "latency_ms": Metric(
        "Latency",
        "ms",
        "**Latency**: milliseconds predicted for the chosen device profile, in its regime (threads, layout, batch), "
        "from timings of sampled networks on that device. The interval holds 90 % of the networks that the fit did "
        "not see.",
    ),
    "mult_adds": Metric(
        "Mult-adds",
        "multiply-adds",
        "**Multiply-adds**, which the papers call FLOPs. Of a convolution K²·C_in/g·C_out·H·W (MobileNetV1, "
        "section 3.1), of a linear layer C_in·C_out.\n\nOne multiply-add counts one; convolutions and linear layers "
        "only, no bias, one image. Tools that count two operations per multiply-add say twice as much.",
    ),
    "params": Metric(
        "Params",
        "parameters",
        "**Trainable parameters**: weights, biases, batch norm's scale and shift; not its running statistics. "
        "Equal to the sum of `p.numel()` over the exported module's parameters.",
    ),
    "mem_access": Metric(
        "MAC",
        "elements",
        "**MAC, the memory access cost** (ShuffleNetV2, section 3): elements read and written. Of a 1×1 convolution "
        "h·w·(c₁ + c₂) + c₁·c₂/g.\n\nFull form: inputs, output and weights of every operator that is not free. Paper "
        "form: convolutions and linear layers only. Bytes are of float32; no cache is assumed. No paper prints a "
        "network's total.",
    ),
    "peak_activation": Metric(
        "Peak memory",
        "elements",
        "**Peak activation memory**: what is alive at the worst moment, an operator's inputs and output and what later "
        "operators still read (a shortcut, for instance). Weights are not in it, and no operator works in place.\n\n"
        "MobileNetV2's Table 3 counts the largest single tensor in 16 bit, so its figures are smaller.",
    ),
    "kernels": Metric(
        "Kernels",
        "kernels",
        "**Kernels launched**: operators that start one. Views (flatten, channel split) and dropout start none. An "
        "engine that fuses batch norm and activation into the convolution launches fewer: fold the batch norm to see "
        "the first half of that.",
    ),
    "fragments": Metric(
        "Fragmentation",
        "fragments",
        "**Fragments** of a block: its convolution and pooling operators (ShuffleNetV2, section 2: NASNet-A 13, ResNet "
        "2 or 3). Guideline G3: fragmentation reduces the degree of parallelism.\n\n*Branches*: how many can run side "
        "by side, *depth*: how many must run in a row. Shown: the mean over the blocks.",
    ),
    "elementwise": Metric(
        "Element-wise work",
        "elements",
        "**Element-wise work**: what batch norms, activations, additions and multiplications write, poolings read and "
        "copies move. Guideline G4: element-wise operations are non-negligible.",
    ),
    "intensity": Metric(
        "Intensity",
        "mult-adds per byte",
        "**Arithmetic intensity**: multiply-adds per byte of memory access. Low where memory, not arithmetic, sets the "
        "pace: depthwise convolutions and everything element-wise.",
    ),
}

IN_THE_PICTURE = ("mult_adds", "latency_ms", "params", "mem_access", "elementwise", "intensity", "fragments")
"""The metrics that can colour a block; milliseconds where there is a profile."""


_SIGN_OF_ZERO = re.compile(r"^[+-](?=[0.,]+(?![0-9.,]))")


def checked(metric: str, columns: Container[str], argument: str = "metric") -> str:
    """The metric, where a table has it among its columns. Raises CostError that lists those that it has."""
    found = [name for name in METRICS if name in columns]
    if metric not in found:
        raise CostError(f"{argument} is {metric!r}; allowed here: {', '.join(map(repr, found)) or 'none'}")
    return metric


def human(value: float, digits: int = 4) -> str:
    """A number with a thousands prefix and about `digits` digits.

    >>> human(300_774_272), human(3_504_872), human(151), human(2_408_448, 3), human(999_999)
    ('300.8 M', '3.505 M', '151', '2.41 M', '1.000 M')
    """
    for size, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(_rounded(value, digits)) >= size:
            return f"{_significant(value / size, digits)} {prefix}"
    return f"{value:,}" if isinstance(value, int) else f"{value:.{max(0, digits - 2)}f}"


def megabytes(size: float) -> str:
    """Bytes in MB of 10⁶ bytes, or in GB of 10⁹.

    >>> megabytes(9_633_792), megabytes(64_778_000_000)
    ('9.63 MB', '64.8 GB')
    """
    return _three_digits(size / 1e9, "GB") if round(size / 1e6) >= 1000 else _three_digits(size / 1e6, "MB")


def minus(text: str) -> str:
    """A number as text with the minus sign that plotly's axes have; zero, rounded to it or not, has no sign.

    >>> minus("-0.07"), minus("-0.00"), minus("+0 %")
    ('−0.07', '0.00', '0 %')
    """
    return _SIGN_OF_ZERO.sub("", text).replace("-", "−")


def number(value: float, form: str) -> str:
    """A number in a format of Python's, with a minus sign.

    >>> number(-0.07, "g"), number(1234, "+,d")
    ('−0.07', '+1,234')
    """
    return minus(format(value, form))


def quantity(count: object, noun: str) -> str:
    """How many of something, in the singular for one.

    >>> quantity(1, "thread"), quantity(2, "thread"), quantity(0, "result")
    ('1 thread', '2 threads', '0 results')
    """
    return f"{count} {noun}{'' if str(count) == '1' else 's'}"


def percent(share: float, digits: int = 0, sign: str = "") -> str:
    """A share in percent, with its sign for a change; "<0.1 %" where a share would be rounded to zero.

    >>> percent(0.432), percent(-0.0512, 1, "+"), percent(-0.0002, 1, "+"), percent(0.0, 1, "+")
    ('43 %', '−5.1 %', '<0.1 %', '0.0 %')
    """
    if share and not round(100 * share, digits):
        return f"<{10**-digits:g} %"
    return f"{number(100 * share, f'{sign}.{digits}f')} %"


def duration(ms: float) -> str:
    """Milliseconds, or seconds from 1,000 ms, with three digits.

    >>> duration(21.24), duration(9), duration(0.5), duration(68_300), duration(999.7), duration(99.96)
    ('21.2 ms', '9.00 ms', '0.5 ms', '68.3 s', '1.00 s', '100 ms')
    """
    if _rounded(ms, 3) < 1:
        return f"{ms:.3g} ms"
    return _three_digits(ms / 1e3, "s") if round(ms) >= 1000 else _three_digits(ms, "ms")


def interval(found: Prediction) -> str:
    """The 90 % interval of a prediction, or that there is none."""
    if found.unknown:
        return "a lower bound: unknown operators are not in it"
    return ends(*(found.interval or (nan, nan)))


def ends(low_ms: float, high_ms: float) -> str:
    """The 90 % interval in words; both ends are NaN outside of the calibrated range."""
    return "outside the calibrated range" if isnan(low_ms) else f"90 %: {duration(low_ms)} – {duration(high_ms)}"


def _three_digits(value: float, unit: str) -> str:
    return f"{_significant(value, 3)} {unit}"


def _significant(value: float, digits: int) -> str:
    """With at most so many digits; those before the point are counted after rounding: 99.96 with three is 100."""
    whole = len(str(int(abs(_rounded(value, digits)))))
    return f"{value:,.{max(0, digits - whole)}f}"


def _rounded(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


class Tile(NamedTuple):
    """One figure of the headline: its title, its value, the text beside it, and its help text."""

    title: str
    value: str
    beside: str
    help: str


def tile(metric: str, value: str, beside: str, here: str, title: str = "") -> Tile:
    """A metric's tile: its title, or another one, and its help followed by `here`."""
    shown = METRICS[metric]
    return Tile(title or shown.title, value, beside, f"{shown.help}\n\n{here}")
