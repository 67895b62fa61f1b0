"""The device profile: the predictors of one machine in one regime, as versioned, validated JSON.

Contents, reading and writing. No torch, no fitting, no prediction. Start at `DeviceProfile` and `load_profile`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import FailFast, Field, ValidationError, model_validator

from archs import Graph, bounded_json, fold_batchnorm
from archs.caching import cached
from archs.errors import shorten
from archs.guidance import as_path, guided, similar
from costmodel.errors import CostError
from costmodel.latency.calibrated_range import AXES
from costmodel.latency.features import COLUMNS, WORK
from costmodel.latency.operator_kinds import CATALOGUE_KINDS
from costmodel.latency.trees import LEVELS
from costmodel.networks.synthetic import Recipe, made, read_recipe
from costmodel.saved_profile import SavedProfile, Value

FORMAT: Literal["costmodel.profile/1"] = "costmodel.profile/1"
DEFAULT = "cpu"
BATCH = "the profile has its own: costmodel.profiles() lists the shipped ones, costmodel.calibrate makes one"
"""What to do instead of passing a batch or a number of threads beside a profile."""
"""The shipped profile that is used where none is named: one thread, batch 1, eager, NCHW."""
SHIPPED = Path(__file__).parents[1] / "shipped"
MAX_BYTES = 40_000_000
MAX_VALUES = 1_000_000  # of a file; the largest shipped profile has 480,000
MAX_TREES, MAX_KINDS, MAX_REFERENCES, MAX_FACTS = 1_000, 200, 1_000, 40

Finite = Annotated[float, Field(allow_inf_nan=False)]
Natural = Annotated[int, Field(ge=0, le=1 << 53)]
Short = Annotated[str, Field(max_length=200)]
"""Names and environment facts."""


T = TypeVar("T")
Items = Annotated[tuple[T, ...], Field(max_length=1 << LEVELS), FailFast()]
Trees = Annotated[tuple[T, ...], Field(max_length=MAX_TREES), FailFast()]
"""Sequences of bounded length whose validation stops at the first error, so that errors take no memory."""


class Predictor(Value):
    """One operator kind: time_us = (base · work) · exp(forest(columns))."""

    base: Items[Annotated[float, Field(ge=0, allow_inf_nan=False)]]
    """Microseconds per start, per byte in, out and of weights, and per multiply-add."""
    start: Finite
    columns: Trees[Items[Natural]]
    thresholds: Trees[Items[Finite]]
    values: Trees[Items[Finite]]
    samples: Natural
    """Number of nodes in the training set."""
    rmspe: Finite
    """Root mean square relative error on held-out nodes above 20 µs, in percent; -1 if there were none."""
    timed: Trees[Items[Finite]] = ()
    """Nodes of the training set that are near all others (`costmodel.latency.calibrated_range`); empty: not stored."""

    @model_validator(mode="after")
    def _sizes(self) -> Predictor:
        trees = len(self.columns)
        fits = len(self.base) == len(WORK) and len(self.thresholds) == len(self.values) == trees
        fits = fits and all(len(row) == LEVELS for row in (*self.columns, *self.thresholds))
        fits = fits and all(len(row) == 1 << LEVELS for row in self.values)
        fits = fits and all(len(row) == len(AXES) for row in self.timed)
        if not fits or any(column >= len(COLUMNS) for row in self.columns for column in row):
            raise ValueError("the predictor's tables do not fit together")
        return self


class Regime(Value):
    """Device and settings that a profile is valid for. Times of different regimes are never mixed."""

    device: Annotated[str, Field(pattern=r"^[a-z]{2,8}$")] = "cpu"
    threads: Annotated[int, Field(ge=1, le=4096)] = 1
    layout: Literal["nchw", "channels_last"] = "nchw"
    batch: Annotated[int, Field(ge=1, le=4096)] = 1
    folded: bool = False
    """Whether batch norm is folded into the convolutions before timing."""

    def graph(self, spec: Recipe) -> Graph:
        """The graph that is timed and priced for a recipe. Raises ArchError."""
        return self.prepared(made(spec))

    def prepared(self, graph: Graph) -> Graph:
        """The graph, with folded batch norms where the regime is of folded networks."""
        return fold_batchnorm(graph) if self.folded else graph

    def in_common(self, other: Regime) -> tuple[bool, ...]:
        """The settings that two regimes share, ordered by their effect on the choice of kernels.

        Threads and batch are compared as "one" or "more than one", because PyTorch selects kernels by that.
        """
        threads = (self.threads > 1) == (other.threads > 1)
        batch = (self.batch > 1) == (other.batch > 1)
        return threads, self.layout == other.layout, self.folded == other.folded, batch

    @property
    def label(self) -> str:
        """`cpu-1t-nchw-b1-eager`."""
        words = [self.device, f"{self.threads}t", self.layout, f"b{self.batch}", "folded" if self.folded else "eager"]
        return "-".join(words)


DEVICES = ("cpu", "cuda", "mps")
"""Devices that a calibration times operators on."""


class Errors(Value):
    """Errors of predicted against measured network latencies, in percent."""

    networks: Natural
    mape: Finite
    rmspe: Finite
    bias: Finite
    within_5: Finite
    within_10: Finite
    spearman: Finite
    coverage: Finite
    """Share of networks whose measured time lies in the 90 % interval."""


class Reference(Value):
    """A held-out network that was timed with the profile. Timing it again measures the machine's current speed."""

    spec: dict[str, Any]
    network_us: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    kinds_us: dict[Short, Annotated[Finite, Field(ge=0)]] = Field(default_factory=dict, max_length=MAX_KINDS)
    """Kind of operator → total time of its nodes; "all": of all nodes, "call": of the network."""

    def to_spec(self) -> Recipe:
        """The recipe. Raises ArchError or CostError for an invalid one."""
        return read_recipe(self.spec)


class DeviceProfile(SavedProfile):
    """Predictors of one device in one regime, with their provenance and their held-out errors.

    `costmodel.load_profile(name)` reads one, `costmodel.calibrate` makes one of this machine, `save(path)` writes it.
    `regime` is what it holds for (device, threads, layout, batch, folded), `environment` where it was timed,
    `held_out["all"].mape` its mean error in percent. Times are microseconds (`…_us`) or seconds; intervals are of the
    logarithm of the time.

    >>> import costmodel
    >>> profile = costmodel.load_profile("cpu")
    >>> profile.regime.threads, profile.regime.batch, profile.held_out["all"].mape < 5
    (1, 1, True)

    Three attributes have another name in the file (format `costmodel.profile/1`): see their aliases.
    """

    format: Literal["costmodel.profile/1"] = FORMAT
    name: Annotated[str, Field(min_length=1, max_length=80)]
    regime: Regime
    environment: Annotated[dict[Short, Short | int], Field(max_length=MAX_FACTS)]
    probe_us: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    """Time of the stopwatch's probe network in the session, as a measure of the machine's speed."""
    networks: Natural
    """Number of networks in the training set."""
    seconds: Annotated[Finite, Field(ge=0, lt=1e9)]
    """Duration of the calibration."""
    quick: bool
    prior: Short | None = None
    """The shipped profile that the fit was initialised from; None for a fit from scratch."""
    prior_strength: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = Field(None, alias="hold")
    """Weight of the prior in the fit, in nodes (`costmodel.calibration.fit.PRIOR_STRENGTHS`)."""
    columns: Annotated[tuple[Short, ...], Field(max_length=2 * len(COLUMNS)), FailFast()] = COLUMNS
    """Names of the feature columns that the predictors index. A profile with other columns is rejected."""
    predictors: Annotated[dict[Short, Predictor], Field(max_length=MAX_KINDS)]
    references: Annotated[tuple[Reference, ...], Field(max_length=MAX_REFERENCES), FailFast()]
    per_node_us: Finite
    """network_us = scale · (sum of the nodes) + per_node_us · (number of nodes) + per_call_us.

    0 on a CPU. Usually negative on a GPU, where a clock reading after every operator costs time that a whole call does
    not spend."""
    per_call_us: Finite = 0.0
    """On a GPU: the time to start the first operator and to synchronise after the last."""
    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    half_interval: Annotated[float, Field(gt=0, lt=5)]
    """The 90 % interval is latency · exp(± half_interval), from held-out residuals and variation between sessions."""
    node_interval: Annotated[float, Field(gt=0, lt=5)]
    """`half_interval` of one node."""
    imported_half_interval: Annotated[float, Field(gt=0, lt=5)] | None = Field(None, alias="foreign_half_interval")
    """`half_interval` of networks with operators that only imports have; None if none was held out."""
    imported_node_interval: Annotated[float, Field(gt=0, lt=5)] | None = Field(None, alias="foreign_node_interval")
    """`node_interval` of such operators."""
    page_fault_us: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Cost of a page fault, for predictions with glibc's default allocator settings; None if it was not measured."""
    held_out: Annotated[dict[Short, Errors], Field(max_length=MAX_KINDS)]
    """Errors on held-out networks, by family and under "all"."""
    warnings: Annotated[tuple[Annotated[str, Field(max_length=1000)], ...], Field(max_length=100), FailFast()] = ()

    @model_validator(mode="after")
    def _same_columns(self) -> DeviceProfile:
        if self.columns != COLUMNS:
            raise ValueError("the profile was fitted on other features; calibrate again")
        return self

    @model_validator(mode="after")
    def _of_a_device(self) -> DeviceProfile:
        device = self.regime.device
        if device not in DEVICES:
            raise ValueError(f"regime.device: found {device!r}; allowed: {', '.join(DEVICES)}")
        if device == "cpu" and self.per_node_us < 0:
            raise ValueError(f"per_node_us: found {self.per_node_us:g}; allowed on a CPU: 0 or more")
        return self

    @model_validator(mode="after")
    def _has_total_errors(self) -> DeviceProfile:
        if "all" not in self.held_out:
            raise ValueError("held_out has no entry 'all'; calibrate again")
        return self

    def __repr__(self) -> str:
        processor = self.environment.get("processor", "an unknown processor")
        error = f"held-out MAPE {self.held_out['all'].mape} %"
        return f"DeviceProfile({self.name!r}: {self.regime.label}, {processor}, {self.networks} networks, {error})"

    __str__ = __repr__

    def half_interval_of(self, kinds: Iterable[str]) -> float:
        """The half interval of a network of these kinds of operator."""
        return (
            self.half_interval
            if CATALOGUE_KINDS.issuperset(kinds)
            else self.imported_half_interval or self.half_interval
        )

    def node_interval_of(self, kind: str) -> float:
        """The half interval of a node of this kind."""
        return self.node_interval if kind in CATALOGUE_KINDS else self.imported_node_interval or self.node_interval


READERS: dict[str, Callable[[Any], Any]] = {}
"""Validators of other kinds of profile, by format, each of which has what a DeviceProfile is asked for when it is shown
or predicts: `costmodel.devices.load` registers its own."""
FOLDERS: list[Path] = []
"""Where their shipped profiles are."""


def names() -> tuple[str, ...]:
    """Names of the shipped profiles."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.json") if "." not in path.stem))


def locate(path_or_name: str | os.PathLike) -> Path:
    """Path of a shipped profile by its name, or of any profile by its path."""
    for folder in (SHIPPED, *FOLDERS):
        if str(path_or_name) in {path.stem for path in folder.glob("*.json")}:
            return folder / f"{path_or_name}.json"
    return Path(path_or_name)


def nearest(regime: Regime) -> DeviceProfile | None:
    """The shipped profile of the same device with the closest regime; None if there is none."""
    known = [profile for profile in map(load_profile, names()) if profile.regime.device == regime.device]
    return max(known, key=lambda profile: profile.regime.in_common(regime), default=None)


@guided()
def load_profile(path_or_name: str | os.PathLike) -> DeviceProfile:
    """Read a shipped profile by its name, or any profile by its path.

    Raises CostError for a file that is missing, truncated, of another version, or not a profile.

    Args:
        path_or_name: a name of `profiles()` or of a published device, or the path of a JSON file.

    >>> load_profile("pixel1").regime.device
    'cpu'
    """
    as_path(path_or_name, "a profile, or a name of costmodel.profiles()", "costmodel.load_profile(path_or_name)")
    path = locate(path_or_name)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CostError(f"{path.name}: {path.stat().st_size:,} bytes; a profile has up to {MAX_BYTES:,}")
        text = path.read_bytes()
    except OSError as error:
        reason = f"no profile {str(path_or_name)!r} ({error.strerror})"
        devices = [path.stem for folder in FOLDERS for path in folder.glob("*.json")]
        close = similar(str(path_or_name), [*names(), *devices])
        near = f"; the nearest name is {close!r}" if close else ""
        listed = f", and {len(devices)} devices that `python -m explorer devices` lists" if devices else ""
        raise CostError(f"{reason}{near}; shipped: {', '.join(names()) or 'none'}{listed}") from None
    return read_profile(text, path.name)


def as_profile(profile: DeviceProfile | str | os.PathLike) -> DeviceProfile:
    """The profile argument of the public functions: a DeviceProfile, a shipped profile's name or a file's path.

    Raises TypeError for anything else, CostError for a name or a file that is no profile.
    """
    if isinstance(profile, SavedProfile):
        return cast(DeviceProfile, profile)
    if isinstance(profile, (str, os.PathLike)):
        path = locate(profile)
        return _loaded(path, path.stat().st_mtime_ns) if path.is_file() else load_profile(profile)
    shape = "; the shape of an image is input_shape=…" if isinstance(profile, (tuple, list)) else ""
    raise TypeError(
        f"found a {type(profile).__name__}; a profile is a DeviceProfile, the name of a shipped one "
        f"({', '.join(names())}) or a path: call costmodel.load_profile(path_or_name){shape}"
    )


@cached(8, "a loop over networks names the same profile, whose file has megabytes")
def _loaded(path: Path, written: int) -> DeviceProfile:
    return load_profile(path)


def read_profile(text: bytes, name: str) -> DeviceProfile:
    """A profile from the content of a file; `name` is the file's name for messages.

    Raises CostError for content that is truncated, of another version, or not a profile.
    """
    try:
        data = bounded_json.loads(text, MAX_VALUES)
    except ValueError as error:
        raise CostError(f"{name}: {error}") from None
    if not isinstance(data, dict) or not isinstance(data.get("format"), str) or "profile" not in data["format"]:
        raise CostError(f"{name}: not a device profile; allowed: a file that a calibration or `fit-device` writes")
    validate = READERS.get(data["format"], DeviceProfile.model_validate)
    if data["format"] not in (FORMAT, *READERS):
        raise CostError(f"{name}: a profile of version {data['format'][:40]!r}; this program reads {FORMAT!r}")
    try:
        return cast(DeviceProfile, validate(data))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        own = first["type"] == "value_error"  # of a validator above, whose words say what was found
        found = "" if own or first["type"] == "missing" else f"found {shorten(first['input'])}: "
        where = " ".join(".".join(map(str, first["loc"])).split()) or "profile"  # a key may have line breaks
        raise CostError(f"{name}: {where[:80]}: {found}{first['msg'].removeprefix('Value error, ')}") from None


def percentile_half_width(residuals: list[float], share: float = 0.9) -> float:
    """The half width of a symmetric interval on log residuals that covers `share` of new ones.

    Split conformal prediction (Lei et al. 2018, "Distribution-free predictive inference for regression", section 2.2):
    the ⌈(n + 1) · share⌉-th smallest absolute residual.
    """
    ordered = sorted(map(abs, residuals))
    rank = min(len(ordered), math.ceil((len(ordered) + 1) * share))
    return ordered[rank - 1]
