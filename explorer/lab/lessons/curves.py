"""Numeric lessons without networks: channel shuffle, ReLU on a spiral, swish and hard-swish."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas

POINTS = 400
TURNS = 2.0


def shuffled(channels: int, groups: int) -> list[int]:
    """Which input channel each output channel is: reshape to (g, n), transpose, flatten (ShuffleNetV1, section 3.1).

    >>> shuffled(6, 3)
    [0, 2, 4, 1, 3, 5]
    """
    return np.arange(channels).reshape(groups, channels // groups).T.ravel().tolist()


def shuffle_frames(channels: int, groups: int, frames: int = 12) -> pandas.DataFrame:
    """One row per channel and frame: its group and its position between the old and the new place."""
    import pandas

    target = {source: place for place, source in enumerate(shuffled(channels, groups))}
    rows = []
    for frame in range(frames + 1):
        way = frame / frames
        way = way * way * (3 - 2 * way)  # starts and ends slowly
        for channel in range(channels):
            rows.append(
                {
                    "frame": frame,
                    "channel": channel,
                    "group": channel // (channels // groups),
                    "x": (1 - way) * channel + way * target[channel],
                }
            )
    return pandas.DataFrame(rows)


def groups_reached(channels: int, groups: int, shuffles: bool) -> int:
    """Number of input groups that an output of the second of two grouped convolutions depends on."""
    size = channels // groups
    order = shuffled(channels, groups) if shuffles else list(range(channels))
    return len({order[channel] // size for channel in range(size)})


def spiral() -> np.ndarray:
    """Points of a two-dimensional spiral, POINTS × 2, centred, from the middle outwards."""
    t = np.linspace(0.05, 1, POINTS)
    angle = 2 * np.pi * TURNS * t
    points = np.stack([t * np.cos(angle), t * np.sin(angle)], axis=1)
    return points - points.mean(axis=0)


def through_relu(dimension: int, seed: int = 0) -> pandas.DataFrame:
    """The spiral before, and after: embedded by a random matrix T, cut by ReLU, projected back by T's inverse.

    MobileNetV2, Figure 1. `x`, `y` are the spiral, `back_x`, `back_y` what T⁻¹ (the pseudo-inverse) makes of it,
    `alive` the number of non-zero dimensions. Raises nothing: `dimension` is at least 2.
    """
    import pandas

    points = spiral()
    matrix = np.random.default_rng((seed, dimension)).standard_normal((2, dimension))
    rectified = np.maximum(points @ matrix, 0)
    back = rectified @ np.linalg.pinv(matrix)
    return pandas.DataFrame(
        {
            "t": np.linspace(0, 1, POINTS),
            "x": points[:, 0],
            "y": points[:, 1],
            "back_x": back[:, 0],
            "back_y": back[:, 1],
            "alive": (rectified > 0).sum(axis=1),
        }
    )


def survives(dimension: int, seed: int = 0) -> dict[str, float]:
    """Information about the spiral that remains after ReLU.

    `recoverable`: share of points with at least two non-zero dimensions, enough to determine two numbers;
    `straight`: share of the spiral's variance explained by the best linear map from n dimensions back to two.
    """
    points = spiral()
    matrix = np.random.default_rng((seed, dimension)).standard_normal((2, dimension))
    rectified = np.maximum(points @ matrix, 0)
    inputs = np.column_stack([rectified, np.ones(len(rectified))])
    fitted = inputs @ np.linalg.lstsq(inputs, points, rcond=None)[0]
    return {
        "recoverable": float(((rectified > 0).sum(axis=1) >= 2).mean()),
        "straight": float(1 - ((points - fitted) ** 2).sum() / (points**2).sum()),
    }


def survival(dimensions: tuple[int, ...] = (2, 3, 5, 8, 10, 15, 20, 30), seeds: int = 40) -> pandas.DataFrame:
    """`survives` over dimensions, averaged over random matrices."""
    import pandas

    rows = []
    for dimension in dimensions:
        found = [survives(dimension, seed) for seed in range(seeds)]
        means = {name: float(np.mean([f[name] for f in found])) for name in found[0]}
        rows.append({"dimension": dimension, **means})
    return pandas.DataFrame(rows)


def swishes(reach: float = 6.0, points: int = 481) -> pandas.DataFrame:
    """x, sigmoid, hard-sigmoid ReLU6(x + 3)/6, swish, hard-swish and their difference (MobileNetV3, section 5.2)."""
    import pandas

    x = np.linspace(-reach, reach, points)
    sigmoid = 1 / (1 + np.exp(-x))
    hard = np.clip(x + 3, 0, 6) / 6
    return pandas.DataFrame(
        {
            "x": x,
            "sigmoid": sigmoid,
            "hard_sigmoid": hard,
            "swish": x * sigmoid,
            "hard_swish": x * hard,
            "error": x * hard - x * sigmoid,
        }
    )
