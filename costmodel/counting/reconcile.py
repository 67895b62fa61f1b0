"""Why another counter says another number: Graph → what each public tool reports, and the terms that differ.

The rules of the tools are in `costmodel.counting.tool_rules`. `run_fvcore` runs the one tool that the product
depends on, to show
that the rules hold for this very network; the tests run all of them and compare integers.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import archs
from archs.guidance import Guided, guided
from archs.ir import ops
from archs.ir.graph import Graph
from archs.networks import described
from costmodel.arguments import Network, as_graph
from costmodel.counting.counts import count
from costmodel.counting.tool_rules import TOOLS, FlatMean, Rule, Tool
from costmodel.errors import CostError

if TYPE_CHECKING:
    import pandas

MAX_ELEMENTS = 2**28  # 1 GiB in float32, of parameters as of activations
MAX_MULT_ADDS = 2**35  # some seconds of one CPU core


@dataclass(frozen=True)
class Term:
    """One reason for a difference, summed over the nodes that it holds for.

    `name` is a short title, `why` the reason in words, `nodes` the number of operators. `amount` is in the tool's own
    unit, positive where the tool reports more than our multiply-adds. It is 0 for operators that the tool does not see:
    they are listed, so that a zero is a statement.

    >>> [term.name for term in reconcile("mobilenet_v2")[0].terms if term.amount]
    ['batch norm', 'global pooling']
    """

    name: str
    amount: int
    why: str
    nodes: int


@dataclass(frozen=True, repr=False)
class Report(Guided):
    """What a tool reports for a graph: `total == mult_adds + sum(term.amount for term in terms)`.

    `total` is in the tool's own unit, `mult_adds` are ours, `terms` the reasons for the difference.

    `costmodel.table((report,))` is a DataFrame of the terms with their reasons, `explorer.plot(report)` draws them.

    >>> reconcile("mobilenet_v2")[0]
    Report(fvcore: 314,193,216 = 300,774,272 mult-adds + batch norm 13,356,224 + global pooling 62,720)
    """

    _ITEMS: ClassVar = "terms"
    tool: str
    version_of_rules: str
    """The version of the tool whose source the rules were read from, and which the tests run."""
    call: str
    """The call that gives the total; `module` is the exported one, in eval mode."""
    mult_adds: int
    total: int
    terms: tuple[Term, ...]

    def __repr__(self) -> str:
        signed = [(term.name, term.amount) for term in self.terms if term.amount]
        terms = "".join(f" {'−' if amount < 0 else '+'} {name} {abs(amount):,}" for name, amount in signed)
        return f"Report({self.tool}: {self.total:,} = {self.mult_adds:,} mult-adds{terms})"


@guided()
def reconcile(network: Network, input_shape: Sequence[int] | None = None) -> tuple[Report, ...]:
    """What each tool reports for the module that `archs.to_source(graph)` defines, term by term.

    Raises CostError for an operator that a tool's table does not know.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`, or an `nn.Module` with `input_shape`.
        input_shape: (channels, height, width), with or without a batch of 1; an `nn.Module` needs it.

    >>> import archs, costmodel
    >>> fvcore = costmodel.reconcile(archs.build(archs.spec("mobilenet_v2")))[0]
    >>> fvcore.total, [(term.name, term.amount) for term in fvcore.terms if term.amount]
    (314193216, [('batch norm', 13356224), ('global pooling', 62720)])
    """
    graph = as_graph(network, input_shape)
    return tuple([_report(name, tool, graph) for name, tool in TOOLS.items()])


def _report(name: str, tool: Tool, graph: Graph) -> Report:
    terms: dict[tuple[str, str], list[int]] = {}  # (term, why) → the nodes' differences
    mult_adds = total = 0
    unread = set(_unread(graph)) if tool.drops_unread else set()
    for node in graph.nodes:
        shapes = graph.input_shapes(node)
        ours = node.op.mult_adds(*shapes)
        rule = _rule(name, tool, node.op)
        times = rule.times_ours
        x, y = shapes[0] if shapes else node.output, node.output
        reported = rule.amount(node.op, x, y) if times is None else times(x, y) * ours
        key = rule.term, rule.reason
        if node.path in unread:
            reported, key = 0, ("unread", tool.drops_unread)
        mult_adds += ours
        total += reported
        if reported == ours and ours and not getattr(node.op, "bias", False):
            continue  # counted as by us, and without a bias there is nothing else in it
        terms.setdefault(key, []).append(reported - ours)
    listed = [Term(term, sum(parts), reason, len(parts)) for (term, reason), parts in terms.items()]
    listed.sort(key=lambda term: -abs(term.amount))
    return Report(name, tool.version, tool.call, mult_adds, total, tuple(listed))


def _rule(name: str, tool: Tool, op: ops.Op) -> Rule:
    kind = FlatMean if isinstance(op, ops.GlobalAvgPool) and op.flat else type(op)
    if isinstance(op, ops.Opaque):
        raise CostError(f"{op.target} is unknown, and so is what {name} says of it")
    if kind not in tool.rules:
        known = ", ".join(t.__name__ for t in tool.rules if t is not FlatMean)
        raise CostError(f"operator {kind.__name__} has no rule for {name}; known: {known}")
    return tool.rules[kind]


def _unread(graph: Graph) -> Iterator[str]:
    """The paths of the nodes that the network's output does not depend on."""
    read = {graph.nodes[-1].path}
    for node in reversed(graph.nodes):
        if node.path in read:
            read.update(node.inputs)
        else:
            yield node.path


@guided()
def table(reports: Sequence[Report] | Report) -> pandas.DataFrame:
    """One row per term, between a row "mult-adds" (ours) and a row "total" (the tool's) for each tool.

    Columns: tool, term, amount, why, nodes. The rows from "mult-adds" to the last term add to "total". Raises TypeError
    for what is no report.

    Args:
        reports: of `reconcile`; one of them is taken too.

    >>> table(reconcile("mobilenet_v2"))["amount"][:4].tolist()
    [300774272, 13356224, 62720, 0]
    """
    import pandas

    rows: list[tuple[str, str, int, str, int]] = []
    several = (reports,) if isinstance(reports, Report) else reports
    if not isinstance(several, (list, tuple)) or not all(isinstance(report, Report) for report in several):
        raise TypeError(f"found {described(reports)}; allowed: the reports of costmodel.reconcile(network)")
    for report in several:
        rows.append((report.tool, "mult-adds", report.mult_adds, "convolution and linear, without bias", 0))
        rows += [(report.tool, term.name, term.amount, term.why, term.nodes) for term in report.terms]
        rows.append((report.tool, "total", report.total, f"{report.call}, {report.version_of_rules}", 0))
    return pandas.DataFrame(rows, columns=["tool", "term", "amount", "why", "nodes"])


class FvcoreRun(NamedTuple):
    """The result of one run of fvcore.

    >>> FvcoreRun(120, {"conv": 100, "batch_norm": 20}, {}).mult_adds
    100
    """

    total: int
    by_operator: dict[str, int]
    """fvcore's rows: "conv", "linear", "batch_norm", "adaptive_avg_pool2d"."""
    unsupported: dict[str, int]
    """The operators that it met and did not count, and how often: {"aten::add": 10}."""

    @property
    def mult_adds(self) -> int:
        """Its conv + linear rows, which are our `mult_adds`."""
        return self.by_operator.get("conv", 0) + self.by_operator.get("linear", 0)


@guided()
def run_fvcore(network: Network, input_shape: Sequence[int] | None = None) -> FvcoreRun:
    """Exports the graph, executes the export and lets fvcore count it, quietly and on one image.

    A forward pass on the CPU: on the meta device, which needs no memory, tracing a convolution fails, as the shape
    check in torch/_meta_registrations.py then gets tensors for sizes. Hence the guard on size.
    Raises CostError for a network too large to run, or where fvcore is not installed.

    Args:
        network: a catalogue name, a `Spec` or a `Graph`, or an `nn.Module` with `input_shape`.
        input_shape: (channels, height, width), with or without a batch of 1; an `nn.Module` needs it.

    >>> run_fvcore("mobilenet_v1", (3, 32, 32)).total == reconcile("mobilenet_v1", (3, 32, 32))[0].total
    True
    """
    try:
        with warnings.catch_warnings():
            # fvcore.nn scripts a loss function as it is imported
            warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", DeprecationWarning)
            from fvcore.nn import FlopCountAnalysis
    except ImportError:
        raise CostError("fvcore is not installed; pip install fvcore") from None
    import torch

    graph = as_graph(network, input_shape)
    _guard(graph)
    module = archs.to_module(graph).eval()  # fvcore counts batch norm at 5 per element in training
    analysis = FlopCountAnalysis(module, torch.zeros(1, *graph.input))
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
    with torch.no_grad():
        rows = analysis.by_operator()
    return FvcoreRun(analysis.total(), {name: int(n) for name, n in rows.items()}, {**analysis.unsupported_ops()})


def _guard(graph: Graph) -> None:
    counts = count(graph)
    for what, found, limit in (
        ("parameters", counts.total.params, MAX_ELEMENTS),
        ("activations alive at once", counts.peak_activation, MAX_ELEMENTS),
        ("multiply-adds", counts.total.mult_adds, MAX_MULT_ADDS),
    ):
        if found > limit:
            raise CostError(f"{graph.name} has {found:,} {what}; fvcore is run on networks of up to {limit:,}")
