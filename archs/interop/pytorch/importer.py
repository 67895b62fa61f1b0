"""nn.Module → Graph, with its weights beside it.

`torch.export` runs the module once on fake tensors. Its ATen calls are translated one by one (`archs.interop.aten`),
joined where several are one operator (`archs.interop.aten.patterns`) and named after the modules
(`archs.interop.aten.naming`). The module's own `forward` is executed: only for code that the user runs anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from archs.errors import ArchError, shorten
from archs.guidance import guided
from archs.interop.aten.naming import Names, snake, staged
from archs.interop.aten.patterns import recognise
from archs.interop.aten.program import Program
from archs.interop.aten.reader import Reader
from archs.interop.aten.steps import BATCH, Step
from archs.interop.pytorch import oracle
from archs.interop.pytorch.arguments import Arguments, Inputs, choose, image_shape
from archs.interop.pytorch.failures import explained, hint, one_line
from archs.interop.pytorch.isolation import example_shape, isolated, unwrapped
from archs.interop.pytorch.quiet import quiet
from archs.interop.pytorch.written_numbers import Call, WrittenNumbers, calls_of
from archs.ir.graph import INPUT, Builder, Graph, Tie
from archs.ir.operator import Shape
from archs.ir.ops import Opaque
from archs.ir.weights import Weights

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.export import ExportedProgram

OUTSIDE = (
    "{} writes to a tensor through .data or keeps one outside of the graph, which torch.export does not follow; "
    "allowed: the same operators on the tensor itself"
)


@guided(batch="costs are of one image")
def from_module(
    module: nn.Module,
    input_shape: Sequence[int] | None = None,
    name: str | None = None,
    verify: bool = True,
    *,
    inputs: Inputs = None,
    output: int | str | None = None,
) -> Graph:
    """The graph of a module that takes N×C×H×W, with `graph.weights` beside it.

    A copy of the module is traced in eval mode; the module is left as it is. What has no operator here becomes an
    `Opaque` node. Raises ArchError for a module that branches on data, whose shapes depend on data, or whose import
    computes something else.

    >>> from torch import nn
    >>> from_module(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()), (3, 32, 32))
    <Graph sequential: 3×32×32 → 8×30×30, 2 nodes>

    Args:
        module: any module of torch, or a program of torch.export; its `forward` is executed.
        input_shape: (channels, height, width) of one image, with or without a batch of 1 before it, or an image; an
            exported program brings its own.
        name: of the graph; the class's by default.
        verify: whether the exported module is run beside the original (`archs.interop.pytorch.oracle`).
        inputs: example values of forward's other arguments, by name or in order, for one image; None in a nested one
            stands for the images.
        output: the key or number of one of several outputs; by default all are counted, and the graph ends in their
            tuple.
    """
    if isinstance(module, (str, Graph)) or hasattr(module, "to_json"):
        raise ArchError(f"found {shorten(module)}; allowed: an nn.Module; archs.build(network) takes a name or a Spec")
    input_shape = example_shape(module) if input_shape is None else input_shape
    with quiet():
        module = unwrapped(module)
    shape = image_shape(input_shape)
    arguments = Arguments(module, inputs)
    called = name or snake(type(module).__name__)
    with quiet(), isolated(module) as isolated_module:
        program = _export(isolated_module, shape, arguments)
        calls = calls_of(program.graph)
        parameters: dict[str, Tensor] = dict(isolated_module.named_parameters(remove_duplicate=False))
        reader, steps = read_steps(_program(isolated_module, program), shape, output, parameters)
        graph = assemble(called, shape, steps, staged(isolated_module), parameters)

    def again(sides: Shape, images: int) -> list[Call]:
        with quiet(), isolated(module) as other:
            return calls_of(_export(other, sides, arguments, images).graph)

    numbers = WrittenNumbers(calls, shape, again)
    numbers.check_images(suspected=False)
    if not verify:
        return said(graph, oracle.NOT_COMPARED.format("it was not executed (verify=False)"), reader.left_out)
    with quiet(), isolated(module, own=oracle.few_enough(module)) as isolated_module:
        watched = choose(arguments.installed(isolated_module), reader.chosen)
        compared = oracle.verify(graph, watched, _modules(graph, steps), output is None, numbers)
    return said(graph, compared, reader.left_out)


def said(graph: Graph, *sentences: str) -> Graph:
    """The graph with what a user has to know of its import."""
    return replace(graph, verification="; ".join(filter(None, sentences)))


def _modules(graph: Graph, steps: list[Step]) -> dict[str, str]:
    """Node → the module of the original whose output it gives: the last node of a call."""
    found: dict[str, tuple[str, str]] = {}
    for node, step in zip(graph.nodes, steps):
        for call, module, _ in step.scope:
            found[call] = (node.path, module)
    return dict(found.values())


def _export(module: nn.Module, shape: Shape, arguments: Arguments, batch: int = BATCH) -> ExportedProgram:
    import torch
    from torch._subclasses import FakeTensorMode
    from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

    tensors = [t for t in module.parameters() if t.is_floating_point()]
    like: dict[str, Any] = {"dtype": tensors[0].dtype, "device": tensors[0].device} if tensors else {}
    with FakeTensorMode(allow_non_fake_inputs=True):
        images = torch.empty(batch, *shape, **like)
    args, kwargs = arguments.call(images)
    called = type(module).__name__

    def run(sides: Shape) -> None:
        with FakeTensorMode(allow_non_fake_inputs=True):
            fake, named = arguments.call(torch.empty(2, *sides, **like))
            module(*fake, **named)

    with torch.no_grad():
        try:
            return torch.export.export(module, args, kwargs, strict=False)
        except GuardOnDataDependentSymNode as error:
            raise ArchError(
                f"{called} branches on what the image holds ({one_line(error)}); allowed: one path for all images"
            ) from None
        except Exception as error:
            if "fake tensor in the exported program" in str(error):
                raise ArchError(OUTSIDE.format(called)) from None
            first = error
        try:  # a symbolic trace leaves Python's side effects out, which export refuses
            traced = torch.fx.symbolic_trace(module)
            if all(node.users or node.op in ("placeholder", "output") for node in traced.graph.nodes):
                return torch.export.export(traced, args, kwargs, strict=False)
            raise ArchError("a call is left out whose effect is read otherwise")
        except Exception:
            pass
        why = f"{explained(module, shape, run)}: {one_line(first)}{hint(first, module)}"
        raise ArchError(f"{called} does not run on {shape} images{why}") from None


def _program(module: nn.Module, program: ExportedProgram) -> Program:
    from torch._subclasses import FakeTensor

    signature = program.graph_signature
    tensors = dict(module.named_parameters(remove_duplicate=False))
    if made := [name for name, tensor in tensors.items() if isinstance(tensor, FakeTensor)]:
        raise ArchError(
            f"{type(module).__name__} makes {made[0]} in its forward; allowed: run it once on a tensor of images "
            "before it is imported"
        )
    trained = set(tensors)
    tensors |= dict(module.named_buffers(remove_duplicate=False)) | program.constants
    tensors = {**program.state_dict, **tensors}  # the module's own, as an exported one may be a copy
    if any(isinstance(tensor, FakeTensor) for tensor in program.constants.values()):
        raise ArchError(OUTSIDE.format(type(module).__name__))
    sources: dict[str, str] = {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }
    # a scripted child's parameters come as constants of the program
    names = {(p.data_ptr(), p.shape): name for name, p in reversed(list(module.named_parameters())) if p.numel()}
    for node, source in sources.items():
        tensor = tensors[source]
        if source not in trained and not tensor.is_meta and (tensor.data_ptr(), tensor.shape) in names:
            sources[node] = names[tensor.data_ptr(), tensor.shape]
    examples = {name: value for name, value in _user_inputs(program) if not isinstance(value, FakeTensor)}
    return Program(
        type(module).__name__,
        program.graph,
        sources,
        tensors,
        trained,
        examples=examples,
        outputs=_output_names(program),
    )


def _user_inputs(program: ExportedProgram) -> list[tuple[str, Any]]:
    """Placeholder and example of each tensor that the module is called with, in order."""
    import torch
    import torch.utils._pytree as pytree

    given = pytree.tree_leaves(program.example_inputs)
    names = [spec.arg.name for spec in program.graph_signature.input_specs if spec.kind.name == "USER_INPUT"]
    return [(name, value) for name, value in zip(names, given) if isinstance(value, torch.Tensor)]


def _output_names(program: ExportedProgram) -> tuple[str, ...]:
    """What each output is called: the keys to it, or its number."""
    import torch.utils._pytree as pytree

    spec = program.call_spec.out_spec
    if spec is None:
        return ()
    whole = pytree.tree_unflatten(list(range(spec.num_leaves)), spec)
    paths, _ = pytree.tree_flatten_with_path(whole)
    return tuple(
        "/".join(str(getattr(k, "key", getattr(k, "idx", getattr(k, "name", k)))) for k in path) for path, _ in paths
    )


def read_steps(
    program: Program, shape: Shape, output: int | str | None, parameters: Mapping[str, Tensor]
) -> tuple[Reader, list[Step]]:
    """The steps of a program, and what read them.

    Of a parameter that is read in several forms, those that are not its own are computed from it.
    """
    whole: frozenset[str] = frozenset()
    while True:
        reader = Reader(program, shape, output, whole)
        steps = recognise(reader.read())
        forms: dict[object, set[object]] = {}
        for constant in (c for step in steps for c in step.weights.values() if c.trained):
            forms.setdefault(_one_of(constant.sources[0], parameters), set()).add(_form(constant.tensor))
        several = {owner for owner, found in forms.items() if len(found) > 1}
        found = whole | {name for name in program.tensors if several and _one_of(name, parameters) in several}
        if found == whole:
            return reader, steps
        whole = found


def _form(tensor: Tensor) -> object:
    """The shape of a parameter where it is read, and the order of its elements: a transposed square is another one."""
    return tuple(tensor.shape), tuple(stride for side, stride in zip(tensor.shape, tensor.stride()) if side > 1)


def _one_of(name: str, parameters: Mapping[str, Tensor]) -> object:
    """What a parameter's names have in common."""
    return id(parameters[name]) if name in parameters else name


def assemble(
    name: str,
    shape: Shape,
    steps: list[Step],
    stages: frozenset[str],
    parameters: dict[str, Tensor],
    stored_bytes: int | None = None,
) -> Graph:
    """The graph of steps, named after where they run; `parameters` are all that the original has."""
    known = {**parameters, **read_tensors(steps)}
    by_tensor: dict[int, str] = {}
    first_names = {name: by_tensor.setdefault(id(tensor), name) for name, tensor in parameters.items()}

    def owner_of(source: str) -> str:
        """One name of a parameter that has several."""
        return first_names.get(source, source)

    names = Names(stages)
    paths = {id(step): path for step, path in zip(steps, names.paths(steps))}
    b = Builder(name, shape)
    weights: dict[str, dict[str, Tensor]] = {}
    modules: dict[object, str] = {}
    first: dict[str, tuple[str, str, Tensor]] = {}  # parameter → where it is first read
    shared: list[tuple[str, str]] = []
    ties: list[Tie] = []
    for step in steps:
        path = paths[id(step)]
        assert step.op is not None
        op = step.op
        if isinstance(op, Opaque):  # a parameter that an earlier node has is counted there
            new = [s for s in step.sources if owner_of(s) not in first]
            op = replace(op, weights=sum(known[s].numel() for s in new if s in known))
            first |= {owner_of(s): (path, "", known[s]) for s in new if s in known}
        b.add(path, op, *[INPUT if x.op is None else paths[id(x)] for x in step.inputs])
        if not step.weights:
            continue
        weights[path] = {role: c.tensor for role, c in step.weights.items()}
        module = _identity(step, owner_of)
        if any(c.trained for c in step.weights.values()) and modules.setdefault(module, path) != path:
            shared.append((path, modules[module]))
            continue
        for role, c in step.weights.items():
            if not c.trained:
                continue
            source = owner_of(c.sources[0])
            if source not in first:
                first[source] = (path, role, c.tensor)
                continue
            owner, owner_role, tensor = first[source]
            if owner_role and tensor.shape != c.tensor.shape:
                raise ArchError(
                    f"{c.sources[0]} is read as {tuple(tensor.shape)} by {owner} and as {tuple(c.tensor.shape)} by "
                    f"{path}; allowed: one shape of a parameter that several operators read"
                )
            ties.append(Tie(path, role, owner, owner_role, c.tensor.numel()))
    graph = b.graph()
    read = {s for step in steps for c in step.weights.values() for s in c.sources}
    unread = {} if any(isinstance(step.op, Opaque) for step in steps) else _unread(parameters, read)
    kinds = tuple((path, kind) for path, kind in names.kinds.items() if kind)
    return Graph(
        graph.name,
        graph.input,
        graph.nodes,
        kinds,
        shared=tuple(shared),
        ties=tuple(ties),
        weights=Weights(weights, unread, stored_bytes),
        in_place=frozenset(paths[id(step)] for step in steps if step.in_place),
    )


def _identity(step: Step, owner_of: Callable[[str], str]) -> object:
    """What two steps have in common that one module does: its numbers, its parameters and its constants."""
    roles = tuple((role, tuple(map(owner_of, c.sources)) or id(c), c.factor) for role, c in step.weights.items())
    return type(step.op), repr(step.op), tuple(tuple(x.shape) for x in step.inputs[1:]), roles


def read_tensors(steps: list[Step]) -> dict[str, Tensor]:
    """The parameters that steps have as they are, by name."""
    trained = [c for step in steps for c in step.weights.values() if c.trained and len(c.sources) == 1]
    return {c.sources[0]: c.tensor for c in trained}


def _unread(parameters: dict[str, Tensor], read: set[str]) -> dict[str, int]:
    """The parameters that no step has, under any of their names."""
    used = {id(parameters[name]) for name in read if name in parameters}
    once = {id(p): (name, p) for name, p in reversed(parameters.items())}
    return {name: p.numel() for name, p in reversed(once.values()) if id(p) not in used}
