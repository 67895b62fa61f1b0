"""ONNX's recurrent layers → ATen calls with their parameters in the order of torch.

The contract is in `archs.interop.onnx.call`.
"""

from __future__ import annotations

from archs.interop.onnx.call import OnnxCall, rule
from archs.interop.onnx.emitter import Known, UnsupportedNode, Value

GATES = {"LSTM": [0, 2, 3, 1], "GRU": [1, 0, 2], "RNN": [0]}
"""Operator → its gates in the order of torch."""
CELLS = {
    "LSTM": (["Sigmoid", "Tanh", "Tanh"], "lstm"),
    "GRU": (["Sigmoid", "Tanh"], "gru"),
    "RNN": (["Tanh"], "rnn_tanh"),
}


@rule(*GATES)
def _recurrent(call: OnnxCall) -> list[Value]:
    """One layer, in one direction or in both. X, W, R, B, lengths, first hidden and cell states, peepholes."""
    length, images, features = call.shape()
    way, hidden, gates = call.get("direction", "forward"), call.shape(2)[-1], len(GATES[call.op])
    directions = 2 if way == "bidirectional" else 1
    sizes = (gates * hidden, features), (gates * hidden, hidden), (2 * gates * hidden,)
    if any(v is not None and call.emitter.shape(v) != (directions, *s) for v, s in zip(call.inputs[1:4], sizes)):
        raise UnsupportedNode
    functions, name = CELLS[call.op]
    found = [word.capitalize() for word in call.get("activations") or functions * directions]
    if call.op == "RNN" and found == ["Relu"] * directions:
        functions, name = ["Relu"], "rnn_relu"
    plain = found == functions * directions and not call.get("clip") and not call.get("input_forget", 0)
    plain = plain and not call.get("layout", 0) and call[7] is None
    plain = plain and (call.op != "GRU" or bool(call.get("linear_before_reset", 0)))
    lengths = [length] if call[4] is None else call.known(4).tolist()
    if not plain or set(lengths) != {length}:
        raise UnsupportedNode
    params = [part for direction in range(directions) for part in _of_direction(call, direction, hidden)]
    states = [_first_state(call, i, (directions, images, hidden)) for i in ((5, 6) if call.op == "LSTM" else (5,))]
    x = call.aten("permute", call[0], [1, 0, 2])
    x = call.aten("flip", x, [1]) if way == "reverse" else x
    first = states if call.op == "LSTM" else states[0]
    if not call.emitter.depends_on_image(x):
        raise UnsupportedNode
    args = (x, first, params, call[3] is not None, 1, 0.0, False, directions == 2, True)
    last = [(directions, images, hidden)] * len(states)
    value = call.emitter.shaped(call.stack, name, args, "input", [(images, length, directions * hidden), *last])
    outputs = call.item(value, 0)
    outputs = call.aten("flip", outputs, [1]) if way == "reverse" else outputs
    outputs = call.aten("reshape", outputs, [images, length, directions, hidden])
    return [call.aten("permute", outputs, [1, 2, 0, 3]), *[call.item(value, 1 + i) for i in range(len(states))]]


def _of_direction(call: OnnxCall, direction: int, hidden: int) -> list[Value]:
    """The parameters of one direction as torch orders them: input, state, and the bias of each."""
    import torch

    rows = torch.cat([torch.arange(hidden) + gate * hidden for gate in GATES[call.op]])
    found = []
    for index, count in ((1, 1), (2, 1), (3, 2)):
        value = call[index]
        if value is None:
            continue
        if not isinstance(value, Known):
            raise UnsupportedNode
        for part, tensor in enumerate(value.tensor[direction].chunk(count)):
            name = f"{value.name} {direction} {part}" if value.name else ""
            made = Known(tensor.index_select(0, rows.to(tensor.device)), name)
            found.append(call.emitter.weight(call.emitter.part(value, (call.op, direction, part), made)))
    return found


def _first_state(call: OnnxCall, index: int, sizes: tuple[int, ...]) -> Value:
    import torch

    value = call[index]
    if value is None or (isinstance(value, Known) and not value.tensor.is_meta and not bool(value.tensor.any())):
        return Known(torch.zeros(sizes))
    if isinstance(value, Known):
        raise UnsupportedNode
    return value
