"""The first calls of a new user work, or say in one sentence what to call; in a fresh environment: test_install.py."""

import pytest
from support import first_calls


@pytest.mark.parametrize(
    "name",
    [name for name in first_calls.WORK if "to_onnx" not in name],  # which `test_install.py` calls
)
def test_it_works(name):
    first_calls.working(name)


@pytest.mark.parametrize("name", first_calls.REFUSED)
def test_it_says_what_to_call(name):
    first_calls.refused(name)
