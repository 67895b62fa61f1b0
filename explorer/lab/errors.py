"""The lab's one exception: bad input, a run that was stopped, a file that is not ours."""

from costmodel import CostError


class LabError(CostError):
    """The experiment cannot be made, run or read; the message says what to do. A CostError to whoever shows it."""
