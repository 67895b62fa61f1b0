"""The first calls that a user writes, as guessed: each works, or says in one sentence what to call.

`python tests/support/first_calls.py` runs them against whatever `archs`, `costmodel` and `explorer` are installed.
"""

import copy
import pickle
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy
import torch
from torch import nn

import archs
import costmodel
import explorer

MODEL = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
SPEC = archs.spec("mobilenet_v2")
ROW = archs.rows.Conv(stage="extra", channels=32)

WORK: dict[str, Callable[[], object]] = {
    'archs.to_onnx("mobilenet_v2")': lambda: archs.to_onnx("mobilenet_v2"),
    "archs.spec_of(archs.build(spec))": lambda: archs.spec_of(archs.build(SPEC)),
    'archs.spec_of("mobilenet_v2")': lambda: archs.spec_of("mobilenet_v2"),
    "archs.widen(spec, path, 48)": lambda: archs.widen(SPEC, "stem/conv/conv", 48),
    'archs.rekernel("mobilenet_v2", path, 5)': lambda: archs.rekernel("mobilenet_v2", "stage2/block1/dw", 5),
    "archs.remove(spec, block)": lambda: archs.remove(SPEC, "stage2/block2"),
    'archs.fold_batchnorm("mobilenet_v2")': lambda: archs.fold_batchnorm("mobilenet_v2"),
    "costmodel.table(one report)": lambda: costmodel.table(costmodel.reconcile(SPEC)[0]),
    'archs.summary("mobilenet_v2")': lambda: archs.summary("mobilenet_v2"),
    "archs.from_module(model, (1, 3, 32, 32))": lambda: archs.from_module(MODEL, (1, 3, 32, 32)),
    "archs.Spec(name=…, rows=[…])": lambda: archs.Spec(name="own", rows=[ROW], resolution=[32, 48]),
    "archs.Spec(name=…, rows=[{…}])": lambda: archs.Spec(
        name="own", rows=[{"kind": "conv", "stage": "a", "channels": 8}]
    ),
    'archs.spec("mobilenet_v2", resolution=(numpy.int64(96), 128))': lambda: archs.spec(
        "mobilenet_v2", resolution=(numpy.int64(96), 128)
    ).edit(resolution=numpy.array([96, 128])),
    "spec.set_input((1, 96, 96))": lambda: SPEC.set_input((1, 96, 96)).set_input(torch.zeros(1, 3, 96, 96)),
    "archs.from_module(model, images)": lambda: archs.from_module(MODEL, torch.zeros(1, 3, 32, 32)),
    "copy.deepcopy(spec)": lambda: copy.deepcopy(SPEC).edit_row(numpy.int64(3), kernel=numpy.int64(5)),
    "pickle.dumps(graph)": lambda: pickle.loads(pickle.dumps(archs.build(SPEC))).nodes,
    "spec.insert_row(1, {…})": lambda: SPEC.insert_row(1, {"kind": "pool", "stage": "extra"}),
    "spec.set_classes(10).set_input(1, 96)": lambda: SPEC.set_classes(10).set_input(1, 96),
    "spec.edit_stage(stage, kernel=5)": lambda: SPEC.edit_stage("stage2", kernel=5),
    "spec.insert_row(1, row)": lambda: SPEC.insert_row(1, ROW),
    "spec.replace_row(stage, row)": lambda: SPEC.replace_row("stem", ROW),
    "the exported class takes num_classes": lambda: type(archs.to_module(SPEC))(num_classes=10),
    "costmodel.profiles()": costmodel.profiles,
    "costmodel.profile(model, (1, 3, 224, 224))": lambda: costmodel.profile(MODEL, (1, 3, 224, 224)).latency_ms,
    "costmodel.profile(model, tensor).summary(depth=3)": lambda: costmodel.profile(
        MODEL, torch.zeros(1, 3, 32, 32)
    ).summary(depth=3),
    "costmodel.count(model, (3, 32, 32))": lambda: costmodel.count(MODEL, (3, 32, 32)).mult_adds,
    'costmodel.count("mobilenet_v2").by("kind")': lambda: costmodel.count("mobilenet_v2").by("kind"),
    'costmodel.predict("mobilenet_v2").by("stage")': lambda: costmodel.predict("mobilenet_v2").by("stage"),
    'costmodel.predict("mobilenet_v2", "pixel1")': lambda: costmodel.predict("mobilenet_v2", "pixel1"),
    "costmodel.predict_many([name, spec])": lambda: costmodel.predict_many(["mobilenet_v2", SPEC]),
    'explorer.estimate("mobilenet_v2")': lambda: explorer.estimate("mobilenet_v2"),
    "explorer.estimate(graph)": lambda: explorer.estimate(archs.build(SPEC)),
    "explorer.diff(name, spec)": lambda: explorer.diff("mobilenet_v1", SPEC).table(),
    "explorer.pareto(explorer.sweep(…))": lambda: explorer.pareto(
        explorer.sweep(SPEC, {"width": [0.5, 1.0]}, edit=lambda spec: spec.edit_row(3, kernel=5)), "latency_ms"
    ),
    "explorer.plot(spec)": lambda: explorer.plot(SPEC).to_html(include_plotlyjs=False),
    "explorer.plot(prediction)": lambda: explorer.plot(costmodel.predict(SPEC)).data,
    "explorer.plot(sweep)": lambda: explorer.plot(explorer.sweep(SPEC, {"resolution": [128, 224]})).data,
    "explorer.figures.scatter(sweep)": lambda: (
        explorer.figures.scatter(explorer.sweep(archs.build(SPEC), {"width": [0.5, 1.0]}, profile=None)).data
    ),
    "explorer.figures.charts": lambda: explorer.figures.charts.where_by_kind,
}
"""Call → what makes it. Each returns something."""

REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "count(model)": (lambda: costmodel.count(MODEL), "pass input_shape=(channels, height, width)"),
    "profile(class)": (lambda: costmodel.profile(nn.ReLU, (3, 8, 8)), "make an instance of it first: ReLU()"),
    "profile(model, batch of 8)": (lambda: costmodel.profile(MODEL, (8, 3, 32, 32)), "pass (channels, height, width)"),
    "profile(model, (224, 224))": (lambda: costmodel.profile(MODEL, (224, 224)), "allowed: (channels, height, width)"),
    "predict(name, shape)": (lambda: costmodel.predict("mobilenet_v2", (3, 9, 9)), "an image is input_shape=…"),
    'count(spec, convention="fp16")': (
        lambda: costmodel.count(SPEC, convention="fp16"),
        "such as costmodel.Convention(bytes_per_element=2)",
    ),
    "from_onnx(model)": (lambda: archs.from_onnx(MODEL), "a module is for archs.from_module"),
    "fit_device(list)": (
        lambda: costmodel.fit_device([("mobilenet_v2", 3.0)]),
        "the path of a CSV with network and latency_ms",
    ),
    "sweep(name, list)": (lambda: explorer.sweep("mobilenet_v2", [0.5]), 'such as {"width": [0.5, 1.0]}'),
    "count(spec, (224, 224, 3))": (
        lambda: costmodel.count(SPEC, (224, 224, 3)),
        "(224, 224, 3), (height, width, channels); allowed: (3, 224, 224)",
    ),
    'profile(name, "cpu")': (lambda: costmodel.profile("mobilenet_v2", "cpu"), "a device is profile='cpu'"),
    'count("net.onnx")': (lambda: costmodel.count("net.onnx"), "; of a file: archs.from_onnx(path)"),
    'build("torchvision.models:resnet18")': (
        lambda: archs.build("torchvision.models:resnet18"),
        "; of a module: archs.from_module(module, (channels, height, width))",
    ),
    'spec("mobilenetv2")': (lambda: archs.spec("mobilenetv2"), "; similar: 'mobilenet_v2'"),
    "spec(name, num_classes=10)": (
        lambda: archs.spec("mobilenet_v2", num_classes=10),
        "allowed: width, resolution; call archs.spec(name).set_classes(…)",
    ),
    'from_module("mobilenet_v2")': (
        lambda: archs.from_module("mobilenet_v2", (3, 64, 64)),
        "found 'mobilenet_v2'; allowed: an nn.Module; archs.build(network) takes a name or a Spec",
    ),
    "from_source(path)": (lambda: archs.from_source(Path("net.py")), "the text of a file, Path(name).read_text()"),
    "spec.set_input(96)": (lambda: SPEC.set_input(96), "set_input(96): allowed: resolution=96, channels=1, or"),
    "spec.set_input((96, 96))": (lambda: SPEC.set_input((96, 96)), "allowed: resolution=96, channels=1, or"),
    "to_onnx(spec, missing folder)": (
        lambda: archs.to_onnx(SPEC, "no folder/net.onnx"),
        "there is no folder 'no folder'; make it first",
    ),
    "save_weights(spec, missing folder)": (
        lambda: archs.save_weights(SPEC, "no folder/net.safetensors"),
        "there is no folder 'no folder'; make it first",
    ),
    "to_onnx(spec, x.pt)": (
        lambda: archs.to_onnx(SPEC, "x.pt"),
        "x.pt: found suffix '.pt'; archs.to_onnx(network, path) writes an ONNX file; allowed: .onnx",
    ),
    "save_weights(spec, x.pt)": (
        lambda: archs.save_weights(SPEC, "x.pt"),
        "x.pt: found suffix '.pt'; archs.save_weights(network, path) writes a safetensors file; allowed: .safetensors",
    ),
    "to_onnx(spec, 3)": (lambda: archs.to_onnx(SPEC, 3), "found 3; allowed: the path of an ONNX file: archs.to_onnx("),
    "load_weights(spec, spec)": (
        lambda: archs.load_weights(SPEC, SPEC),
        "allowed: the path of a safetensors file: archs.load_weights(network, path)",
    ),
    "load_profile(3)": (lambda: costmodel.load_profile(3), "found 3; allowed: the path of a profile, or a name of"),
    "table(spec)": (
        lambda: costmodel.table(SPEC),
        "found a Spec; allowed: the reports of costmodel.reconcile(network)",
    ),
    "figures.scatter(3)": (lambda: explorer.figures.scatter(3), "found 3; allowed: the table of explorer.sweep"),
    "pareto(counts)": (lambda: explorer.pareto(costmodel.count(SPEC)), "allowed: a DataFrame, as explorer.sweep"),
    'advise(spec, limit="all")': (lambda: explorer.advise(SPEC, limit="all"), "allowed: a whole number ≥ 0"),
    "sweep(edit=3)": (
        lambda: explorer.sweep(SPEC, {"width": [0.5]}, edit=3),
        "edit is 3; allowed: a function of a Spec that returns a Spec",
    ),
    "measure(runs=0)": (lambda: costmodel.measure(MODEL, (3, 8, 8), runs=0), "allowed: a whole number from 2 to"),
    'Convention("fp16")': (
        lambda: costmodel.Convention("fp16"),
        "bytes_per_element is 'fp16'; allowed: a whole number",
    ),
    "plot(fragmentation)": (
        lambda: explorer.plot(costmodel.fragmentation(SPEC)),
        "found a Fragmentation; allowed: a network, the table of explorer.sweep, or what costmodel.count, ",
    ),
    "predict_many(name)": (lambda: costmodel.predict_many("mobilenet_v2"), "allowed: a list of networks"),
    "to_source(model)": (lambda: archs.to_source(MODEL), "call archs.from_module(module, (channels, height, width))"),
    "fold_batchnorm(model)": (lambda: archs.fold_batchnorm(MODEL), "call archs.from_module"),
    "adopt(spec, model)": (lambda: archs.adopt(SPEC, MODEL), "call archs.from_module"),
    "widen(spec, block)": (lambda: archs.widen(SPEC, "stem/conv", 48), "in it: stem/conv/conv, stem/conv/bn"),
    "spec(name in capitals)": (lambda: archs.spec("MobileNetV2"), "allowed: mobilenet_v1"),
    "spec.edit(width=…)": (lambda: SPEC.edit(width=0.5), "call archs.spec('mobilenet_v2', width=0.5)"),
    "insert_row(1, dict)": (
        lambda: SPEC.insert_row(1, {"kind": "conv", "stage": "extra"}),
        "row 2, column channels: found nothing; allowed: a whole number from 1 to 16,384 (rows[1])",
    ),
    "spec.resolution = 96": (lambda: setattr(SPEC, "resolution", 96), "an edited copy: spec.edit(resolution=…)"),
    "row.kernel = 5": (lambda: setattr(SPEC.rows[3], "kernel", 5), "an edited copy: spec.edit_row(index, kernel=…)"),
    "Spec.from_json(path)": (lambda: archs.Spec.from_json(Path("net.json")), "Spec.from_json(Path(name).read_text())"),
    'Spec.from_json("net.json")': (lambda: archs.Spec.from_json("net.json"), "Spec.from_json(Path(name).read_text())"),
    'to_source(name, "net.py")': (lambda: archs.to_source("mobilenet_v2", "net.py"), "Path(name).write_text(archs.to"),
    "from_module(model, batch of 8)": (
        lambda: archs.from_module(MODEL, (8, 3, 32, 32)),
        "with or without a batch of 1",
    ),
    "Conv(stage, channels)": (lambda: archs.rows.Conv("stem", 8), "allowed: Conv(stage=…, repeat=…, channels=…"),
    "load_weights(no file)": (
        lambda: archs.load_weights(SPEC, "none.safetensors"),
        "'none.safetensors' cannot be read",
    ),
    "from_source(text)": (lambda: archs.from_source("x = 1"), "not a text of archs.to_source"),
    "estimate(model)": (
        lambda: explorer.estimate(MODEL),
        "allowed: a catalogue name, an archs.Spec, or an archs.Graph",
    ),
    "sweep(model)": (lambda: explorer.sweep(MODEL, {"width": [1.0]}), "call archs.from_module(module, (channels, "),
    "figures.scatter(sweep, unknown)": (
        lambda: explorer.figures.scatter(explorer.sweep(SPEC, {"width": [1.0]}, profile=None), "ms"),
        "cost is 'ms'; allowed here: ",
    ),
    "sweep(width=0.5)": (lambda: explorer.sweep(SPEC, {"width": 0.5}), "allowed: a list of one or more values"),
    "pareto(list)": (lambda: explorer.pareto([1, 2]), "allowed: a DataFrame, as explorer.sweep returns it"),
    "plot(spec, unknown)": (lambda: explorer.plot(SPEC, "ms"), "metric is 'ms'; allowed here: 'mult_adds'"),
}
"""Call → what makes it, and a part of the message."""


def working(name: str) -> None:
    """Raises AssertionError where a call returns nothing, and whatever it raises."""
    assert WORK[name]() is not None, name


def refused(name: str) -> None:
    """Raises AssertionError where a call is not refused with the sentence that says what to call."""
    call, message = REFUSED[name]
    said = "nothing: the call is taken"
    try:
        call()
    except (TypeError, AttributeError, archs.ArchError, costmodel.CostError) as error:
        said = str(error)
    assert message in said, f"{name}: {said}"
    assert "\n" not in said, f"{name}: {said}"


if __name__ == "__main__":
    warnings.simplefilter("error")
    for name in WORK:
        working(name)
    for name in REFUSED:
        refused(name)
    print(
        f"{len(WORK)} calls work, {len(REFUSED)} say what to call, Python {sys.version.split()[0]}, torch {torch.__version__}"
    )
