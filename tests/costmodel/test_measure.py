"""The stopwatch: what it runs and what it refuses. Times themselves are not asserted."""

import os

import pytest
import torch

import archs
import costmodel
from archs.catalogue.registry import FAMILIES
from archs.catalogue.sampling import random_spec
from archs.ir.graph import INPUT, Builder
from archs.ir.ops import ChannelSplit, Concat, Conv2d, Shape
from costmodel.timing.instrumented import InPlace
from costmodel.timing.stopwatch import (
    BUSY,
    IMPATIENT,
    PATIENCE,
    PULSE_SECONDS,
    TRIES,
    Stopwatch,
    fastest,
    processor,
    quiet,
    summary,
)

SMALL = {"resolution": 64}


@pytest.fixture
def watch():
    with Stopwatch().running() as running:
        yield running


def small(name):
    knobs = FAMILIES[name].knobs
    return archs.spec(name, **({"resolution": 64} if "resolution" in knobs else {}))


def test_nothing_that_the_tests_start_waits_for_quiet_moments():
    """Servers and workers, which inherit the environment, waited for as long as a loaded machine let them."""
    assert IMPATIENT in os.environ
    assert (PATIENCE, PULSE_SECONDS) == (0, 0)


@pytest.mark.parametrize("name", archs.names())
def test_every_node_gets_a_time_and_the_module_is_the_exported_one(watch, name):
    graph = archs.build(small(name))
    placed = InPlace(graph, watch)
    times = placed.nodes_us()
    assert len(times) == len(graph.nodes)
    assert all(time_us >= 0 for time_us in times)
    with_clocks = placed._timed(placed.x)
    assert torch.equal(with_clocks, placed.call())


@pytest.mark.parametrize("seed", range(12))
def test_random_networks_run_node_by_node(watch, seed):
    import random

    graph = archs.build(random_spec(random.Random(seed)).edit(resolution=64))
    assert len(InPlace(graph, watch).nodes_us()) == len(graph.nodes)


def test_a_network_moves_and_stays_the_same(watch):
    placed = InPlace(archs.build(archs.spec("mobilenet_v2", width=0.35, resolution=32)), watch)
    before, weights, images = placed.call(), list(placed.module.parameters()), placed.x
    where = [weight.data_ptr() for weight in weights]
    placed.move()
    assert placed.call().equal(before)
    assert all(weight.data_ptr() != was for weight, was in zip(weights, where))
    assert placed.x.data_ptr() != images.data_ptr()
    with_clocks = placed._timed.parameters()
    assert [weight.data_ptr() for weight in with_clocks] == [weight.data_ptr() for weight in weights]  # one copy


def test_folded_networks_and_batches_run_too(watch):
    graph = archs.fold_batchnorm(archs.build(archs.spec("shufflenet_v2", **SMALL)))
    placed = InPlace(graph, watch, batch=3)
    assert placed.call().shape == (3, 1000)
    assert len(placed.nodes_us()) == len(graph.nodes)


def test_a_split_with_an_unused_part_is_one_node(watch):
    b = Builder("parts", Shape(8, 6, 6))
    left = b.add("left", ChannelSplit((2, 6), 0), INPUT)
    conv = b.add("conv", Conv2d(4), left)
    b.add("concat", Concat(), conv, left)
    assert len(InPlace(b.graph(), watch).nodes_us()) == 3


@pytest.mark.filterwarnings("ignore:noisy machine")  # it may be: these look at other things
def test_measure_reports_what_it_saw():
    timing = costmodel.measure(torch.nn.Conv2d(3, 8, 3), (1, 3, 16, 16), runs=6)
    assert 0 < timing.min_ms <= timing.median_ms
    assert timing.iqr_ms >= 0
    assert timing.runs >= 6


@pytest.mark.filterwarnings("ignore:noisy machine")  # it may be: these look at other things
def test_settings_are_put_back():
    before = torch.get_num_threads()
    module = torch.nn.Conv2d(3, 4, 1).train()
    costmodel.measure(module, (1, 3, 8, 8), threads=1, runs=4)
    assert torch.get_num_threads() == before
    assert not torch.is_inference_mode_enabled()


def test_layouts_are_what_they_say(watch):
    assert watch.images((1, 3, 4, 4)).is_contiguous()
    last = Stopwatch(layout="channels_last")
    assert last.images((1, 3, 4, 4)).is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "tpu"}, "device 'tpu' is not there; this machine has cpu"),
        ({"layout": "nhwc"}, "layout is 'nhwc'; allowed: nchw, channels_last"),
        ({"threads": 0}, "threads is 0"),
        ({"threads": "2"}, "threads is '2'"),
        ({"threads": 1_000_000}, "threads is 1000000; allowed: a whole number from 1 to "),
    ],
)
def test_what_is_not_there_is_an_error(options, message):
    with pytest.raises(costmodel.CostError, match=message):
        Stopwatch(**options)


def test_noise_is_seen():
    steady, jumpy = [100.0 + i % 3 for i in range(30)], [100.0 + 40 * (i % 3) for i in range(30)]
    assert not summary(steady).noisy
    assert summary(jumpy).noisy
    assert quiet(jumpy) == 100.0
    assert fastest([14.0, 10.2, 21.0, 10.0]) == pytest.approx(10.1)


def scripted(watch, monkeypatch, *calm):
    """The stopwatch finds the core calm or not as the script says, then calm."""
    answers = list(calm)
    monkeypatch.setattr(watch, "_undisturbed_now", lambda: answers.pop(0) if answers else True)
    return iter(range(1, 9)).__next__


def test_a_run_that_ended_disturbed_is_taken_again(watch, monkeypatch):
    take = scripted(watch, monkeypatch, True, False, False, False, True, True)
    assert watch.undisturbed(take) == 2


def test_after_three_tries_the_last_run_stands(watch, monkeypatch):
    take = scripted(watch, monkeypatch, *[True, False] * 5)
    assert watch.undisturbed(take) == TRIES


def test_where_no_quiet_moment_comes_a_run_is_taken_all_the_same(watch, monkeypatch):
    monkeypatch.setattr(watch, "_undisturbed_now", lambda: False)
    assert watch.undisturbed(iter(range(1, 9)).__next__) == 1


def test_a_pulse_tells_a_disturbed_core_and_a_slower_machine_is_believed_in_time(watch, monkeypatch):
    pulses = {"us": 30.0}
    monkeypatch.setattr(watch, "span", lambda call: pulses["us"])
    watch._quickest = 30.0
    assert watch._undisturbed_now()
    pulses["us"] = 30.0 * BUSY + 1
    assert not watch._undisturbed_now()
    assert any(watch._undisturbed_now() for _ in range(200_000))
    pulses["us"] = 30.0
    assert watch._undisturbed_now()
    pulses["us"] = 40.0
    assert not watch._undisturbed_now()  # one quick pulse, and quick is what it was


def test_a_device_without_neighbours_is_always_undisturbed_now(watch, monkeypatch):
    monkeypatch.setattr(watch, "device", torch.device("meta"))
    watch._quickest = 0.0
    assert watch._undisturbed_now()


def test_a_gpu_is_timed_by_events_that_are_used_again(watch, monkeypatch):
    class Event:
        made = 0

        def __init__(self, enable_timing):
            assert enable_timing
            Event.made += 1

        def record(self):
            self.ms = now.pop(0)

        def elapsed_time(self, later):
            assert synchronized
            return later.ms - self.ms

    synchronized, now = [], [1.0, 1.5, 4.0, 7.0, 7.25, 8.0]
    monkeypatch.setattr(watch, "device", torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: synchronized.append(True))
    for spans in ([500.0, 2500.0], [250.0, 750.0]):
        assert watch.spans([watch.tick() for _ in range(3)]) == spans
    assert (Event.made, len(synchronized)) == (3, 2)


def test_a_gpu_is_named_with_its_host(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Some GPU")
    assert processor(torch.device("cuda")) == f"Some GPU beside {processor(torch.device('cpu'))}"


@pytest.mark.filterwarnings("ignore:noisy machine")
def test_a_name_and_an_image_without_a_batch_are_timed():
    assert costmodel.measure("mobilenet_v1", (3, 32, 32), runs=2).median_ms > 0
    assert costmodel.measure(torch.nn.Conv2d(3, 8, 3), (3, 16, 16), runs=2).median_ms > 0
    with pytest.raises(TypeError, match=r"pass input_shape=\(batch, channels, height, width\)"):
        costmodel.measure(torch.nn.ReLU())
