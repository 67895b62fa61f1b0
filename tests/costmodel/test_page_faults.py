"""Page faults: the rules of the heap, and networks against faults counted in processes of their own."""

import numpy as np
import pytest
from torch import nn

import archs
import costmodel
from archs.ir.ops import Conv2d, MaxPool, Shape
from costmodel.latency.buffers import buffers_of
from costmodel.latency.glibc_heap import MMAP_THRESHOLD, PAGE, TOP_PAD, Heap
from costmodel.latency.page_faults import page_faults
from costmodel.timing.plain_process import measure_plain

MIB = 1 << 20
BOTH = False, True


def test_a_mapped_block_faults_every_time_above_the_largest_threshold():
    heap = Heap()
    for _ in range(3):
        before = heap.faults
        heap.free(heap.allocate(33 * MIB))
        assert heap.faults - before == pytest.approx(33 * MIB / PAGE, rel=0.001)
    assert heap.mmap_threshold == MMAP_THRESHOLD


def test_freeing_a_mapped_block_raises_both_thresholds():
    heap = Heap()
    heap.free(heap.allocate(4 * MIB))
    assert 4 * MIB <= heap.mmap_threshold < 4 * MIB + 2 * PAGE
    assert heap.trim_threshold == 2 * heap.mmap_threshold
    before = heap.faults
    heap.free(heap.allocate(4 * MIB))  # now from the heap, whose pages stay
    heap.free(heap.allocate(4 * MIB))
    assert heap.faults - before == pytest.approx(4 * MIB / PAGE, rel=0.001)


def test_memory_at_the_top_is_given_back_above_the_trim_threshold():
    heap = Heap()
    blocks = [heap.allocate(900_000) for _ in range(4)]
    grown = heap.end
    for block in reversed(blocks):
        heap.free(block)
    assert heap.end < grown
    assert heap.end <= TOP_PAD + PAGE + 2 * heap.trim_threshold
    before = heap.faults
    heap.allocate(900_000)
    assert heap.faults > before


def test_a_block_above_keeps_the_heap_from_shrinking():
    heap = Heap()
    blocks = [heap.allocate(900_000) for _ in range(4)]
    heap.allocate(2000)
    grown = heap.end
    for block in blocks:
        heap.free(block)
    assert heap.end == grown


@pytest.mark.parametrize(
    ("op", "x", "y", "sizes"),
    [
        (Conv2d(96, 1), (16, 112, 112), (96, 112, 112), [96 * 112 * 112]),
        (Conv2d(36, 3, groups=36), (36, 28, 28), (36, 28, 28), [40 * 28 * 28, 36 * 9, 40 * 28 * 28, 36 * 28 * 28]),
        (Conv2d(18, 3, stride=2), (3, 224, 224), (18, 112, 112), [18 * 27, 24 * 112 * 112, 18 * 112 * 112]),
        (Conv2d(64, 3), (64, 14, 14), (64, 14, 14), [64 * 9 * 196, 64 * 196]),
        (MaxPool(3, 2, 1), (24, 112, 112), (24, 56, 56), [24 * 56 * 56, 2 * 24 * 56 * 56]),
    ],
)  # fmt: skip
def test_buffers_are_those_that_were_traced(op, x, y, sizes):
    """In elements, in the order of the allocations: reordered input, weights, blocked output, output."""
    found = buffers_of(op, 1, Shape(*y), Shape(*x))
    assert [step.size for step in found.allocations] == [4 * size for size in sizes]


def test_a_strided_pointwise_convolution_gathers_its_pixels_first():
    found = buffers_of(Conv2d(512, 1, stride=2), 1, Shape(512, 28, 28), Shape(256, 56, 56))
    assert [step.size for step in found.allocations[:2]] == [4 * 256 * 28 * 28 + 128, 4 * 256 * 56 * 56]


@pytest.mark.parametrize(
    ("channels", "pixels", "packing"), [(16, 56, 1_639_072), (96, 112, 3_392_160), (16, 20, 238_240)]
)
def test_a_matrix_product_packs_its_operands_as_traced(channels, pixels, packing):
    found = buffers_of(Conv2d(channels, 1), 1, Shape(channels, pixels, pixels), Shape(16, pixels, pixels))
    assert found.packing == pytest.approx(packing, rel=1e-3)
    assert found.primitive is None


def test_a_convolution_is_created_once_per_process():
    """Equal convolutions on equal shapes share a primitive; only strided 1x1 ones have code of another size."""
    depthwise = Conv2d(96, 3, groups=96)
    found = buffers_of(depthwise, 1, Shape(96, 28, 28), Shape(96, 28, 28))
    other = buffers_of(depthwise, 1, Shape(96, 14, 14), Shape(96, 14, 14))
    assert found.primitive is not None
    assert found.primitive != other.primitive
    assert found.packing == 0
    reorders = [step.reorder for step in found.allocations if step.reorder]
    assert len(set(reorders)) == 3
    assert reorders[1] in [step.reorder for step in other.allocations]  # of the weights, which are the same


def test_a_resnet_does_not_fault():
    """Eleven of twelve counted processes had none: its first call leaves code above the large blocks."""
    assert page_faults(archs.build(archs.spec("resnet50"))).total == 0


def test_faults_are_a_part_of_a_prediction_with_the_default_allocator():
    graph = archs.build(archs.spec("mobilenet_v2"))
    profile = costmodel.load_profile("cpu").model_copy(update={"page_fault_us": 2.0})
    kept = costmodel.predict(graph, profile, allocator="retain")
    plain = costmodel.predict(graph, profile, allocator="default")
    assert kept.page_faults == kept.page_fault_ms == 0
    assert plain.page_faults == page_faults(graph).total > 2000
    assert plain.latency_ms == pytest.approx(kept.latency_ms + plain.page_faults * 2e-3)
    table = plain.table()
    assert table["page_fault_ms"].sum() == pytest.approx(plain.page_fault_ms)
    assert table["latency_ms"].sum() == pytest.approx(plain.latency_ms)
    assert plain.low_ms <= plain.latency_ms <= plain.high_ms
    assert np.array_equal(kept.table().columns, costmodel.predict(graph, profile).table().columns)


def test_an_allocator_that_cannot_be_priced_is_refused():
    graph = archs.build(archs.spec("mobilenet_v2"))
    unknown = costmodel.load_profile("cpu").model_copy(update={"page_fault_us": None})
    with pytest.raises(costmodel.CostError, match="has no cost of a page fault; allowed: allocator='retain'"):
        costmodel.predict(graph, unknown, allocator="default")
    with pytest.raises(costmodel.CostError, match="allocator is 'jemalloc'; allowed: 'default', 'retain'"):
        costmodel.predict(graph, unknown, allocator="jemalloc")


@pytest.mark.slow
def test_a_small_network_faults_in_no_call():
    graph = archs.build(archs.spec("shufflenet_v2", resolution=128))
    counted = measure_plain(archs.to_source(graph), None, (1, 3, 128, 128), seconds=0.2).page_faults
    assert counted <= 16
    assert page_faults(graph, 1).high <= 16


@pytest.mark.slow
def test_blocks_above_the_largest_threshold_fault_in_every_call():
    """MobileNetV2 at batch 8, whose blocks above 32 MiB are mapped anew; how many faults is for a run by hand."""
    graph = archs.build(archs.spec("mobilenet_v2"))
    largest = 4 * 8 * max(node.output.elements for node in graph.nodes)
    assert largest > MMAP_THRESHOLD
    counted = measure_plain(archs.to_source(graph), None, (8, 3, 224, 224), seconds=0.2).page_faults
    assert counted >= largest / PAGE
    assert page_faults(graph, 8).total >= largest / PAGE


@pytest.mark.timing
def test_the_faults_of_a_batch_are_near_those_counted():
    """The median of five processes, which differ by 8 % among themselves."""
    graph = archs.build(archs.spec("mobilenet_v2"))
    source = archs.to_source(graph)
    counted = [measure_plain(source, None, (8, 3, 224, 224), seconds=2).page_faults for _ in range(5)]
    assert page_faults(graph, 8).total == pytest.approx(np.median(counted), rel=0.15)


def test_an_imported_module_allocates_nothing_for_what_it_writes_in_place():
    """The mapped blocks of 36 MiB, which fault in every call, are those of the convolution and the norm alone."""

    def module(inplace):
        return nn.Sequential(nn.Conv2d(3, 36, 3, padding=1), nn.BatchNorm2d(36), nn.ReLU(inplace=inplace))

    faults = {inplace: page_faults(archs.from_module(module(inplace), (3, 512, 512), verify=False)) for inplace in BOTH}
    block = 36 * 512 * 512 * 4 // PAGE
    assert faults[True].nodes[2] == 0
    assert faults[False].nodes[2] == pytest.approx(block, rel=0.001)
    assert faults[False].total - faults[True].total == pytest.approx(block, rel=0.001)
