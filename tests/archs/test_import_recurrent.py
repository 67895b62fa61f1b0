"""Recurrent layers behind convolutions: whole, equal to the original, products by the equations of their gates."""

from __future__ import annotations

import pytest
import torch
from support.modules import Lambda
from support.onnx_files import exported
from torch import nn

import archs
import costmodel
from archs.ir import ops

SHAPE = (3, 8, 12)
PLACES, WIDTH = 12, 4 * 8


def line(x):
    """The columns of a map as a sequence, batch in the middle, as in Shi et al. 2015."""
    return x.permute(3, 0, 1, 2).flatten(2)


def outputs(m, x):
    return m.head(m.rnn(line(m.c(x)))[0]).log_softmax(2)


def batch_first(m, x):
    return m.head(m.rnn(line(m.c(x)).transpose(0, 1))[0])


def last_hidden(m, x):
    _, states = m.rnn(line(m.c(x)))
    return m.head((states[0] if isinstance(states, tuple) else states)[-1])


def everything(m, x):
    y, (h, c) = m.rnn(line(m.c(x)))
    return m.head(y).mean(0) + m.head(h[0]) * m.head(c[-1])


def started(m, x):
    y = m.c(x)
    first = y.mean((2, 3)).unsqueeze(0)
    return m.rnn(line(y), (first, first * 2))[0].transpose(0, 1)


def twice(m, x):
    y = m.rnn(line(m.c(x)))[0]
    return m.rnn(y)[0].transpose(0, 1)


def rows(m, x):
    """Each row of a map as a sequence, as in Tatsunami and Taki 2022."""
    y = m.c(x).permute(0, 2, 3, 1)
    return m.head(m.rnn(y.flatten(0, 1))[0].reshape(*y.shape[:3], -1))


def columns(m, x):
    """Each column, the places in front."""
    y = m.c(x).permute(2, 0, 3, 1)
    return m.head(m.rnn(y.flatten(1, 2))[0].reshape(*y.shape[:3], -1)).transpose(0, 1)


def last_of_rows(m, x):
    y = m.c(x).permute(0, 2, 3, 1)
    return m.head(m.rnn(y.flatten(0, 1))[1][0][-1].reshape(*y.shape[:2], -1))


def network(forward, rnn, features=5, inputs=WIDTH):
    channels = inputs // 8
    return Lambda(forward, c=nn.Conv2d(3, channels, 3, padding=1), rnn=rnn, head=nn.Linear(features, 7)).eval()


CASES = {
    "outputs": (lambda: network(outputs, nn.LSTM(WIDTH, 5)), 4 * 5 * (WIDTH + 5)),
    "both directions, two layers": (
        lambda: network(outputs, nn.LSTM(WIDTH, 5, 2, bidirectional=True), 10),
        2 * 4 * 5 * (WIDTH + 5) + 2 * 4 * 5 * (10 + 5),
    ),
    "gated units": (lambda: network(batch_first, nn.GRU(WIDTH, 5, batch_first=True)), 3 * 5 * (WIDTH + 5)),
    "plain": (lambda: network(outputs, nn.RNN(WIDTH, 5, nonlinearity="relu", bias=False)), 5 * (WIDTH + 5)),
    "last hidden state": (lambda: network(last_hidden, nn.LSTM(WIDTH, 5)), 4 * 5 * (WIDTH + 5)),
    "last hidden state of gated units": (lambda: network(last_hidden, nn.GRU(WIDTH, 5)), 3 * 5 * (WIDTH + 5)),
    "outputs and both states": (lambda: network(everything, nn.LSTM(WIDTH, 5)), 4 * 5 * (WIDTH + 5)),
    "projected": (lambda: network(outputs, nn.LSTM(WIDTH, 6, proj_size=5)), 4 * 6 * (WIDTH + 5) + 5 * 6),
    "started": (lambda: network(started, nn.LSTM(WIDTH, 4)), 4 * 4 * (WIDTH + 4)),
    "rows": (
        lambda: network(rows, nn.LSTM(4, 5, batch_first=True, bidirectional=True), 10),
        8 * 2 * 4 * 5 * (4 + 5),
    ),
    "columns": (lambda: network(columns, nn.GRU(4, 5)), 8 * 3 * 5 * (4 + 5)),
}


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN:UserWarning")
@pytest.mark.parametrize("name", CASES)
def test_is_whole_and_equal(name):
    torch.manual_seed(0)
    make, each = CASES[name]
    module = make()
    graph = archs.from_module(module, SHAPE)
    assert "multiply-adds are equal" in graph.verification
    total = costmodel.count(graph).total
    assert total.unknown == 0
    assert total.params == sum(p.numel() for p in module.parameters()) - sum(graph.weights.unused.values())
    (recurrent,) = [node for node in graph.nodes if isinstance(node.op, ops.Recurrent)]
    assert recurrent.op.mult_adds(*graph.input_shapes(recurrent)) == PLACES * each
    assert recurrent.path in [node.path for node in costmodel.predict(graph).out_of_range], "none was timed"


def test_a_layer_that_runs_twice_has_its_parameters_once():
    module = network(twice, nn.GRU(WIDTH, WIDTH))
    graph = archs.from_module(module, SHAPE)
    assert costmodel.count(graph).total.params == sum(p.numel() for p in module.parameters()) - 5 * 7 - 7
    assert [node.op.mult_adds(*graph.input_shapes(node)) for node in graph.nodes][-4:].count(PLACES * 6 * WIDTH**2) == 2


def test_last_states_of_several_sequences_are_unknown():
    module = network(last_of_rows, nn.LSTM(4, 5, batch_first=True))
    total = costmodel.count(archs.from_module(module, SHAPE)).total
    assert total.unknown
    assert total.params == sum(p.numel() for p in module.parameters())


def test_places_that_are_images_are_refused():
    """N×C×W taken for a sequence of N places mixes the images of a batch."""
    module = network(lambda m, x: m.rnn(m.c(x).mean(2))[0], nn.LSTM(12, 5))
    with pytest.raises(archs.ArchError, match="it mixes images"):
        archs.from_module(module, SHAPE)


@pytest.mark.parametrize(
    ("name", "dynamo"),
    [
        ("both directions, two layers", False),
        ("last hidden state of gated units", False),
        pytest.param("plain", False, marks=pytest.mark.slow),
        pytest.param("outputs", True, marks=pytest.mark.slow),
    ],
)
def test_out_of_an_onnx_file(name, dynamo):
    torch.manual_seed(0)
    make, each = CASES[name]
    module = make()
    graph = archs.from_onnx(exported(module, SHAPE, dynamo), verify=True)
    assert graph.verification.startswith("outputs are equal")
    recurrent = [node for node in graph.nodes if isinstance(node.op, ops.Recurrent)]
    assert sum(node.op.mult_adds(*graph.input_shapes(node)) for node in recurrent) == PLACES * each
    used = sum(p.numel() for p in module.parameters())
    assert costmodel.count(graph).total.params == used


@pytest.mark.slow
@pytest.mark.parametrize("name", ["outputs", "gated units"])
def test_through_our_own_onnx_file(name):
    graph = archs.from_module(CASES[name][0](), SHAPE)
    again = archs.from_onnx(archs.to_onnx(graph), verify=True)
    assert again.verification.startswith("outputs are equal")
    assert costmodel.count(again).total.mult_adds == costmodel.count(graph).total.mult_adds


@pytest.mark.parametrize("projected", ["x=1", 5, -1, True])
def test_a_projection_is_narrower_than_the_states(projected):
    with pytest.raises(archs.ArchError, match=r"allowed: a whole number below 5"):
        ops.Recurrent("lstm", 5, projected=projected)
