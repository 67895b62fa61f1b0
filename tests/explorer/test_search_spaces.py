"""Search spaces: exact sizes, networks equal to those that the tables build, NAS-Bench-Macro's published counts."""

from itertools import product
from random import Random

import pytest

import archs
import costmodel
from archs import ArchError
from explorer.search.nas_bench_macro import table
from explorer.search.parts import digest_of
from explorer.search.space import Choice, Option, Space
from explorer.search.spaces import SPACES, offered, open_table, space


@pytest.mark.parametrize("name", SPACES)
def test_a_genome_is_a_table(name):
    found, rng = space(name), Random(name)
    genome = found.draw(rng)
    for _ in range(8):
        spec = found.spec(genome)
        assert found.graph(genome) == archs.build(spec)
        assert found.digest(genome) == digest_of(spec)
        genome = rng.choice([found.mutate(genome, rng), found.cross(genome, found.draw(rng), rng)])


def test_a_stage_behind_other_paths_is_built_once():
    """Its blocks differ in the path that the first one reads, and results are cached by what is equal."""
    found, rng = space("mnasnet"), Random(2)
    one = found.draw(rng)
    gene = [choice.name for choice in found.choices].index("stage2.repeat")
    other = list(one)
    other[gene] = (one[gene] + 1) % found.lengths[gene]
    graphs = [found.graph(genome) for genome in (one, tuple(other))]
    third = [[block for block in graph.subgraphs if block.stage == "stage3"] for graph in graphs]
    assert [block.nodes for block in third[0]] != [block.nodes for block in third[1]]
    assert [block.key for block in third[0]] == [block.key for block in third[1]]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mnasnet", "mobilenet_v3", "shufflenet_v2"])
def test_bulk_prices_are_those_of_single_networks(name):
    """Within 1e-9 of the predictions of the tables' graphs."""
    found, rng, profile = space(name), Random(name), costmodel.load_profile("cpu")
    genomes = [found.draw(rng) for _ in range(60)]
    prices = costmodel.predict_many([found.graph(genome) for genome in genomes], profile)
    for genome, price in zip(genomes, prices):
        one = costmodel.predict(archs.build(found.spec(genome)), profile)
        assert price == pytest.approx((one.latency_ms, one.low_ms, one.high_ms), rel=1e-9, abs=1e-9, nan_ok=True)


def test_mutants_differ_in_as_many_genes_as_asked():
    found, rng = space("mnasnet"), Random(1)
    genome = found.draw(rng)
    for genes in (1, 2, 5):
        assert sum(a != b for a, b in zip(genome, found.mutate(genome, rng, genes))) == genes


def test_nas_bench_macro_as_published():
    """All 6,561 networks have the file's parameters and multiply-adds."""
    bench, known = space("nas_bench_macro"), table()
    assert bench.size == len(known.genomes) == 3**8
    totals = costmodel.count_many([bench.graph(genome) for genome in known.genomes])
    assert [total.params for total in totals] == known.params.tolist()
    assert [total.mult_adds for total in totals] == known.mult_adds.tolist()


def test_channels_are_multiples_of_eight():
    rng = Random(3)
    for name in SPACES:
        spec = space(name).spec(space(name).draw(rng))
        assert all(getattr(row, "channels", 8) % 8 == 0 for row in spec.rows[:-1] if row.kind != "shuffle_v1"), name


def test_the_size_counts_graphs_and_not_genomes():
    """Against all graphs of a small space, in which shortcuts, removals and renamings make genomes coincide."""
    base = archs.spec("mobilenet_v2", resolution=64)
    kernel = Choice("kernel", tuple([Option(str(k), ((2, "kernel", k),)) for k in (3, 5)]))
    shortcut = Choice("shortcut", tuple([Option(str(s), ((2, "shortcut", s),)) for s in (True, False)]))
    repeat = Choice("repeat", tuple([Option(str(n), ((2, "repeat", n),)) for n in (1, 2)]))
    row = Choice("row", (Option("kept", ((3, "row", base.rows[3]),)), Option("removed", ((3, "row", None),))))
    small = Space("small", "small", "a test", base, (kernel, shortcut, repeat, row))
    graphs = {small.graph(genome) for genome in product(*[range(length) for length in small.lengths])}
    assert small.size == len(graphs) == 12  # 2·2·2·2 genomes; without a repeat the shortcut has nothing to add
    assert len({small.digest(g) for g in product(*map(range, small.lengths))}) == 16


def test_repeats_of_equal_rows_in_one_stage_are_one_network():
    """Twice one row and once its equal, or once and twice: one graph of two genomes."""
    base = archs.spec("mobilenet_v2", resolution=64)
    row = base.rows[3].model_copy(update={"stride": 1, "repeat": 1})
    base = base.edit(rows=(*base.rows[:4], row, *base.rows[4:]))
    choices = [
        Choice(f"row{index}", tuple([Option(str(n), ((index, "repeat", n),)) for n in (1, 2)])) for index in (3, 4)
    ]
    assert Space("twice", "twice", "a test", base, tuple(choices)).size == 3


def test_invalid_networks_are_neither_counted_nor_drawn():
    base = archs.spec("shufflenet_v1")
    first = next(i for i, row in enumerate(base.rows) if row.kind == "shuffle_v1")
    options = tuple([Option(str(c), ((first, "channels", c), (first + 1, "channels", c))) for c in (240, 241, 192)])
    found = Space("odd", "odd", "a test", base, (Choice("channels", options),))
    assert found.size == 2
    assert {found.draw(Random(seed)) for seed in range(20)} == {(0,), (2,)}
    nothing = Space("none", "none", "a test", base, (Choice("channels", options[1:2]),))
    with pytest.raises(ArchError, match="none of"):
        nothing.draw(Random(0))


def test_the_open_table():
    base = archs.spec("mobilenet_v3_large")
    assert "expanded" in offered(base, 4)
    found = open_table(base, [(4, "kernel"), (4, "expanded"), (5, "se")], resolutions=(192, 224))
    assert found.size == 3 * len(offered(base, 4)["expanded"]) * 2 * 2
    assert found.graph(found.draw(Random(0))).input.height in (192, 224)
    with pytest.raises(ArchError, match="allowed: .*kernel"):
        open_table(base, [(4, "colour")])
    with pytest.raises(ArchError, match="no choices"):
        open_table(base, [])


def test_an_unknown_space_lists_those_known():
    with pytest.raises(ArchError, match="allowed: mnasnet"):
        space("darts")


def test_images_that_are_not_square_are_refused():
    with pytest.raises(ArchError, match="found images of 224×320; allowed: square"):
        open_table(archs.spec("mobilenet_v2", resolution=(224, 320)), [(1, "channels")])
