"""What tests of edits ask of an edited table."""

import pytest

import archs
import costmodel


def total(spec):
    return costmodel.count(archs.build(spec)).total


def refused(edit, *arguments):
    """The first problem of an edit that is refused."""
    with pytest.raises(archs.ArchError) as caught:
        edit(*arguments)
    return caught.value.problems[0]
