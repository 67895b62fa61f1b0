"""The rewrites that ONNX Runtime applies before it chooses layouts: its levels `basic` and `extended`.

The layout of blocks of channels comes behind them, in `blocked_layout`. The rules are listed in this folder's README.
"""

from __future__ import annotations

from collections.abc import Callable

from archs.transforms.onnx_runtime.onnx_graph import IMAGE_VALUE, OnnxGraph, OnnxNode, merged

CONV_ACTIVATIONS = ("Clip", "HardSigmoid", "LeakyRelu", "Relu", "Sigmoid", "Tanh")
"""Fused into the convolution before them, where nothing else reads it."""
GEMM_ACTIVATIONS = ("Elu", "HardSigmoid", "LeakyRelu", "Relu", "Sigmoid", "Softplus", "Tanh")
FOLDS = {"Conv": ("Add", "BatchNormalization", "Mul"), "Relu": ("Clip",)}
FUNCTIONS = ("CastLike", "HardSwish", "Mish")
"""Without a kernel: replaced by the operators that define them."""
NEUTRAL = {"Add": 0.0, "Sub": 0.0, "Mul": 1.0, "Div": 1.0}


def rewrite(graph: OnnxGraph) -> None:
    """Apply them all."""
    found = {node.op for node in graph.nodes.values()}  # no rewrite makes an operator that a later one begins with
    for apply, operators in _PASSES:
        graph.begin_pass()
        if not operators or not found.isdisjoint(operators):
            apply(graph)


def fuse_sums(graph: OnnxGraph) -> None:
    """Plain convolution + add (+ activation), behind the choice of layouts."""
    graph.begin_pass()
    for node in graph.ordered() if graph.has("Conv") else ():
        if node.op == "Conv":
            add = graph.only_reader(node)
            if add is not None and add.op == "Add" and node is _summand(graph, add):
                (other,) = [value for value in add.inputs if value != node.outputs[0]]
                after = graph.only_reader(add)
                _replace(graph, node, "FusedConv", add)
                graph.append_input(node, other)
                node.attributes["adds"] = True
                if after is not None and after.op in CONV_ACTIVATIONS:
                    graph.absorb(node, after)
                    node.attributes["activation"] = after.op


def _summand(graph: OnnxGraph, add: OnnxNode) -> OnnxNode | None:
    """The convolution that takes an addition in: the first maker of an input that can, by number."""
    a, b = add.inputs
    if a == b or len(graph.shapes.get(a, ())) != 3 or graph.shapes.get(a) != graph.shapes.get(b):
        return None
    makers = {maker.number: maker for value in (a, b) if (maker := graph.maker.get(value)) is not None}
    for number in sorted(makers):
        maker = makers[number]
        if maker.op == "Conv" and len(maker.inputs) == 3 and graph.uses(maker.outputs[0]) == 1:
            return maker
    return None


def _merge_equal(graph: OnnxGraph) -> None:
    """Of operators with the same attributes and inputs, the first in the runtime's order is kept."""
    seen: dict[object, list[OnnxNode]] = {}
    for met, node in enumerate(graph.ordered()):
        node.met = met
        key = node.op, *node.inputs
        if key not in seen:
            seen[key] = [node]
            continue
        first = next((one for one in seen[key] if one.attributes == node.attributes), None)
        if first is None:
            seen[key].append(node)
        else:
            first.paths = merged(first.paths, node.paths)
            for value, same in zip(node.outputs, first.outputs):
                graph.replace_uses(value, same)
            graph.drop(node)


def _remove_neutral(graph: OnnxGraph) -> None:
    """Additions of zero and products with one."""
    for node in graph.by_number():
        constant = graph.constants.get(node.inputs[1]) if node.op in NEUTRAL and len(node.inputs) == 2 else None
        if constant is not None and constant.value == (NEUTRAL[node.op],) and node.outputs[0] != graph.output:
            maker = graph.maker.get(node.inputs[0])
            if maker is not None and maker.op == "Conv" and graph.only_reader(maker) is node and node.op == "Mul":
                continue  # the convolution before it takes it in first
            graph.removed += [path for path in node.paths if len(graph.paths_of(path)) == 1]
            graph.replace_uses(node.outputs[0], node.inputs[0])
            graph.drop(node)


def _fuse_paddings(graph: OnnxGraph) -> None:
    """Zeros around a map into the convolution or pooling that alone reads it."""
    for node in graph.by_number():
        after = graph.only_reader(node) if node.op == "Pad" and node.attributes["mode"] == "constant" else None
        pads = graph.constants[node.inputs[1]].value if after is not None else None
        if after is None or pads is None or graph.constants[node.inputs[2]].value != (0.0,):
            continue
        sides = (*pads[2:4], *pads[6:8])
        if after.op in ("Conv", "AveragePool", "MaxPool") and "pads" in after.attributes and min(pads) >= 0:
            given = after.attributes["pads"]
            after.attributes["pads"] = tuple([int(old + new) for old, new in zip(given, sides)])
            after.paths = merged(node.paths, after.paths)
            graph.read(after, 0, node.inputs[0])
            graph.drop(node)


def _fold_constants_into_convolutions(graph: OnnxGraph) -> None:
    """Batch norms, and additions and products with one number per channel, into the convolution before them."""
    for node in graph.by_number():
        if node.op not in FOLDS or node.number not in graph.nodes:
            continue
        while (after := graph.only_reader(node)) is not None and after.op in FOLDS.get(node.op, ()):
            if node.op == "Relu":
                node.op = "Clip"
                for bound in after.inputs[1:]:
                    graph.append_input(node, bound)
            elif not _folds(graph, node, after):
                break
            else:
                node.attributes["folded"] = (*node.attributes.get("folded", ()), *after.inputs[1:])
            if node.op == "Conv" and len(node.inputs) == 2:
                channels = graph.constants[node.inputs[1]].sizes[0]
                graph.append_input(node, graph.weight(node.outputs[0], "folded bias", (channels,)))
            graph.absorb(node, after)


def _folds(graph: OnnxGraph, conv: OnnxNode, after: OnnxNode) -> bool:
    weight = graph.constants.get(conv.inputs[1])
    if weight is None:
        return False
    if after.op == "BatchNormalization":
        return True
    other = graph.constants.get(after.inputs[1])
    if other is None:
        return False
    sizes, channels = other.sizes, weight.sizes[0]
    if not sizes:
        return after.op == "Mul"
    rank = len(weight.sizes)
    return sizes in ((channels, *[1] * (rank - 2)), (1, channels, *[1] * (rank - 2)))


def _inline_functions(graph: OnnxGraph) -> None:
    """Operators that the runtime has no kernel for become those that define them."""
    for node in graph.ordered():
        if node.op == "HardSwish":
            _inline(graph, node, ["HardSigmoid"])
        elif node.op == "CastLike":
            node.op = "Cast"
            graph.forget_input(node, 1)
        elif node.op == "Mish":
            _inline(graph, node, ["Softplus", "Tanh"])


def _inline(graph: OnnxGraph, node: OnnxNode, chain: list[str]) -> None:
    """Let the product of x and a chain of operators on x stand for an operator."""
    (x,), (y,) = node.inputs, node.outputs
    graph.drop(node)
    value = x
    for op in chain:
        inner = f"{y} {op}"
        graph.shapes[inner] = graph.shapes[y]
        graph.add(op, [value], [inner], {}, node.paths)
        value = inner
    graph.add("Mul", [x, value], [y], {}, node.paths)


def _fuse_into_linear_layers(graph: OnnxGraph) -> None:
    _fuse_activations(graph, "Gemm", "FusedGemm", GEMM_ACTIVATIONS)


def _fuse_into_convolutions(graph: OnnxGraph) -> None:
    _fuse_activations(graph, "Conv", "FusedConv", CONV_ACTIVATIONS)


def _fuse_activations(graph: OnnxGraph, kind: str, fused: str, activations: tuple[str, ...]) -> None:
    fusible = {id(node) for node in graph.nodes.values() if node.op == kind and _activation(graph, node, activations)}
    for node in graph.ordered() if fusible else ():
        after = _activation(graph, node, activations) if id(node) in fusible else None
        if after is not None:
            _replace(graph, node, fused, after)
            node.attributes["activation"] = after.op


def _activation(graph: OnnxGraph, node: OnnxNode, activations: tuple[str, ...]) -> OnnxNode | None:
    after = graph.only_reader(node)
    return after if after is not None and after.op in activations else None


def _replace(graph: OnnxGraph, node: OnnxNode, op: str, after: OnnxNode) -> None:
    """Let a node be a new one, for itself and its only reader."""
    graph.absorb(node, after)
    graph.renew(node, op)


def _fuse_transposes(graph: OnnxGraph) -> None:
    """Matrix products read a matrix whose last two axes are exchanged as it is."""
    for node in graph.ordered():
        if node.op != "MatMul":
            continue
        for index, value in enumerate(node.inputs):
            maker = graph.maker.get(value)
            if maker is None or maker.op != "Transpose" or graph.uses(value) > 1:
                continue
            axes = maker.attributes["axes"]
            if axes == (*range(len(axes) - 2), len(axes) - 1, len(axes) - 2):
                node.op, node.paths = "FusedMatMul", merged(maker.paths, node.paths)
                graph.read(node, index, maker.inputs[0])
                graph.drop(maker)
        if node.op == "FusedMatMul":
            graph.renew(node, node.op)


def _fuse_biased_gelu(graph: OnnxGraph) -> None:
    """GELU of a tensor plus a bias along its last axis."""
    for node in graph.ordered():
        after = graph.only_reader(node) if node.op == "Add" else None
        bias = graph.constants.get(node.inputs[1]) if after is not None and after.op == "Gelu" else None
        if after is not None and bias is not None and len(bias.sizes) == 1:
            _replace(graph, node, "BiasGelu", after)


def _fuse_swish(graph: OnnxGraph) -> None:
    """Let one operator stand for x · sigmoid(x)."""
    for node in graph.ordered():
        if node.op == "Sigmoid" and node.number in graph.nodes:
            after = graph.only_reader(node)
            if (
                after is not None
                and after.op == "Mul"
                and node.inputs[0] in after.inputs
                and after.outputs[0] != IMAGE_VALUE
            ):
                _replace(graph, node, "QuickGelu", after)


_PASSES: tuple[tuple[Callable[[OnnxGraph], None], tuple[str, ...]], ...] = (
    (_remove_neutral, tuple(NEUTRAL)),
    (_fuse_paddings, ("Pad",)),
    (_fold_constants_into_convolutions, tuple(FOLDS)),
    (_merge_equal, ()),
    (_inline_functions, FUNCTIONS),
    (_fuse_into_linear_layers, ("Gemm",)),
    (_fuse_into_convolutions, ("Conv",)),
    (_fuse_transposes, ("MatMul",)),
    (_fuse_biased_gelu, ("Gelu",)),
    (_fuse_swish, ("Sigmoid",)),
)
"""Each with the operators without which it has nothing to do."""
