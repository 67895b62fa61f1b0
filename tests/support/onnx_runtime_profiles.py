"""Profiles of ONNX Runtime that are fitted to made-up times, which follow a physical rule."""

from functools import cache
from unittest.mock import patch

import archs
from archs.transforms.onnx_runtime import fuse_for_onnx_runtime
from costmodel.calibration.sample import table_networks
from costmodel.onnx_runtime.features import features
from costmodel.onnx_runtime.fit import fit
from costmodel.onnx_runtime.node_times import FusedTimes
from costmodel.onnx_runtime.profile import OnnxRuntimeProfile, OnnxRuntimeRegime

PROFILER_US = 4.0


def made_up(spec, graph, block=8):
    """1 µs per node, 10 bytes/ns and 20 multiply-adds/ns; the profiler adds a constant to each node."""
    work = features(fuse_for_onnx_runtime(graph, block)).work
    nodes = 1.0 + work[:, 1:4].sum(axis=1) / 1e4 + work[:, 4] / 2e4
    return FusedTimes(spec, float(nodes.sum()), tuple((nodes + PROFILER_US).tolist()))


def made_up_networks() -> list[FusedTimes]:
    networks = table_networks(5)
    timed = [made_up(*next(networks)) for _ in range(16)]
    specs = [archs.spec(name, resolution=96) for name in ("mobilenet_v2", "shufflenet_v2", "resnet50")]
    return timed + [made_up(spec, archs.build(spec)) for spec in specs] * 2


@cache
def made_up_profile() -> OnnxRuntimeProfile:
    return fitted(made_up_networks())


def fitted(timed) -> OnnxRuntimeProfile:
    with few_trees():
        return fit(timed, OnnxRuntimeRegime(version="1.2.3", block=8), "mine", {"processor": "AMD EPYC"}, 1.0)


def few_trees():
    """The rule needs none, and most of a fit is its trees."""
    return patch.multiple("costmodel.onnx_runtime.fit", TREES=3, LEAST_TREES=1, FOLDS=2)
