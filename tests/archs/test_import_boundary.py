"""What goes into a network and what comes out: several inputs and outputs, wrapped modules, and what is refused."""

from __future__ import annotations

import pytest
import torch
from support.modules import Lambda
from torch import nn

import archs
import costmodel
from archs.transforms.packed_graph import packed, unpacked

SHAPE = (3, 10, 8)
CONV = 3 * 4 * 9 + 4


class Pyramid(nn.Module):
    """Several outputs, one of them given by its key."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.aux = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 6, 3, 2, 1), nn.Conv2d(4, 2, 1)

    def forward(self, x):
        x = self.a(x)
        return {"out": self.b(x), "aux": self.aux(x), "nothing": None}


class Conditioned(nn.Module):
    def __init__(self):
        super().__init__()
        self.c, self.l = nn.Conv2d(3, 4, 3), nn.Linear(5, 4)

    def forward(self, x, y, scale=1.0):
        return self.c(x) * self.l(y)[:, :, None, None] * scale


class InPlace(nn.Module):
    """Three writes over an input: of an activation, a sum, and an activation of a view. One activation writes anew."""

    def __init__(self):
        super().__init__()
        self.c, self.relu, self.swish = nn.Conv2d(3, 4, 1), nn.ReLU(inplace=True), nn.Hardswish()

    def forward(self, x):
        x = self.relu(self.c(x))
        y = self.swish(x)
        y += x
        return nn.functional.relu6(y.flatten(1), inplace=True)


class OfADict(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(3, 4, 3)

    def forward(self, batch):
        return self.c(batch["image"]) * batch["gain"]


def small():
    layers = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    return nn.Sequential(*layers).eval()


def test_all_outputs_are_counted():
    module = Pyramid().eval()
    graph = archs.from_module(module, SHAPE)
    assert costmodel.count(graph).total.params == sum(p.numel() for p in module.parameters())
    x = torch.randn(2, *SHAPE)
    want, got = module(x), archs.to_module(graph).eval()(x)
    assert isinstance(got, tuple)
    torch.testing.assert_close(list(got), [want["out"], want["aux"]])
    assert costmodel.predict(graph).latency_ms > 0


@pytest.mark.parametrize(("output", "params"), [("aux", 4 * 2 + 2), (1, 4 * 2 + 2), ("out", 4 * 6 * 9 + 6)])
def test_one_output_is_chosen(output, params):
    module = Pyramid().eval()
    graph = archs.from_module(module, SHAPE, output=output)
    assert costmodel.count(graph).total.params == CONV + params
    x = torch.randn(2, *SHAPE)
    key = "aux" if output == 1 else output
    torch.testing.assert_close(archs.to_module(graph).eval()(x), module(x)[key])


def test_an_output_that_is_not_there():
    with pytest.raises(archs.ArchError, match=r"output is 'aus'; Pyramid gives: out, aux"):
        archs.from_module(Pyramid(), SHAPE, output="aus")


def test_a_tensor_beside_nothing_is_one_output():
    graph = archs.from_module(Lambda(lambda m, x: (m.c(x), None), c=nn.Conv2d(3, 4, 3)), SHAPE)
    assert [type(node.op).__name__ for node in graph.nodes] == ["Conv2d"]


@pytest.mark.parametrize("inputs", [{"y": torch.randn(1, 5)}, [torch.randn(1, 5)], {"x": None, "y": torch.randn(1, 5)}])
def test_further_inputs_by_example(inputs):
    module = Conditioned().eval()
    graph = archs.from_module(module, SHAPE, inputs=inputs)
    total = costmodel.count(graph).total
    assert total.params == CONV + 5 * 4 + 4
    assert total.mult_adds == 3 * 4 * 9 * 8 * 6 + 5 * 4
    x = torch.randn(2, *SHAPE)
    y = (inputs["y"] if isinstance(inputs, dict) else inputs[0]).expand(2, 5)
    torch.testing.assert_close(archs.to_module(graph).eval()(x), module(x, y))


def test_a_dict_with_the_images_in_it():
    graph = archs.from_module(OfADict(), SHAPE, inputs={"batch": {"image": None, "gain": torch.tensor(2.0)}})
    assert costmodel.count(graph).total.mult_adds == 3 * 4 * 9 * 8 * 6


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize(
    ("module", "inputs", "message"),
    [
        (Conditioned(), None, r"Conditioned.forward takes x, y; allowed: one tensor of images, or .*inputs={'y': …}"),
        (Conditioned(), {"z": 1}, r"inputs has 'z'; Conditioned.forward takes x, y, scale"),
        (Conditioned(), {"scale": 2.0}, r"Conditioned.forward needs y too; allowed: examples in inputs"),
        (Conditioned(), {"x": None, "y": None}, r"inputs has 2 places for the images; allowed: one None where they go"),
        (Conditioned(), 7, r"inputs is 7; allowed: a dict by name, or a list in order"),
        (OfADict(), None, r"OfADict does not run on 3×10×8 images: .*inputs={name: {key: None"),
        (
            {"weight": torch.zeros(1)},
            None,
            r"found a dict, and a state dict or checkpoint holds no graph; allowed: the nn",
        ),
        (lambda: nn.LazyConv2d(4, 3), None, r"LazyConv2d.weight has no size yet, .*run it once on a tensor of images"),
        (
            lambda: torch.jit.script(small()),
            None,
            r"Sequential is a scripted module, .*allowed: the module that it was scripted",
        ),
        (
            lambda: torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Flatten(), nn.Linear(240, 5)), {nn.Linear}),
            None,
            r"1 \(Linear\) is quantised by torch.ao, .*allowed: the float module before its conversion",
        ),
        (
            nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.AvgPool2d(7)),
            None,
            r"Sequential does not run on 3×10×8 images at 1 \(AvgPool2d\), which is given 4×4×3; it runs on 3×42×40: ",
        ),
    ],
    ids=lambda v: v[:30] if isinstance(v, str) else "",
)
def test_what_is_refused_says_what_to_do(module, inputs, message, capfd):
    module = module if isinstance(module, (nn.Module, dict)) else module()
    with pytest.raises(archs.ArchError, match=message) as error:
        archs.from_module(module, SHAPE, inputs=inputs)
    assert len(str(error.value).splitlines()) == 1
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_wrapped_modules_are_unwrapped():
    module = small()
    plain = archs.from_module(module, SHAPE)
    compiled = torch.compile(module, backend="eager")
    for wrapped in (compiled, nn.DataParallel(module), nn.DataParallel(compiled)):
        assert archs.from_module(wrapped, SHAPE).nodes == plain.nodes


def test_exported_programs():
    module = small()
    program = torch.export.export(module, (torch.zeros(1, *SHAPE),))
    total = costmodel.count(archs.from_module(module, SHAPE)).total
    for given in (program, program.module()):
        graph = archs.from_module(given, SHAPE)
        assert costmodel.count(graph).total == total
    assert archs.from_module(program).input == SHAPE, "the program's own example"
    x = torch.randn(3, *SHAPE)
    torch.testing.assert_close(archs.to_module(graph).eval()(x), module(x))
    with pytest.raises(archs.ArchError, match="input_shape is missing; allowed: channels, height, width"):
        archs.from_module(module)


def test_a_hook_that_names_a_module_leaves_that_module_alone():
    """Stores of hooks are emptied for a moment; the names of a Python module are none of them."""
    module = small()
    module.register_forward_hook(lambda m, args, output: torch.relu(output))
    graph = archs.from_module(module, SHAPE)
    assert type(graph.nodes[-1].op).__name__ == "ReLU"
    assert isinstance(torch.__builtins__, dict)
    assert torch.__builtins__


def test_onnx_says_which_pooling_it_cannot_hold():
    graph = archs.from_module(nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveMaxPool2d(3)), SHAPE)
    with pytest.raises(archs.ArchError, match=r"1 pools 8×6 to 3×3, and ONNX has only windows of one size; allowed"):
        archs.to_onnx(graph)


def test_nodes_that_write_over_their_input_are_named():
    graph = archs.from_module(InPlace(), SHAPE)
    assert graph.in_place == {"relu", "add", "relu6"}
    assert unpacked(packed(graph)).in_place == graph.in_place
    assert archs.fold_batchnorm(graph).in_place == frozenset()  # what is timed of it is the exported text
    assert archs.from_module(archs.to_module(graph), SHAPE).in_place == frozenset()
