"""Random modules through the importer: each import equals the original, or is refused in one sentence."""

from __future__ import annotations

import pytest
from support.module_grammar import KINDS, outcome


@pytest.mark.parametrize("seeds", [range(12), pytest.param(range(12, 212), marks=pytest.mark.slow)], ids=str)
def test_no_random_module_is_read_as_something_else(seeds):
    found = {seed: outcome(seed, verify=seed % 4 == 0) for seed in seeds}
    told = {seed: text for seed, text in found.items() if text.startswith("differs") and "mult-adds" not in text}
    assert not told
    assert sum(text == "equal" for text in found.values()) > len(seeds) / 2
    assert all("\n" not in text for text in found.values())


@pytest.mark.slow
def test_what_no_step_reads_is_told_and_not_dropped_in_silence():
    """A layer whose output is overwritten runs in the original, and the import leaves it out."""
    found = [outcome(seed) for seed in (46, 114)]
    assert all(text == "equal" or "multiply-adds" in text for text in found)


def test_the_grammar_has_every_kind_of_silent_fault():
    """In-place operators on copies and through views; tied weights, biases and parameters; computed weights."""
    kinds = {
        "copied", "added_nothing", "times_one", "padded", "one_joined", "rows", "channel", "viewed", "by_data", "tied",
        "norm", "both", "standardised", "difference", "gated",
    }  # fmt: skip
    assert kinds <= KINDS.keys()
