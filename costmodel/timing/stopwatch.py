"""The stopwatch: eval and inference mode, fixed threads, warm-up, quiet moments, median of the quiet calls, IQR.

No costs and no fitting here. The same code path times `cpu`, `cuda` and `mps`. Start at `measure` and `Stopwatch`;
`costmodel/timing/README.md` has the protocol.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import archs
from archs.guidance import Guided, guided
from costmodel.arguments import Network, as_graph, as_sides, as_threads, is_module
from costmodel.errors import CostError
from costmodel.timing.heap import allocator_setting, keep_heap

if TYPE_CHECKING:  # torch takes seconds to import: only what starts a clock does so
    import torch
    from torch import Tensor, nn

Taken = TypeVar("Taken")
LAYOUTS = {"nchw": "contiguous_format", "channels_last": "channels_last"}  # our word → torch's
NOISY = 0.10  # IQR / median above which torch.utils.benchmark, too, warns
TRIES = 3
SETTLED = 0.03  # two block medians this near end the warm-up
BUSY = 1.15  # times the quickest pulse; slower ones were disturbed (measured: 1.02 undisturbed, from 1.4 disturbed)
IMPATIENT = "CNN_COST_IMPATIENT"
"""Environment variable of tests, which assert no times: a process that has it does not wait for quiet moments."""
PATIENCE = 0.0 if IMPATIENT in os.environ else 0.2  # seconds that a call waits for a quiet moment
PULSE_SECONDS = 0.0 if IMPATIENT in os.environ else 1.0  # of pulses, after which the quickest is known
FORGET = 1e-6  # by which every pulse raises the quickest, so that a lasting slowdown is accepted after seconds


@dataclass(frozen=True)
class Timing(Guided):
    """One module timed end to end, in milliseconds."""

    median_ms: float
    """Of the quiet calls: the fastest third."""
    iqr_ms: float
    """Of all calls."""
    min_ms: float
    runs: int
    noisy: bool
    """Whether IQR / median stayed over 10 % after three tries."""


@dataclass(frozen=True)
class Environment:
    """Where and how something was timed."""

    device: str
    processor: str
    threads: int
    layout: str
    torch: str
    system: str
    allocator: str
    date: str
    dtype: str = "float32"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@guided()
def measure(
    network: Network,
    input_shape: Sequence[int] | None = None,
    threads: int = 1,
    device: str = "cpu",
    layout: str = "nchw",
    runs: int = 30,
) -> Timing:
    """Time a network on random images on this machine, end to end, in milliseconds.

    Warns where the machine stays too noisy. Raises CostError for a device, a layout or a shape that is not there,
    TypeError for what is no network. `measure(torch.nn.ReLU(), (1, 8, 56, 56)).median_ms` is the time of one call.

    Args:
        network: an nn.Module in any mode, timed in eval mode; or a name, a Spec or a Graph.
        input_shape: (batch, channels, height, width), or (channels, height, width) for a batch of 1; of a name, a Spec
            or a Graph by default its own.
        threads: of PyTorch.
        device: "cpu", "cuda" or "mps".
        layout: "nchw" or "channels_last".
        runs: timed calls, after warm-up; up to three times as many where they disagree.
    """
    if type(runs) is not int or not 2 <= runs <= 100_000:
        raise CostError(f"runs is {runs!r}; allowed: a whole number from 2 to 100,000")
    module, shape = _timed(network, input_shape)
    with Stopwatch(device, threads, layout).running() as watch:
        call = watch.caller(module, shape)
        watch.warm_up(call)
        samples: list[float] = []
        for _ in range(TRIES):
            samples += [watch.once(call) for _ in range(runs)]
            timing = summary(samples)
            if not timing.noisy:
                return timing
    warnings.warn(
        f"noisy machine: IQR is {100 * timing.iqr_ms / timing.median_ms:.0f} % of the median after {TRIES} tries; "
        "stop other programs and measure again",
        stacklevel=2,
    )
    return timing


def _timed(network: Network, shape: Sequence[int] | None) -> tuple[nn.Module, tuple[int, ...]]:
    """The module to time, and the shape of its images with their batch."""
    given = as_sides(shape) if shape is not None else ()
    sides = (1, *given) if len(given) == 3 else given
    if is_module(network):
        if not sides:
            name = type(network).__name__
            raise TypeError(f"{name} is an nn.Module: pass input_shape=(batch, channels, height, width)")
        return network, sides
    graph = as_graph(network, sides[1:] or None)
    return archs.to_module(graph), (sides[0] if sides else 1, *graph.input)


def quiet(samples: Sequence[float]) -> float:
    """The median of the fastest third, which a neighbour's work did not slow.

    >>> quiet([10.0, 10.2, 10.1, 15.0, 11.0, 14.0, 12.0, 10.3, 13.0])
    10.1
    """
    return statistics.median(sorted(samples)[: max(1, len(samples) // 3)])


def fastest(samples: Sequence[float]) -> float:
    """The mean of the two fastest: where they agree, both were undisturbed. For short pieces of work, run often.

    >>> fastest([14.0, 10.2, 21.0, 10.0])
    10.1
    """
    return statistics.mean(sorted(samples)[:2])


def summary(samples_us: Sequence[float]) -> Timing:
    """The timing of at least two samples in microseconds."""
    low, _, high = statistics.quantiles(samples_us, n=4)
    middle = quiet(samples_us)
    return Timing(middle / 1e3, (high - low) / 1e3, min(samples_us) / 1e3, len(samples_us), high - low > NOISY * middle)


class Stopwatch:
    """Clock, probe and settings of one regime. Use `with Stopwatch(...).running() as watch`."""

    def __init__(self, device: str = "cpu", threads: int = 1, layout: str = "nchw"):
        self.device = check_device(device)
        if layout not in LAYOUTS:
            raise CostError(f"layout is {layout!r}; allowed: {', '.join(LAYOUTS)}")
        self.threads = as_threads(threads)
        self.layout = layout
        import torch

        self._torch = torch
        self._probe = self.caller(_probe_network(torch), (1, 3, 224, 224))
        self._pulse = self.caller(torch.nn.BatchNorm2d(16), (1, 16, 14, 14))
        self._quickest = float("inf")
        self._events: list = []  # that have been read, and can be recorded again

    @contextmanager
    def running(self) -> Iterator[Stopwatch]:
        """The settings under which everything is timed; puts the thread count back afterwards."""
        torch = self._torch
        before = torch.get_num_threads()
        keep_heap()
        torch.set_num_threads(self.threads)
        torch.set_flush_denormal(True)
        try:
            with torch.inference_mode():
                yield self
        finally:
            torch.set_flush_denormal(False)
            torch.set_num_threads(before)

    def environment(self) -> Environment:
        return Environment(
            device=self.device.type,
            processor=processor(self.device),
            threads=self.threads,
            layout=self.layout,
            torch=self._torch.__version__,
            system=f"{platform.system()} {platform.machine()}",
            allocator=allocator_setting(),
            date=date.today().isoformat(),
        )

    def place(self, module: nn.Module) -> nn.Module:
        placed: Any = module.eval()  # torch declares `memory_format` for tensors only
        return placed.to(self.device, memory_format=self._format)

    def images(self, shape: Sequence[int]) -> Tensor:
        x = self._torch.randn(*shape)
        return x.to(self.device, memory_format=self._format) if len(shape) == 4 else x.to(self.device)

    @property
    def _format(self) -> torch.memory_format:
        return getattr(self._torch, LAYOUTS[self.layout])

    def caller(self, module: nn.Module, shape: Sequence[int]) -> Callable[[], object]:
        module, x = self.place(module), self.images(shape)
        return lambda: module(x)

    # the clock: ticks are nanoseconds on a CPU, recorded events elsewhere

    @property
    def tick(self) -> Callable[[], object]:
        return time.perf_counter_ns if self.device.type == "cpu" else self._event

    def _event(self) -> object:
        events = getattr(self._torch, self.device.type)
        event = self._events.pop() if self._events else events.Event(enable_timing=True)  # making one takes µs
        event.record()
        return event

    def spans(self, ticks: Sequence) -> list[float]:
        """Microseconds between consecutive ticks."""
        if self.device.type == "cpu":
            return [(b - a) / 1e3 for a, b in pairwise(ticks)]
        getattr(self._torch, self.device.type).synchronize()
        spans = [a.elapsed_time(b) * 1e3 for a, b in pairwise(ticks)]
        self._events += ticks
        return spans

    def once(self, call: Callable[[], object]) -> float:
        """Microseconds of one call, undisturbed where that can be had."""
        return self.undisturbed(lambda: self.span(call))

    def span(self, call: Callable[[], object]) -> float:
        """Microseconds of one call, as it comes."""
        tick = self.tick
        start = tick()
        call()
        return self.spans((start, tick()))[0]

    def undisturbed(self, take: Callable[[], Taken]) -> Taken:
        """What `take` gives between two quiet moments.

        After three tries, or where no quiet moment comes within `PATIENCE`, what it gave last.
        """
        if self._quickest == float("inf"):
            self._find_quickest()
        for _ in range(TRIES):
            waited = self._wait()
            taken = take()
            if not waited or self._undisturbed_now():
                break
        return taken

    def _find_quickest(self) -> None:
        """Run pulses until the quickest is known."""
        end = time.perf_counter() + PULSE_SECONDS
        while self.device.type == "cpu" and time.perf_counter() < end:
            self._undisturbed_now()

    def _wait(self) -> bool:
        """Whether a quiet moment came."""
        end = time.perf_counter() + PATIENCE
        while not self._undisturbed_now():
            if time.perf_counter() > end:
                return False
        return True

    def _undisturbed_now(self) -> bool:
        """Whether this core is undisturbed at this moment; always true on other devices than a CPU."""
        if self.device.type != "cpu":
            return True
        pulse = min(self.span(self._pulse), self.span(self._pulse))  # the first may find its code out of the caches
        self._quickest = min(pulse, self._quickest * (1 + FORGET))
        return pulse < BUSY * self._quickest

    def warm_up(self, call: Callable[[], object], block: int = 3, blocks: int = 10) -> None:
        """Call until the medians of two blocks agree within 3 %, or `blocks` are done."""
        before = 0.0
        for _ in range(blocks):
            now = statistics.median(self.span(call) for _ in range(block))
            if abs(now - before) < SETTLED * now:
                return
            before = now

    def probe(self) -> float:
        """Microseconds that a fixed small network takes now, as it comes: how fast the machine is at this moment."""
        return self.span(self._probe)


def _probe_network(torch: Any) -> Any:
    """The operators of a mobile network in some milliseconds: dense, depthwise and 1×1, small and large maps."""
    nn = torch.nn

    def block(channels: int, out: int, stride: int) -> list[Any]:
        depthwise = nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False)
        pointwise = nn.Conv2d(channels, out, 1, bias=False)
        return [depthwise, nn.BatchNorm2d(channels), nn.ReLU6(), pointwise, nn.BatchNorm2d(out), nn.ReLU6()]

    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU6(),
        *block(16, 64, 1), *block(64, 32, 2), *block(32, 96, 1), *block(96, 96, 2), *block(96, 192, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(192, 1000),
    )  # fmt: skip


def check_device(name: str) -> torch.device:
    """The torch device. Raises CostError, with those that are there, for one that is not."""
    import torch

    present = ["cpu"]
    if torch.cuda.is_available():
        present.append("cuda")
    if torch.backends.mps.is_available():
        present.append("mps")
    if not isinstance(name, str) or name.split(":")[0] not in present:
        raise CostError(f"device {name!r} is not there; this machine has {', '.join(present)}")
    return torch.device(name)


def processor(device: torch.device) -> str:
    """The name that the device gives itself; of a GPU also its host, which starts the kernels one by one."""
    if device.type == "cuda":
        import torch

        return f"{torch.cuda.get_device_name(device)} beside {processor(torch.device('cpu'))}"
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
