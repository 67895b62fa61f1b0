"""Which of ShuffleNetV2's guidelines a block violates, by how much, and the edit of the table that would help.

`explorer/editing/README.md` defines the amount of each guideline. The cost is memory access, or milliseconds that the
caller passes. A suggestion is `whole.apply_guideline` for one row or for all; it is listed only if it builds, lowers
the cost and keeps the multiply-adds, and its effect is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

from archs import ArchError, Graph, Spec, build
from archs.ir.ops import BatchNorm, Conv2d, Linear
from archs.tables.lower import block_paths
from costmodel import NetworkCounts, count
from costmodel.counting.fragmentation import Fragmentation, fragmentation
from explorer.data.metrics import percent
from explorer.editing.repair import Edited
from explorer.editing.whole_network import GUIDELINES, apply_guideline, change

if TYPE_CHECKING:
    import pandas

Cost = Callable[[Graph], Mapping[str, float]]
"""Graph → its costs by name: `mult_adds`, `mem_access`, … and `latency_ms` where there is a profile."""

STRAINED = {1: 1.05, 2: 0.05, 3: 4, 4: 0.4}
"""Above which amount a block strains a guideline. G3: more fragments than ResNet's block with its projection.
Our choice, not the paper's, which says only that less is better; so the amounts stand beside."""

SAME_WORK = 0.05  # by how much a suggestion may miss the multiply-adds: rows that are rounded to 8 miss by some


@dataclass(frozen=True)
class Strain:
    """How much one block strains one guideline.

    `amount` is a ratio for G1 (1 is ideal), shares for G2 and G4, a number of fragments for G3. `excess` is what it may
    cost at most, in the unit of the cost: that over the bound, that of the grouped convolutions, that of the fragments
    beyond the first, that of the element-wise operators.
    """

    block: str
    row: int  # of the table, from 0
    guideline: int
    amount: float
    excess: float
    text: str
    strained: bool


@dataclass(frozen=True, repr=False)
class Suggestion:
    """An edit that helps, applied already in `edited`. `before` and `after` are the costs by name.

    `guideline` is 1 to 4, `title` the edit in words, `ranked_by` the cost whose gain counts. `row` is counted from 0,
    None for an edit of every row; `blocks` are the paths that it touches.
    """

    guideline: int
    row: int | None
    blocks: tuple[str, ...]
    title: str
    edited: Edited
    before: Mapping[str, float]
    after: Mapping[str, float]
    ranked_by: str

    def __repr__(self) -> str:
        return f"Suggestion({self.title}: {self.ranked_by} {percent(-self.gain, 1, '+')})"

    @property
    def gain(self) -> float:
        """The share of the network's cost that goes, over 0."""
        return 1 - self.after[self.ranked_by] / self.before[self.ranked_by]

    def edit(self, spec: Spec) -> Spec:
        """The same edit of any spec; of the one that it was made for, `edited.spec`. Raises ArchError."""
        return apply_guideline(spec, self.guideline, None if self.row is None else {self.row}).spec


def counted(graph: Graph) -> dict[str, float]:
    """The costs that need no profile: the default `Cost`."""
    total = count(graph).total
    return {
        "mult_adds": total.mult_adds,
        "mem_access": total.mem_access,
        "params": total.params,
        "kernels": total.kernels,
    }


def strains(
    counts: NetworkCounts,
    spec: Spec,
    ms: Mapping[str, float] | None = None,
    pieces: Fragmentation | None = None,
    only: str | None = None,
) -> tuple[Strain, ...]:
    """Every guideline that has something to say of a block, block by block. `ms`: node path → milliseconds.

    `counts` are those of `spec`, folded or not. Without milliseconds the cost is memory access in elements. `pieces` is
    its fragmentation, where it is known already; `only` the one block that is asked for.
    """
    rows = {path: index for index, (_, paths) in enumerate(block_paths(spec)) for path in paths}
    graph = counts.graph
    cost = {
        n.path: float(c.mem_access) if ms is None else ms.get(n.path, 0.0) for n, c in zip(graph.nodes, counts.nodes)
    }
    fragments = {f.block: f for f in (pieces or fragmentation(graph)).blocks}
    members: dict[str, list[int]] = {}
    for position, node in enumerate(graph.nodes):
        if only is None or node.block == only:
            members.setdefault(node.block, []).append(position)
    found = []
    for block, positions in members.items():
        total = sum(cost[graph.nodes[p].path] for p in positions)
        convolves = any(isinstance(graph.nodes[p].op, Conv2d) for p in positions)
        if block not in rows or not total or not convolves:
            continue
        paper, bound, wide, grouped, elementwise, traffic = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for p in positions:
            node, mine = graph.nodes[p], counts.nodes[p]
            traffic += 0 if isinstance(node.op, BatchNorm) else mine.mem_access
            x = graph.input_shapes(node)[0]
            if isinstance(node.op, Conv2d):
                depthwise = node.op.depthwise(x)
                if node.op.kernel == (1, 1) and x[1:] == node.output[1:] and not depthwise and x[1] * x[2] > 1:
                    paper += mine.mem_access_paper
                    bound += mac_bound(mine.mult_adds, x[1] * x[2], node.op.groups)
                    wide += cost[node.path]
                if node.op.groups > 1 and not depthwise:
                    grouped += cost[node.path]
            elif not isinstance(node.op, (Linear, BatchNorm)):
                elementwise += mine.mem_access
        parts = fragments.get(block)
        many, side = (parts.fragments, parts.branches) if parts else (0, 0)
        g1, share2, share4 = (
            (paper / bound if bound else 1.0),
            grouped / total,
            elementwise / traffic if traffic else 0.0,
        )
        in_parallel = f", {side} side by side" if side > 1 else ""
        # fmt: off
        findings = (
            (1, g1, wide * (1 - 1 / g1), f"1×1 convolutions move {g1:.2f}× what equal widths would"),
            (2, share2, grouped, f"{percent(share2)} of the block is in grouped convolutions"),
            (3, float(many), total * (1 - 1 / max(1, many)), f"{many} fragments{in_parallel}"),
            (4, share4, total * share4, f"{percent(share4)} of the memory traffic is element-wise"),
        )
        # fmt: on
        for guideline, amount, excess, text in findings:
            found.append(Strain(block, rows[block], guideline, amount, excess, text, amount > STRAINED[guideline]))
    return tuple(found)


def mac_bound(mult_adds: int, pixels: int, groups: int = 1) -> float:
    """The least memory access, in elements, of a 1×1 convolution of that many multiply-adds: at equal widths.

    ShuffleNetV2, equation 1: MAC ≥ 2·√(hwB) + B/(hw); with g groups B = hw·c1·c2/g, so the root has a g.

    >>> mac_bound(56 * 56 * 128 * 128, 56 * 56) == 56 * 56 * (128 + 128) + 128 * 128
    True
    """
    return 2 * sqrt(pixels * mult_adds * groups) + mult_adds / pixels


def table(found: tuple[Strain, ...]) -> pandas.DataFrame:
    """One row per block: `block`, `row` (from 0), `G1` … `G4` (the amounts) and `strained` ("G1 G4")."""
    import pandas

    rows: dict[str, dict[str, object]] = {}
    for strain in found:
        row = rows.setdefault(strain.block, {"block": strain.block, "row": strain.row, "strained": ""})
        row[f"G{strain.guideline}"] = strain.amount
        if strain.strained:
            row["strained"] = f"{row['strained']} G{strain.guideline}".strip()
    return pandas.DataFrame(list(rows.values()), columns=["block", "row", "G1", "G2", "G3", "G4", "strained"])


def advise(
    spec: Spec,
    cost: Cost = counted,
    ranked_by: str = "mem_access",
    ms: Mapping[str, float] | None = None,
    limit: int = 8,
) -> tuple[Suggestion, ...]:
    """The edits that help most, those of single rows and those of the whole network, the largest gain first.

    `cost` prices a graph, `mult_adds` among the names; where there is a profile, pass one that adds `latency_ms`, rank
    by it, and pass the nodes' milliseconds as `ms`. Rows are tried in the order of what their strains may cost, `limit`
    of them at most, so that a page can wait for it. Raises ArchError where the spec does not build.
    """
    graph = build(spec)
    before = dict(cost(graph))
    paths = [tuple(blocks) for _, blocks in block_paths(spec)]
    excess: dict[tuple[int, int | None], float] = {}
    for strain in strains(count(graph), spec, ms):
        if strain.strained and change(spec.rows[strain.row], strain.guideline):
            key = (strain.guideline, strain.row)
            excess[key] = excess.get(key, 0.0) + strain.excess
    tried: list[tuple[int, int | None]] = sorted(excess, key=lambda key: -excess[key])[:limit]
    found = []
    for guideline, row in [*[(guideline, None) for guideline in GUIDELINES], *tried]:
        try:
            edited = apply_guideline(spec, guideline, None if row is None else {row})
            after = dict(cost(build(edited.spec)))
        except ArchError:
            continue
        same_work = abs(after["mult_adds"] - before["mult_adds"]) <= SAME_WORK * before["mult_adds"]
        if same_work and after[ranked_by] < before[ranked_by] * 0.999:
            blocks = paths[row] if row is not None else tuple(path for blocks in paths for path in blocks)
            where = f"row {row + 1}" if row is not None else "every row"
            title = f"G{guideline} in {where}: {GUIDELINES[guideline]}"
            found.append(Suggestion(guideline, row, blocks, title, edited, before, after, ranked_by))
    return tuple(sorted(found, key=lambda s: -s.gain))
