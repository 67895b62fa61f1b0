"""The features of a block's nodes that do not depend on the network around it, the operator before it aside."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archs.ir.graph import Subgraph
from costmodel.latency import features


class BlockFeatures(NamedTuple):
    """One row per node."""

    kinds: tuple[str, ...]
    work: NDArray[np.float64]  # nodes × WORK
    columns: NDArray[np.float64]  # nodes × COLUMNS, those of DYNAMIC 0
    bytes_out: NDArray[np.float64]
    codes: tuple[str, ...]
    """Equal where nodes run the same machine code."""
    shapes: tuple[Hashable, ...]
    """Equal where they run it on the same shapes."""
    last: NDArray[np.float64]
    """BEFORE of the node that comes next."""


def block_features(block: Subgraph, before: NDArray[np.float64], batch: int, device: str) -> BlockFeatures:
    """The features of a block behind an operator, `before` being that operator's BEFORE columns.

    Raises CostError, with the node's path, for an operator without a kind.
    """
    known = features.of_block(block, batch)
    kinds = known.kinds
    table = np.frombuffer(known.rows).reshape(len(kinds), -1)
    work = table[:, features.WORK_PART]
    if device != "cpu":
        work = np.c_[np.ones(len(kinds)), work[:, 1:]]
    static = len(features.STATIC)
    columns = np.zeros((len(kinds), len(features.COLUMNS)))
    columns[:, :static] = table[:, features.STATIC_PART]
    passed_on = table[:, features.BEFORE_PART]
    columns[:, static + len(features.DYNAMIC) :] = features.columns_before(passed_on, before)
    ran = [position for position, kind in enumerate(kinds) if kind != "view"]
    last = passed_on[ran[-1]] if ran else before
    return BlockFeatures(kinds, work, columns, table[:, -1], known.codes, known.shapes, last)
