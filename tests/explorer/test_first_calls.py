"""The first calls of a new user work, or say in one sentence what to call; in a fresh environment: test_install.py."""

import pytest
from support import first_calls


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if "to_onnx" in name else ()) for name in first_calls.WORK]
)
def test_it_works(name):
    first_calls.working(name)


@pytest.mark.parametrize("name", first_calls.REFUSED)
def test_it_says_what_to_call(name):
    first_calls.refused(name)
