"""Claim, formula, questions and answers of each guideline. The claims follow section 2 of the paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Claim(NamedTuple):
    """One guideline in words. `formula` is LaTeX, `plain_formula` the same for paper and terminal."""

    title: str
    sentence: str
    formula: str
    plain_formula: str
    reason: str
    questions: tuple[str, ...]
    answers: tuple[str, ...]


CLAIMS: dict[int, Claim] = {
    1: Claim(
        "Equal channel width minimizes memory access cost",
        "Of all 1×1 convolutions with the same multiply-adds B, the one with as many output as input channels moves "
        "the least memory.",
        r"\mathrm{MAC} = hw(c_1 + c_2) + c_1 c_2 \;\ge\; 2\sqrt{hwB} + \frac{B}{hw}, \qquad B = hw\,c_1 c_2",
        "MAC = hw(c1 + c2) + c1·c2 ≥ 2·√(hwB) + B/hw",
        "The product c₁·c₂ is fixed by B, so only the sum c₁ + c₂ can vary, and a sum of two numbers with a fixed "
        "product is smallest where they are equal.",
        (
            "At 1:12 and c = 128 MAC is 1.8 times that of 1:1. Why is the network not 1.8 times slower?",
            "Which published networks do not follow this guideline, and what is the benefit?",
        ),
        (
            "Only memory-bound operators take longer; the arithmetic takes as long as before, and data in the caches "
            "costs little.",
            "MobileNetV2's inverted residuals (1:6) and ShuffleNetV1's bottlenecks (4:1): more "
            "capacity at the same FLOPs.",
        ),
    ),
    2: Claim(
        "Excessive group convolution increases memory access cost",
        "At the same multiply-adds, more groups mean more channels, and so more memory moved.",
        r"\mathrm{MAC} = hw(c_1 + c_2) + \frac{c_1 c_2}{g} = hwc_1 + \frac{Bg}{c_1} + \frac{B}{hw}, "
        r"\qquad B = \frac{hw\,c_1 c_2}{g}",
        "MAC = hw(c1 + c2) + c1·c2/g, B = hw·c1·c2/g",
        "At fixed multiply-adds the channels grow with √g, and memory access with them.",
        (
            "With the channels kept instead of the FLOPs, groups make MAC smaller. Why is that no contradiction?",
            "By what factor do the channels grow from g = 1 to g = 8 at equal FLOPs?",
        ),
        (
            "The multiply-adds fall to 1/g then: MAC per multiply-add still rises.",
            "By √8 = 2.83: 64 becomes 181, printed as 180, which 8 does not divide; the authors ran 184.",
        ),
    ),
    3: Claim(
        "Network fragmentation reduces degree of parallelism",
        "Many small operators in a block take longer than one large operator with the same multiply-adds.",
        r"n \cdot c^2 = c_1^2 \quad\Rightarrow\quad c = \frac{c_1}{\sqrt{n}}",
        "n·c² = c1², so c = c1/√n",
        "Every operator launches a kernel and waits for the one before; small operators do not use the whole machine. "
        "MAC grows too: n convolutions of c₁/√n channels move √n times the memory.",
        (
            "Four fragments in series hardly change the ARM core's speed, but reduce the GPU's by two thirds. Why?",
            "Which part of a parallel block is no convolution at all, and what does it cost?",
        ),
        (
            "One ARM core has no parallelism that fragments reduce, and a small launch overhead; a GPU needs much "
            "parallel work and takes microseconds to launch each operator.",
            "The additions that join the branches: element-wise operators, which are memory-bound (guideline G4).",
        ),
    ),
    4: Claim(
        "Element-wise operations are non-negligible",
        "ReLU and the shortcut's addition have few FLOPs, but without them the network is faster.",
        r"\mathrm{MAC}_{\mathrm{ReLU}} = 2\,hwc, \qquad \mathrm{MAC}_{\mathrm{Add}} = 3\,hwc, "
        r"\qquad \mathrm{operations} = hwc",
        "MAC of ReLU = 2·hwc, of an addition 3·hwc; operations of both hwc",
        "They do one operation per element that they read and write, a convolution does dozens: they are memory-bound.",
        (
            "What share of the operations, and what share of the memory access, is element-wise in the full unit?",
            "Inference engines fuse ReLU into the convolution before it. What does that do to this table?",
        ),
        (
            "A few percent of the operations, but two thirds of the memory access.",
            "A fused ReLU works on values in registers and costs almost nothing, so the rows with and without it have "
            "about the same time; the shortcut still has to be read from memory.",
        ),
    ),
}


def in_one_line(rows: Sequence[str]) -> str:
    """The rows one after the other; a quantity that all of them are values of is named once.

    >>> in_one_line(["g = 1", "g = 8", "g = 2"])
    'g = 1 / 8 / 2'
    """
    names = {"".join(row.rpartition("= ")[:2]) for row in rows}
    name = names.pop() if len(names) == 1 else ""
    return name + " / ".join(row.removeprefix(name) for row in rows)
