"""The public names and their signatures are those recorded; each has a docstring, and help() lists them."""

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


def test_no_public_name_is_hidden_by_a_module_or_a_folder():
    """`import costmodel.profiles` would replace a function of that name, and a folder of data is enough for it."""
    for package in (archs, costmodel, explorer):
        inside = {path.stem for path in Path(package.__path__[0]).iterdir() if path.is_dir() or path.suffix == ".py"}
        modules = {name for name in package.__all__ if isinstance(getattr(package, name), ModuleType)}
        assert inside & set(package.__all__) <= modules, package.__name__
