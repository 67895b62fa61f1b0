"""The difference of two networks, block by block: what was added, removed and changed, and what each of it costs.

Every block of either network stands in exactly one pair, and a pair's difference is its blocks' counts subtracted. So
in every metric the differences of the pairs add up to the difference of the totals, as integers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from archs import Graph, Node, Shape
from archs.guessed_words import OF_A_DIFF
from archs.guidance import Guided, guided
from archs.ir.ops import Conv2d, Op
from costmodel import NetworkCounts
from costmodel.counting.counts import Counts
from explorer.data.costs import kind_title
from explorer.data.metrics import number

if TYPE_CHECKING:
    import pandas

STATUSES = ("same", "changed", "added", "removed")


@dataclass(frozen=True)
class Pair:
    """A block of the one network (`before`, its path) and what it is in the other (`after`). `status`: see STATUSES.

    `what` says in words what changed: operators that came and went, or the shapes. `difference` is after − before in
    every metric of Counts, `difference_ms` in milliseconds where both networks were given any.
    """

    before: str | None
    after: str | None
    status: str
    what: str
    difference: Counts
    difference_ms: float | None = None

    @property
    def block(self) -> str:
        """Its path, in the edited network where it is in there."""
        return self.after or self.before or ""


@dataclass(frozen=True, repr=False)
class Diff(Guided):
    """Two networks compared, blocks in the order in which a reader meets them.

    `pairs` are blocks of both, `total` is the difference of the counts, after − before, `total_ms` that in milliseconds
    where a profile was given.
    """

    _INSTEAD: ClassVar = OF_A_DIFF
    pairs: tuple[Pair, ...]
    total: Counts
    total_ms: float | None = None

    def __repr__(self) -> str:
        counts = {status: sum(pair.status == status for pair in self.pairs) for status in STATUSES}
        order = ("added", "removed", "changed", "same")
        blocks = ", ".join(f"{counts[status]} {status}" for status in order)
        ms = "" if self.total_ms is None else f", {number(self.total_ms, '+.3f')} ms"
        mult_adds, params = number(self.total.mult_adds, "+,"), number(self.total.params, "+,")
        return f"Diff({blocks}: {mult_adds} mult-adds, {params} params{ms})"

    def _repr_html_(self) -> str:
        table = self.table()
        return table[table["status"] != "same"].to_html(index=False)

    @guided()
    def table(self) -> pandas.DataFrame:
        """One row per pair: `status`, `block`, `before`, `after`, `what`, the columns of Counts, `latency_ms`.

        The columns of Counts are differences, after − before; `latency_ms` is there where milliseconds were given.
        """
        import pandas

        rows = []
        for pair in self.pairs:
            row: dict[str, object] = {
                "status": pair.status,
                "block": pair.block,
                "before": pair.before,
                "after": pair.after,
            }
            row |= {"what": pair.what, **pair.difference._asdict(), "elementwise": pair.difference.elementwise}
            rows.append(row | ({} if pair.difference_ms is None else {"latency_ms": pair.difference_ms}))
        return pandas.DataFrame(rows)


_Signed = tuple[Op, tuple[int, ...], tuple[Shape, ...], Shape]
"""A node but for its place: its operator, what it reads by position in its block, the shapes in and out."""


class _Block(NamedTuple):
    path: str
    kind: str
    signature: tuple[_Signed, ...]
    counts: Counts
    ms: float
    structure: tuple[str, ...]  # the names of its operators; a block of one operator has it under ""
    shapes: str
    reads: str


def diff(
    before: NetworkCounts,
    after: NetworkCounts,
    before_ms: Mapping[str, float] | None = None,
    after_ms: Mapping[str, float] | None = None,
) -> Diff:
    """What changed from `before` to `after`. `…_ms`: node path → milliseconds, both or neither.

    >>> import archs, costmodel
    >>> counts = [costmodel.count(archs.build(archs.spec("mobilenet_v2", width=w))) for w in (1.0, 1.4)]
    >>> diff(*counts).total.params == counts[1].total.params - counts[0].total.params
    True
    """
    timed = before_ms is not None and after_ms is not None
    old, new = _blocks(before, before_ms or {}), _blocks(after, after_ms or {})
    pairs = [_pair(a, b, timed) for a, b in align(old, new)]
    total_ms = math.fsum(p.difference_ms or 0.0 for p in pairs) if timed else None
    return Diff(tuple(pairs), _minus(after.total, before.total), total_ms)


def align(old: Sequence[_Block], new: Sequence[_Block]) -> list[tuple[_Block | None, _Block | None]]:
    """Blocks paired in order: equal blocks first, the longest runs of them.

    In between, blocks of equal paths if all have equal paths, as after an edit of rows in place, else those most alike.
    """
    matcher = SequenceMatcher(None, [b.signature for b in old], [b.signature for b in new], autojunk=False)
    pairs: list[tuple[_Block | None, _Block | None]] = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal" or [block.path for block in old[i1:i2]] == [block.path for block in new[j1:j2]]:
            pairs += zip(old[i1:i2], new[j1:j2])
        else:
            pairs += _most_alike(old[i1:i2], new[j1:j2])
    return pairs


def _most_alike(old: Sequence[_Block], new: Sequence[_Block]) -> list[tuple[_Block | None, _Block | None]]:
    """The order-preserving pairing of two runs with the largest total likeness (Needleman and Wunsch 1970)."""
    best = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i in range(len(old) - 1, -1, -1):
        for j in range(len(new) - 1, -1, -1):
            best[i][j] = max(_likeness(old[i], new[j]) + best[i + 1][j + 1], best[i + 1][j], best[i][j + 1])
    pairs: list[tuple[_Block | None, _Block | None]] = []
    i = j = 0
    while i < len(old) and j < len(new):
        if best[i][j] == _likeness(old[i], new[j]) + best[i + 1][j + 1]:
            pairs.append((old[i], new[j]))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            pairs.append((old[i], None))
            i += 1
        else:
            pairs.append((None, new[j]))
            j += 1
    return pairs + [(block, None) for block in old[i:]] + [(None, block) for block in new[j:]]


def _likeness(old: _Block, new: _Block) -> int:
    """How much two blocks are one block that changed: its operators, its kind, its shapes, last its path."""
    same_kind = 3 * (old.kind == new.kind) + 2 * (old.structure == new.structure)
    return 1 + 4 * same_kind + 4 * (old.shapes == new.shapes) + 3 * (old.path == new.path)


def _pair(old: _Block | None, new: _Block | None, timed: bool) -> Pair:
    if old is None or new is None:
        status, what = ("added", new.kind) if new else ("removed", old.kind if old else "")
    else:
        status = "same" if old.signature == new.signature else "changed"
        what = "" if status == "same" else _what(old, new)
    counts = _minus(new.counts if new else Counts.zero(), old.counts if old else Counts.zero())
    ms = (new.ms if new else 0.0) - (old.ms if old else 0.0)
    return Pair(old and old.path, new and new.path, status, what, counts, ms if timed else None)


def touched(before: NetworkCounts, after: NetworkCounts) -> frozenset[str]:
    """The blocks of `after` that are not as they were, or were not."""
    if before.graph == after.graph:
        return frozenset()
    pairs = align(_blocks(before, {}), _blocks(after, {}))
    return frozenset(new.path for old, new in pairs if new and not (old and old.signature == new.signature))


def _what(old: _Block, new: _Block) -> str:
    words = [f"{kind_title(old.kind)} → {kind_title(new.kind)}"] if old.kind != new.kind else []
    if old.kind == new.kind and old.structure != new.structure:
        removed = [name for name in old.structure if name not in new.structure]
        added = [name for name in new.structure if name not in old.structure]
        words += [f"{sign} {', '.join(names)}" for sign, names in (("−", removed), ("+", added)) if names]
    if old.kind == new.kind:
        words += _changes(old, new)
    if old.shapes != new.shapes:
        words.append(f"{old.shapes} → {new.shapes}")
    return "; ".join(words) or f"reads {new.reads}, was {old.reads}"


def _changes(old: _Block, new: _Block) -> list[str]:
    """`kernel 3 → 5 in dw`: what the operators of one name have other values in. A padding follows its kernel."""
    before, after = (dict(zip(block.structure, block.signature)) for block in (old, new))
    found: dict[str, list[str]] = {}
    for name in filter(after.__contains__, old.structure):
        (was, _, was_read, _), (now, _, now_reads, _) = before[name], after[name]
        if type(was) is not type(now):
            found.setdefault(f"{was.describe(*was_read)} → {now.describe(*now_reads)}", []).append(name)
            continue
        for field in fields(was):  # type: ignore[arg-type]  # every operator is a dataclass; Op itself is not
            one, other = getattr(was, field.name), getattr(now, field.name)
            follows = field.name == "padding" or (field.name == "groups" and _depthwise(was))
            if one != other and not follows:
                found.setdefault(f"{field.name} {_short(one)} → {_short(other)}", []).append(name)
    return [f"{change} in {', '.join(filter(None, names))}".removesuffix(" in ") for change, names in found.items()]


def _depthwise(op: object) -> bool:
    return isinstance(op, Conv2d) and op.groups == op.channels > 1


def _short(value: object) -> str:
    """A square's side for a pair of equal numbers."""
    return str(value[0] if isinstance(value, tuple) and len(set(value)) == 1 else value)


def _blocks(counts: NetworkCounts, ms: Mapping[str, float]) -> list[_Block]:
    graph, kinds = counts.graph, dict(counts.graph.kinds)
    members: dict[str, list[Node]] = {}
    for node in graph.nodes:
        members.setdefault(node.block, []).append(node)
    sums = counts.groups("block")
    blocks = []
    for path, nodes in members.items():
        kind = kinds.get(path, path.rpartition("/")[2].rstrip("0123456789"))
        structure = tuple(node.path.removeprefix(path).removeprefix("/") for node in nodes)
        signature = _signature(graph, nodes)
        spent = math.fsum(ms.get(node.path, 0.0) for node in nodes)
        shapes = str(nodes[-1].output), " and ".join(map(str, graph.input_shapes(nodes[0])))
        blocks.append(_Block(path, kind, signature, sums[path], spent, structure, *shapes))
    return blocks


def _signature(graph: Graph, nodes: list[Node]) -> tuple[_Signed, ...]:
    """What a block is but for its place: its operators, what they read (of it: by position) and their shapes."""
    inside = {node.path: position for position, node in enumerate(nodes)}
    return tuple(
        (node.op, tuple(inside.get(path, -1) for path in node.inputs), graph.input_shapes(node), node.output)
        for node in nodes
    )


def _minus(one: Counts, other: Counts) -> Counts:
    return Counts(*[a - b for a, b in zip(one, other)])
