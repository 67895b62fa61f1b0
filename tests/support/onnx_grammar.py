"""Random ONNX files of one to three operators with random attributes, and whether an import of them gives their output.

The reference is ONNX Runtime. A file that it refuses is not counted. Start at `outcome`.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import onnx
import onnx.printer
import onnxruntime
import torch
from support.onnx_files import model, node

import archs
from archs.ir.ops import Opaque

OPSETS = (9, 10, 11, 13, 17, 18, 20, 21)
TOLERANCE = 1e-3


class Writer:
    """Nodes and constants of a file; `shape` is that of the last tensor, without the batch."""

    def __init__(self, rng: Random):
        self.rng, self.opset = rng, rng.choice(OPSETS)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, torch.Tensor] = {}
        self.last, self.number = "x", 0

    def put(self, op: str, *inputs: str, **attributes: Any) -> str:
        self.number += 1
        name = f"t{self.number}"
        given = {key: value for key, value in attributes.items() if value is not None}
        self.nodes.append(node(op, self.last, *inputs, outputs=[name], **given))
        self.last = name
        return name

    def held(self, *sizes: int, positive: bool = False) -> str:
        self.number += 1
        generator = torch.Generator().manual_seed(self.rng.randrange(1 << 30))
        value = torch.randn(*sizes, generator=generator)
        self.constants[f"w{self.number}"] = value.abs() + 0.3 if positive else value
        return f"w{self.number}"

    def ints(self, *values: int) -> str:
        self.number += 1
        self.constants[f"i{self.number}"] = torch.tensor(values, dtype=torch.int64)
        return f"i{self.number}"

    def floats(self, *values: float) -> str:
        self.number += 1
        self.constants[f"f{self.number}"] = torch.tensor(values, dtype=torch.float32)
        return f"f{self.number}"

    def number_of(self, value: float) -> str:
        self.number += 1
        self.constants[f"s{self.number}"] = torch.tensor(value)
        return f"s{self.number}"

    def maybe(self, *values: Any) -> Any:
        """One of the values, or None for an attribute that is left out."""
        return self.rng.choice((None, *values))


def _padding(w: Writer) -> dict[str, Any]:
    if w.rng.random() < 0.3:
        return {"auto_pad": w.rng.choice(("SAME_UPPER", "SAME_LOWER", "VALID"))}
    return {"pads": w.maybe([w.rng.randint(0, 2) for _ in range(4)], [1, 1, 1, 1])}


def _pair(w: Writer, *values: int) -> list[int]:
    return [w.rng.choice(values), w.rng.choice(values)]


def conv(w: Writer, c: int) -> int:
    groups = w.rng.choice((1, 1, 2, 4))
    out, kernel = w.rng.choice((4, 8)), _pair(w, 1, 2, 3, 3)
    bias = [w.held(out)] if w.rng.random() < 0.5 else []
    w.put(
        "Conv", w.held(out, c // groups, *kernel), *bias, group=groups, strides=w.maybe(_pair(w, 1, 2)),
        dilations=w.maybe(_pair(w, 1, 2)), **_padding(w),
    )  # fmt: skip
    return out


def conv_transpose(w: Writer, c: int) -> int:
    groups, kernel, strides = w.rng.choice((1, 2)), _pair(w, 2, 3), _pair(w, 1, 2)
    more = [w.rng.randrange(s) for s in strides] if w.rng.random() < 0.4 else None
    w.put(
        "ConvTranspose", w.held(c, 4 // groups, *kernel), group=groups, strides=strides, output_padding=more,
        **_padding(w),
    )  # fmt: skip
    return 4


def pool(w: Writer, c: int) -> int:
    mode = w.rng.choice(("MaxPool", "AveragePool"))
    kernel = _pair(w, 2, 3)
    more = {"ceil_mode": w.maybe(0, 1)} if w.opset >= 10 else {}
    if mode == "AveragePool":
        more["count_include_pad"] = w.maybe(0, 1)
    padding = _padding(w)
    if padding.get("pads"):
        padding["pads"] = [min(p, k - 1) for p, k in zip(padding["pads"], kernel * 2)]
    w.put(mode, kernel_shape=kernel, strides=w.maybe(_pair(w, 1, 2, 3)), **padding, **more)
    return c


def resize(w: Writer, c: int) -> int:
    mode = w.rng.choice(("nearest", "linear", "cubic"))
    factors = [w.rng.choice((0.5, 0.6, 1.0, 1.5, 2.0, 2.3, 3.0)) for _ in range(2)]
    if w.opset < 10:
        w.put("Upsample", w.floats(1, 1, *[max(1.0, f) for f in factors]), mode="linear" if mode == "cubic" else mode)
        return c
    if w.opset == 10:
        w.put("Resize", w.floats(1, 1, *factors), mode="linear" if mode == "cubic" else mode)
        return c
    where = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]
    more: dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": w.maybe(*where)}
    if mode == "nearest":
        more["nearest_mode"] = w.maybe("floor", "ceil", "round_prefer_floor", "round_prefer_ceil")
    if mode == "cubic":
        more |= {"cubic_coeff_a": w.maybe(-0.75, -0.5), "exclude_outside": w.maybe(0, 1)}
    if w.opset >= 18:
        more["antialias"] = w.maybe(0, 0, 1) if mode != "nearest" else None
    if w.rng.random() < 0.6:
        w.put("Resize", "", w.floats(1, 1, *factors), **more)
    else:
        sides = w.ints(1, c, w.rng.randint(1, 17), w.rng.randint(1, 17))
        w.put("Resize", "", "", sides, **more)
    return c


def norm(w: Writer, c: int) -> int:
    way = w.rng.choice(("batch", "instance", "layer", "group"))
    eps = w.maybe(1e-5, 1e-3, 0.1)
    if way == "layer" and w.opset >= 17:
        w.put("LayerNormalization", w.held(9), axis=w.maybe(-1), epsilon=eps)
    elif way == "group" and w.opset >= 21:
        w.put("GroupNormalization", w.held(c), w.held(c), num_groups=2, epsilon=eps)
    elif way == "instance":
        w.put("InstanceNormalization", w.held(c), w.held(c), epsilon=eps)
    else:
        w.put("BatchNormalization", w.held(c), w.held(c), w.held(c), w.held(c, positive=True), epsilon=eps)
    return c


def activation(w: Writer, c: int) -> int:
    ways: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
        ("Relu", (), {}), ("Sigmoid", (), {}), ("Tanh", (), {}), ("Softplus", (), {}), ("Exp", (), {}),
        ("LeakyRelu", (), {"alpha": w.maybe(0.2)}), ("Elu", (), {"alpha": w.maybe(0.5)}), ("Abs", (), {}),
        ("HardSigmoid", (), {"alpha": w.maybe(0.3, 1 / 6), "beta": w.maybe(0.4)}), ("Neg", (), {}),
        ("Softmax", (), {"axis": w.maybe(1, -1, 2)}), ("LogSoftmax", (), {"axis": w.maybe(1, -1, 2)}),
        ("PRelu", (w.held(*w.rng.choice(((c, 1, 1), (1,), (1, 1, 1), (1, c, 1, 1))))), {}),
        ("ThresholdedRelu", (), {"alpha": w.maybe(0.5)}), ("Selu", (), {}), ("Erf", (), {}),
    ]  # fmt: skip
    if w.opset >= 14:
        ways += [("HardSwish", (), {})]
    if w.opset >= 20:
        ways += [("Gelu", (), {"approximate": w.maybe("tanh", "none")})]
    ways += [("Clip", (), {"min": w.maybe(-0.5), "max": w.maybe(0.5, 6.0)})] if w.opset < 11 else [
        ("Clip", (w.number_of(-0.5), w.number_of(w.rng.choice((0.5, 6.0)))), {}), ("Clip", ("", w.number_of(0.4)), {}),
    ]  # fmt: skip
    op, inputs, attributes = w.rng.choice(ways)
    w.put(op, *((inputs,) if isinstance(inputs, str) else inputs), **attributes)
    return c


def arithmetic(w: Writer, c: int) -> int:
    op = w.rng.choice(("Add", "Sub", "Mul", "Div", "Max", "Min", "Pow"))
    if op == "Pow":
        w.put("Abs")
        w.put("Pow", w.number_of(w.rng.choice((2.0, 0.5, 3.0, 1.7))))
        return c
    if op in ("Max", "Min") and w.opset < 12:
        op = "Add"
    sizes = w.rng.choice(((), (1,), (c, 1, 1), (1, c, 1, 1), (1,)))
    other = w.number_of(1.3) if sizes == () else w.held(*sizes, positive=op == "Div")
    if w.rng.random() < 0.5:
        w.put(op, other)
    else:
        last, w.last = w.last, other
        if op == "Div":
            last = w.nodes[-1].output[0] if w.nodes else "x"
            w.last = last
            w.put("Exp")
            last, w.last = w.last, other
        w.put(op, last)
    return c


def shape(w: Writer, c: int) -> int:
    way = w.rng.choice(("pad", "slice", "transpose", "depth", "space", "concat", "split", "reduce"))
    if way == "pad" and w.opset >= 11:
        mode = w.rng.choice(
            ("constant", "reflect", "edge", "wrap") if w.opset >= 19 else ("constant", "reflect", "edge")
        )
        pads = [0, 0, *_pair(w, 0, 1, 2), 0, 0, *_pair(w, 0, 1, 2)]
        value = [w.number_of(0.7)] if mode == "constant" and w.rng.random() < 0.5 else []
        w.put("Pad", w.ints(*pads), *value, mode=mode)
    elif way == "slice" and w.opset >= 10:
        step = w.rng.choice((1, 1, 2, -1))
        start, stop = (w.rng.choice((0, 1, -3)), w.rng.choice((99, -1, 4))) if step > 0 else (-1, -99)
        w.put("Slice", w.ints(start), w.ints(stop), w.ints(w.rng.choice((2, 3, -1))), w.ints(step))
    elif way == "depth" and c % 4 == 0:
        w.put("DepthToSpace", blocksize=2, mode=w.maybe("DCR", "CRD") if w.opset >= 11 else None)
        return c // 4
    elif way == "concat":
        w.nodes.append(node("Concat", w.last, w.last, outputs=["joined"], axis=w.rng.choice((1, 1, 2, -1))))
        w.last = "joined"
        return c * 2 if w.nodes[-1].attribute[0].i == 1 else c
    elif way == "reduce":
        axes, keep = w.rng.choice(([2, 3], [3], [1], [-1, -2])), w.rng.choice((0, 1, 1))
        op = w.rng.choice(("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"))
        by_input = w.opset >= 18 or (op == "ReduceSum" and w.opset >= 13)
        w.put(op, *([w.ints(*axes)] if by_input else []), axes=None if by_input else axes, keepdims=keep)
        w.reduced = True  # type: ignore[attr-defined]
    elif way == "transpose":
        w.put("Transpose", perm=[0, 1, 3, 2])
    else:
        w.put("GlobalMaxPool" if w.rng.random() < 0.5 else "GlobalAveragePool")
    return c


PARTS: tuple[Callable[[Writer, int], int], ...] = (
    conv, conv, conv_transpose, pool, pool, resize, resize, norm, activation, activation, arithmetic, shape, shape,
)  # fmt: skip


def random_file(seed: int) -> onnx.ModelProto:
    """A file of one to three random operators. The first reads an image of 4 channels."""
    rng = Random(seed)
    w, channels = Writer(rng), 4
    for _ in range(rng.randint(1, 3)):
        channels = rng.choice(PARTS)(w, channels)
        if hasattr(w, "reduced"):
            break
    w.nodes[-1].output[0] = "y"
    made = model(w.nodes, (1, 4, 9, 9), w.constants, w.opset)
    made.ir_version = min(made.ir_version, 10)
    return made


def reference(data: bytes, x: np.ndarray) -> np.ndarray | None:
    """What ONNX Runtime gives, without its optimisations; None for a file that it refuses."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        return np.asarray(session.run(None, {"x": x})[0])
    except Exception:
        return None


def outcome(seed: int) -> str:
    """`equal`, `invalid` (of a file that ONNX Runtime refuses), `refused: …`, `opaque: …` or `differs: …`."""
    made = random_file(seed)
    data = made.SerializeToString()
    x = np.random.default_rng(seed).standard_normal((1, 4, 9, 9)).astype(np.float32)
    want = reference(data, x)
    if want is None:
        return "invalid"
    about = onnx.printer.to_text(made.graph).replace("\n", " ")
    try:
        graph = archs.from_onnx(data)
    except archs.ArchError as error:
        return f"refused: {error}"
    unknown = [n.op.target for n in graph.nodes if isinstance(n.op, Opaque)]
    if unknown:
        return f"opaque: {unknown[0]}"
    try:
        with torch.no_grad():
            got = archs.to_module(graph).eval()(torch.from_numpy(x)).numpy()
    except Exception as error:
        return f"differs, as it does not run ({error}): {about}"
    if got.shape != want.shape:
        return f"differs: {got.shape} for {want.shape}: {about}"
    gap = np.abs(np.where(np.isfinite(want), got - want, 0)).max(initial=0)
    scale = np.abs(want[np.isfinite(want)]).max(initial=1)
    return "equal" if gap <= TOLERANCE * scale else f"differs by {gap / scale:.2g}: {about}"
