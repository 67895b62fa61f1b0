"""Calls and attributes that a user guessed: what each public function takes, what each public class has, what to call."""

import copy
import inspect
import pickle
from pathlib import Path

import pytest

import archs
import costmodel
import explorer
from archs import guessed_words

SPEC = archs.spec("mobilenet_v2")
PACKAGES = (archs, costmodel, explorer, explorer.figures)
VALUES = {
    "Spec": SPEC,
    "Conv": SPEC.rows[0],
    "Graph": archs.build(SPEC),
    "Counts": costmodel.count(SPEC).total,
    "NetworkCounts": costmodel.count(SPEC),
    "Prediction": costmodel.predict(SPEC),
    "NetworkProfile": costmodel.profile(SPEC),
    "Fragmentation": costmodel.fragmentation(SPEC),
    "Report": costmodel.reconcile(SPEC)[0],
    "Diff": explorer.diff(SPEC, SPEC),
    "Estimate": explorer.estimate(SPEC),
    "DeviceProfile": costmodel.load_profile("cpu"),
}


def _functions():
    for package in PACKAGES:
        for name in package.__all__:
            if inspect.isfunction(value := getattr(package, name)):
                yield f"{package.__name__}.{name}", value
    for value in VALUES.values():
        for name in ("edit", "edit_row", "set_classes", "by", "table", "summary"):
            if inspect.isfunction(vars(type(value)).get(name)):
                yield f"{type(value).__name__}.{name}", getattr(value, name)


FUNCTIONS = dict(_functions())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_call_that_a_function_does_not_take_says_what_it_takes(name):
    function = FUNCTIONS[name]
    short = name.rpartition(".")[2]
    with pytest.raises((TypeError, archs.ArchError)) as error:
        function(*[None] * 40)
    said = str(error.value)
    parameters = [one for one in inspect.signature(function).parameters if one != "self"]
    assert said.startswith(f"{short}() takes {'nothing' if not parameters else ''}"), said
    assert all(one in said for one in parameters)
    assert "values are given in order" in said


def _said(call):
    with pytest.raises(TypeError) as error:
        call()
    return str(error.value)


def test_words_of_other_tools_are_translated():
    assert "instead of device= use profile=" in _said(lambda: costmodel.predict(SPEC, device="cpu"))
    assert "batch=: the profile has its own" in _said(lambda: costmodel.predict(SPEC, batch=8))
    assert "instead of input_size= use input_shape=" in _said(lambda: costmodel.count(SPEC, input_size=(3, 9, 9)))
    assert "instead of inputs= use input_shape=" in _said(lambda: costmodel.profile(SPEC, inputs=()))
    assert 'put it into knobs={"width": [0.5, 1.0]}' in _said(lambda: explorer.sweep(SPEC, width=[0.5]))
    assert "instead of stage= use index=" in _said(lambda: SPEC.edit_row(stage="stage2", kernel=5))
    assert "call archs.spec(name, width=…) and pass" in _said(lambda: archs.build("mobilenet_v2", width=0.5))
    assert "instead of netwrk= use network=" in _said(lambda: archs.build(netwrk=SPEC))
    assert "after not given" in _said(lambda: explorer.diff(SPEC))
    assert "path not given" in _said(VALUES["DeviceProfile"].save)
    assert "path given twice" in _said(lambda: archs.to_onnx(SPEC, "a", path="b"))


def test_an_error_inside_a_function_is_its_own():
    """The message of a TypeError that a function raises, or that something it calls raises, is not replaced."""
    with pytest.raises(TypeError, match="^unsupported operand"):
        explorer.sweep(SPEC, {"width": [0.5]}, edit=lambda spec: spec.resolution + "px", profile=None)
    with pytest.raises(TypeError, match="^found an int; a network is"):
        costmodel.count(3)


@pytest.mark.parametrize("name", VALUES)
def test_an_attribute_that_a_class_lacks_is_named_with_what_there_is(name):
    value = VALUES[name]
    with pytest.raises(AttributeError, match=f"^{name} has no 'nothing_like_it': it has "):
        _ = value.nothing_like_it
    assert not hasattr(value, "_repr_png_")
    assert copy.deepcopy(value) is not None
    if name != "Prediction":  # whose profile has megabytes
        assert pickle.loads(pickle.dumps(value)) is not None


@pytest.mark.parametrize(
    ("name", "attribute", "said"),
    [
        ("NetworkCounts", "flops", "use mult_adds"),
        ("NetworkCounts", "plot", "call explorer.plot(counts)"),
        ("Counts", "macs", "use mult_adds"),
        ("Prediction", "latency", "use latency_ms"),
        ("NetworkProfile", "to_csv", "call profile.table().to_csv(path)"),
        ("Graph", "flops", "call costmodel.count(graph).mult_adds"),
        ("Graph", "layers", "use nodes"),
        ("Spec", "save", "call Path(name).write_text(spec.to_json())"),
        ("Spec", "remove_row", "call spec.delete_row(index)"),
        ("Conv", "kernel_size", "use kernel"),
        ("Diff", "flops", "call diff.total.mult_adds"),
        ("Estimate", "accuracy", "use top1_pct"),
        ("Estimate", "low", "use low_pct"),
        ("Prediction", "upper", "use high_ms"),
        ("DeviceProfile", "predict", "call costmodel.predict(network, profile)"),
        ("DeviceProfile", "networs", "use networks"),
    ],
)
def test_attributes_of_other_tools_are_translated(name, attribute, said):
    with pytest.raises(AttributeError) as error:
        getattr(VALUES[name], attribute)
    assert str(error.value) == f"{name} has no {attribute!r}: {said}"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: VALUES["NetworkCounts"]["params"],
            "NetworkCounts takes no index, found ['params']: use counts.params",
        ),
        (lambda: VALUES["Prediction"]["latency"], "found ['latency']: use prediction.latency_ms"),
        (lambda: VALUES["Prediction"][0], "found [0]: use prediction.table()"),
        (lambda: VALUES["Diff"]["params"], "found ['params']: call diff.total.params"),
        (lambda: VALUES["Fragmentation"][0], "found [0]: use fragmentation.blocks"),
        (lambda: VALUES["Report"][0], "found [0]: use report.terms"),
        (lambda: VALUES["Conv"]["kernel_size"], "Conv takes no index, found ['kernel_size']: use conv.kernel"),
        (lambda: VALUES["DeviceProfile"]["regime"], "takes no index, found ['regime']: use profile.regime"),
        (lambda: SPEC[0], "Spec takes no index, found [0]: use spec.rows"),
        (
            lambda: SPEC["stage2"],
            "Spec takes no index, found ['stage2']: use spec.edit_stage('stage2', …), or spec.rows",
        ),
        (lambda: SPEC["flops"], "found ['flops']: call costmodel.count(spec).mult_adds"),
        (lambda: len(SPEC), "Spec has no length: use len(spec.rows)"),
        (lambda: len(VALUES["Graph"]), "Graph has no length: use len(graph.nodes)"),
        (lambda: len(VALUES["NetworkCounts"]), "NetworkCounts has no length: use len(counts.table())"),
        (lambda: len(VALUES["Estimate"]), "Estimate has no length: it is one estimate"),
        (lambda: list(VALUES["NetworkCounts"]), "found [0]: use counts.table()"),
    ],
)
def test_an_index_or_a_length_that_a_class_has_not_says_what_to_use(call, said):
    assert said in _said(call)


def test_what_is_no_sequence_is_true():
    assert all(VALUES.values())


def test_a_package_says_what_to_call():
    with pytest.raises(AttributeError, match=r"costmodel has no 'FlopCountAnalysis': call costmodel\.count\(network, "):
        _ = costmodel.FlopCountAnalysis
    with pytest.raises(AttributeError, match=r"archs has no 'create_model': call archs\.to_module\(archs\.spec\(name"):
        _ = archs.create_model
    with pytest.raises(AttributeError, match=r"explorer has no 'frontier': call explorer\.pareto\(table, cost\)"):
        _ = explorer.frontier
    with pytest.raises(AttributeError, match=r"archs\.rows has no 'MBConv': call archs\.rows\.InvertedResidual\("):
        _ = archs.rows.MBConv
    for package in PACKAGES[:3]:
        with pytest.raises(AttributeError, match=f"^{package.__name__} has no 'nothing_like_it': it has "):
            _ = package.nothing_like_it


@pytest.mark.parametrize(
    ("owner", "words"),
    [
        (archs, guessed_words.OF_ARCHS),
        (costmodel, guessed_words.OF_COSTMODEL),
        (explorer, guessed_words.OF_EXPLORER),
        (archs.rows, guessed_words.OF_ROWS),
        (VALUES["Graph"], guessed_words.OF_A_GRAPH),
        (SPEC, guessed_words.OF_A_SPEC),
        (VALUES["NetworkCounts"], guessed_words.OF_A_RESULT),
        (VALUES["Diff"], guessed_words.OF_A_DIFF),
        (VALUES["DeviceProfile"], guessed_words.OF_A_PROFILE),
    ],
)
def test_what_is_to_be_called_is_there(owner, words):
    """Of each call that begins with a package, the names exist; and no word hides an attribute that is there."""
    for call in words.values():
        path = call.partition("(")[0].split(".")
        found = {"archs": archs, "costmodel": costmodel, "explorer": explorer}.get(path[0])
        for name in path[1:] if found else ():
            found = getattr(found, name)
    folders = [Path(folder) for folder in getattr(owner, "__path__", ())]
    there = {*dir(owner), *[path.stem for folder in folders for path in folder.iterdir()]}
    assert [word for word in words if word in there] == (["copy"] if owner is SPEC else [])
