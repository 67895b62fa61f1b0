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
