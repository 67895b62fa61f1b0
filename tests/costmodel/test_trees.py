"""Boosted trees: what they find, and that they say the same together as one by one."""

import numpy as np
import pytest

from costmodel.latency import trees


def test_trees_find_steps():
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, (1500, 4))
    y = np.where(x[:, 1] > 0.5, 0.3, -0.1) + 0.2 * (x[:, 2] > 0.25)
    forest = trees.fit(x, y)
    new = rng.uniform(0, 1, (300, 4))
    expected = np.where(new[:, 1] > 0.5, 0.3, -0.1) + 0.2 * (new[:, 2] > 0.25)
    assert np.abs(forest.predict(new) - expected).mean() < 0.02


def test_boosting_goes_on_from_another_forest():
    rng = np.random.default_rng(1)
    x = rng.uniform(-1, 1, (400, 3))
    step, slope = (x[:, 0] > 0.2) * 1.0, 0.3 * (x[:, 1] > -0.1)
    first = trees.fit(x, step, 60)
    both = trees.fit(x, step + slope + 0.5, 60, onto=first)
    assert len(both.columns) == 120
    assert np.array_equal(both.values[:60], first.values)
    assert np.abs(both.predict(x) - (step + slope + 0.5)).mean() < 0.03
    few = trees.fit(x[:4], step[:4] + 0.5, 60, onto=first)  # too few to learn more from than a level
    assert np.allclose(few.predict(x) - first.predict(x), 0.5, atol=0.03)


def test_forests_say_together_what_their_trees_say_one_by_one():
    rng = np.random.default_rng(2)
    forests = [
        trees.Forest(
            start,
            rng.integers(0, 5, (size, trees.LEVELS)),
            rng.integers(0, 9, (size, trees.LEVELS)) / 2,
            rng.normal(size=(size, 1 << trees.LEVELS)),
        )
        for start, size in ((0.3, 7), (-1.0, 0), (2.0, 12), (0.1, 3))
    ]

    def one_by_one(forest: trees.Forest, x: np.ndarray) -> float:
        found = forest.start
        for columns, thresholds, values in zip(forest.columns, forest.thresholds, forest.values):
            leaf = 0
            for column, threshold in zip(columns, thresholds):
                leaf = 2 * leaf + int(x[column] > threshold)
            found += values[leaf]
        return found

    x = rng.integers(0, 9, (60, 5)) / 2  # many lie on a threshold
    which = rng.choice([0, 1, 3], 60)  # the largest has no samples
    expected = [one_by_one(forests[i], sample) for i, sample in zip(which, x)]
    assert trees.Forests(forests).predict(x, which) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    for forest in forests:
        assert forest.predict(x) == pytest.approx([one_by_one(forest, sample) for sample in x], rel=1e-12, abs=1e-12)


def test_trees_of_nothing_to_learn_are_a_constant():
    forest = trees.fit(np.ones((50, 3)), np.full(50, 0.7))
    assert forest.predict(np.zeros((4, 3))).tolist() == [0.7] * 4


def test_one_interrupted_timing_does_not_move_its_neighbours():
    x = np.repeat(np.arange(20.0)[:, None], 20, axis=0)
    y = np.zeros(400)
    y[7] = 5.0
    assert np.abs(trees.fit(x, y).predict(x)).max() < 0.03


def test_what_many_have_in_common_is_learned_in_a_few_trees():
    """Of a batch a 1×1 convolution takes three times as long on 3×3 pixels: an eighth of what a calibration meets."""
    x = np.repeat(np.arange(8.0)[:, None], 50, axis=0)
    y = np.where(x[:, 0] == 3, np.log(3), 0.0)
    assert np.abs(trees.fit(x, y, 20).predict(x) - y).max() < 0.05
