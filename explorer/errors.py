"""The exception of the guideline lab: invalid input, a stopped run, a file of another format."""

from costmodel import CostError


class LabError(CostError):
    """An experiment cannot be built, run or read. The message says what to do."""
