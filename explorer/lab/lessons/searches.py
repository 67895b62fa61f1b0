"""The two searches behind MobileNetV3: MnasNet's block-wise reward, and NetAdapt's steps replayed.

Networks, scores and latencies are computed here from the tables; nothing is drawn. The replay's choices are those of
`python -m explorer adapt mnasnet_a1 --profile pixel1 --target-ms 51.2 --point`, which takes minutes.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import archs
from archs import Spec
from archs.caching import cached
from archs.tables.rows import AnyRow, Conv, InvertedResidual
from costmodel import DeviceProfile
from explorer.data import frontier
from explorer.data import profiles as devices
from explorer.data.metrics import number
from explorer.search.netadapt import CHOSEN, AdaptedStep, Proposal
from explorer.search.objectives import objective, price
from explorer.search.proposals import knobs, reductions, unrolled
from explorer.search.space import Space
from explorer.search.spaces import space

if TYPE_CHECKING:
    import pandas

PHONE = "pixel1"
PUBLISHED_ON = "Pixel 1 single large core"
NETWORKS, SEED = 150, 0
"""Of the block-wise lesson: drawn networks of MnasNet's space."""
EXPONENTS = (0.0, -0.03, -0.07, -0.15, -0.3)
"""Values of w that the lesson compares: MobileNetV3-Large's and -Small's among them."""
REPLAY = Path(__file__).with_name("netadapt_replay.csv")
TARGET_MS = 51.2
"""MobileNetV3-Large's latency as its Table 3 prints it."""


@cached(1, "a profile of a phone is read once")
def phone() -> DeviceProfile:
    return devices.load(PHONE)


@cached(1, "pricing some hundred networks takes a second")
def _genomes() -> tuple[Space, pandas.DataFrame]:
    import pandas

    made, rng = space("mnasnet"), Random(SEED)
    genomes = list(dict.fromkeys(made.draw(rng) for _ in range(NETWORKS)))
    scored = objective("estimated")
    prices = price([made.graph(genome) for genome in genomes], phone())
    rows = [
        {"genome": genome, "latency_ms": ms, "low_ms": low, "high_ms": high, "top1_pct": scored.score(made, genome)}
        for genome, (ms, low, high) in zip(genomes, prices)
    ]
    return made, pandas.DataFrame(rows)


def drawn() -> pandas.DataFrame:
    """Drawn networks of MnasNet's space: genome, predicted latency with its interval, estimated top-1."""
    return _genomes()[1].copy()


def reward(top1_pct: float, latency_ms: float, target_ms: float, w: float) -> float:
    """MnasNet's objective, accuracy · (latency / target)^w (Tan et al. 2018, arXiv:1807.11626, equation 2).

    >>> reward(75.0, 80.0, 80.0, -0.07), round(reward(75.0, 160.0, 80.0, -0.07), 1)
    (75.0, 71.4)
    """
    return top1_pct * (latency_ms / target_ms) ** w


def worth_of_double(w: float) -> float:
    """By how much more accurate, relatively, a network of twice the latency must be for the same reward."""
    return 1 / reward(1.0, 2.0, 1.0, w) - 1


def preferred(target_ms: float, w: float) -> int:
    """The row of `drawn` with the highest reward."""
    table = drawn()
    return int((table["top1_pct"] * (table["latency_ms"] / target_ms) ** w).idxmax())


def indifference(top1_pct: float, latency_ms: float, w: float, at_ms: list[float]) -> list[float]:
    """The accuracies at other latencies that have the same reward, whatever the target."""
    return [top1_pct * (ms / latency_ms) ** -w for ms in at_ms]


def by_exponent(target_ms: float) -> pandas.DataFrame:
    """Latency and accuracy of what each of EXPONENTS prefers."""
    rows = drawn().drop(columns="genome").loc[[preferred(target_ms, w) for w in EXPONENTS]].reset_index(drop=True)
    rows.insert(0, "w", EXPONENTS)
    return rows


def by_stage(target_ms: float, exponents: Sequence[float]) -> pandas.DataFrame:
    """The stages of what each exponent prefers, one column per exponent: kind and number of blocks, kernel, width."""
    import pandas

    made, table = _genomes()
    found: dict[str, list[str]] = {}
    for w in exponents:
        genome = table["genome"][preferred(target_ms, w)]
        kinds = made.words(genome)
        rows = [row for row in made.spec(genome).rows if f"{row.stage}.op" in kinds]
        found["stage"] = [row.stage for row in rows]
        found[f"w = {number(w, 'g')}"] = [_stage(kinds[f"{row.stage}.op"], row) for row in rows]
    return pandas.DataFrame(found)


def _stage(kind: str, row: AnyRow) -> str:
    """`3 × mbconv6 5×5, 120 channels, SE 0.25`; skips are not named, as most blocks cannot have one."""
    assert isinstance(row, (Conv, InvertedResidual))
    squeezed = f", SE {row.se:g}" if isinstance(row, InvertedResidual) and row.se else ""
    return f"{row.repeat} × {kind} {row.kernel}×{row.kernel}, {row.channels} channels{squeezed}"


@cached(1, "a step of NetAdapt is priced and scored once")
def replayed() -> tuple[AdaptedStep, ...]:
    """MnasNet-A1 and the network after each step, priced on the Pixel 1 and scored by the estimate.

    Each step has the chosen proposal alone; the others are in the command's log.
    """
    scored = objective("estimated")
    spec, share = unrolled(archs.spec("mnasnet_a1")), 0.01
    made: list[AdaptedStep] = [AdaptedStep(0, 0.0, spec, *_priced(spec), scored.of_spec(spec))]
    for row in _choices():
        before = made[-1]
        knob = next(one for one in knobs(spec) if (one.kind, one.where) == (row["kind"], row["where"]))
        spec = next(one.spec for one in reductions(spec, knob) if one.change == row["change"])
        latency, low, high = _priced(spec)
        score, gain = scored.of_spec(spec), before.latency_ms - latency
        inside = low <= before.latency_ms <= high
        proposal = Proposal(
            knob.kind,
            knob.where,
            row["change"],
            latency,
            low,
            high,
            gain,
            score,
            (score - before.score) / gain,
            inside,
            CHOSEN,
        )
        number = len(made)
        made.append(AdaptedStep(number, share * made[0].latency_ms, spec, latency, low, high, score, (proposal,)))
    return tuple(made)


def _choices() -> list[dict[str, str]]:
    with REPLAY.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _priced(spec: Spec) -> tuple[float, float, float]:
    (found,) = price([archs.build(spec)], phone())
    return found


def blocks(spec: Spec) -> pandas.DataFrame:
    """A table's inverted residuals, block by block: input side, kernel, expanded and output width, SE, activation."""
    import pandas

    flat = unrolled(spec)
    graph = archs.build(flat)
    found = []
    for row, block in zip(flat.rows, graph.subgraphs):
        if isinstance(row, InvertedResidual):
            side = graph.shapes[block.nodes[0].inputs[0]][1]
            found.append(
                {
                    "block": block.nodes[0].block,
                    "side": side,
                    "kernel": row.kernel,
                    "expanded": row.expanded or graph.shapes[block.nodes[0].inputs[0]][0],
                    "width": row.channels,
                    "SE": row.se or None,
                    "activation": row.activation.replace("_", " "),
                }
            )
    return pandas.DataFrame(found)


def published_rows() -> pandas.DataFrame:
    """Published networks with accuracy and latency on the Pixel 1."""
    return frontier.timed_on(PUBLISHED_ON)


SIDES = (28, 7, 0)
"""Least input sides of early, middle and late blocks."""


def shrunk_first() -> int:
    """The index in SIDES of the group of blocks of which NetAdapt's first ten steps take most."""
    start = blocks(replayed()[0].spec).set_index("block")["side"]
    groups = [0, 0, 0]
    for step in replayed()[1:11]:
        assert step.chosen
        side = start[step.chosen.where.split(" ")[0]]
        groups[next(index for index, least in enumerate(SIDES) if side > least)] += 1
    return groups.index(max(groups))


def large() -> Spec:
    """MobileNetV3-Large as published."""
    return archs.spec("mobilenet_v3_large")
