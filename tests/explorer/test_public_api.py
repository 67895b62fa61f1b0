"""The public names and their signatures are those recorded; each has a docstring, and help() lists them."""

import doctest
import inspect
import re
from pathlib import Path
from types import ModuleType

from support.public_api import RECORD, public_api

import archs
import costmodel
import explorer


def test_the_public_names_are_the_recorded_ones():
    """After a wanted change: python tests/support/public_api.py --write."""
    assert public_api().splitlines() == RECORD.read_text(encoding="utf-8").splitlines()


def test_every_public_function_and_class_has_a_docstring():
    for package in (archs, costmodel, explorer):
        assert package.__doc__
        for name in package.__all__:
            value = getattr(package, name)
            if callable(value):
                assert value.__doc__, f"{package.__name__}.{name}"


NO_EXAMPLE = {
    "calibrate": "takes minutes",
    "measure": "times this machine, and warns where others use it",
    "to_onnx": "takes seconds of torch's exporter",
}


def _public():
    """Name → value of each public function and class; methods and row classes too."""
    for package in (archs, costmodel, explorer, explorer.figures):
        for name in package.__all__:
            value = getattr(package, name)
            if callable(value):
                yield name, inspect.unwrap(value)
    for cls in (archs.Spec, *archs.rows.KINDS.values()):
        yield cls.__name__, cls
    for name, method in vars(archs.Spec).items():
        if inspect.isfunction(method) and not name.startswith("_"):
            yield f"Spec.{name}", method


def test_every_public_name_has_an_example_that_runs_as_a_doctest():
    without = {name for name, value in _public() if not doctest.DocTestParser().get_examples(inspect.getdoc(value))}
    assert without == set(NO_EXAMPLE)
    assert doctest.DocTestParser().get_examples(type(costmodel.CONVENTION).__doc__)


def _named(function):
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.name != "self" and p.kind is not p.VAR_KEYWORD]


def test_the_docstring_of_a_public_function_has_its_arguments_and_its_errors():
    for name, value in _public():
        if inspect.isfunction(value) and (arguments := _named(value)):
            text = inspect.getdoc(value)
            assert [a for a in arguments if not re.search(rf"\b{a}\b", text)] == [], name
            assert "Raises" in text or name == "table", name


def test_help_of_a_package_lists_its_functions():
    for package in (archs, costmodel, explorer):
        functions = [name for name in package.__all__ if inspect.isroutine(getattr(package, name))]
        assert [name for name in functions if not re.search(rf"\b{name}\b", package.__doc__)] == []
        assert set(package.__all__) <= set(dir(package))


def test_no_public_name_is_hidden_by_a_module_or_a_folder():
    """`import costmodel.profiles` would replace a function of that name, and a folder of data is enough for it."""
    for package in (archs, costmodel, explorer):
        inside = {path.stem for path in Path(package.__path__[0]).iterdir() if path.is_dir() or path.suffix == ".py"}
        modules = {name for name in package.__all__ if isinstance(getattr(package, name), ModuleType)}
        assert inside & set(package.__all__) <= modules, package.__name__


def _members():
    """Name → function behind each public method and property of the public classes and of what the functions return."""
    returned = (explorer.diff("mobilenet_v1", "mobilenet_v1"), explorer.estimate("mobilenet_v1"))
    classes = [value for package in (archs, costmodel) for value in vars(package).values() if isinstance(value, type)]
    for cls in {*classes, *map(type, returned), *archs.rows.KINDS.values()}:
        for name, member in vars(cls).items():
            function = (
                getattr(member, "fget", None) or getattr(member, "func", None) or getattr(member, "__func__", member)
            )
            if inspect.isfunction(function) and not name.startswith("_"):
                yield f"{cls.__name__}.{name}", inspect.unwrap(function)


def test_the_docstring_of_a_public_method_has_its_arguments():
    found = []
    for name, function in _members():
        text = inspect.getdoc(function) or ""
        arguments = [one for one in inspect.signature(function).parameters if one != "self"]
        found += [
            f"{name}: {one}" for one in (arguments if text else ["docstring"]) if not re.search(rf"\b{one}\b", text)
        ]
    assert found == []


def test_help_of_a_row_has_its_columns_with_their_values():
    for kind in archs.rows.KINDS.values():
        text = inspect.getdoc(kind)
        assert [column for column in kind.model_fields if f"\n    {column}: " not in text] == []
    assert "\n    kernel: side k of the window: " in inspect.getdoc(archs.rows.Conv)
    assert "; a whole odd number from 1 to 31.\n" in inspect.getdoc(archs.rows.Conv)
