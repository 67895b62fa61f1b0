"""The one exception class of `costmodel`."""


class CostError(ValueError):
    """Something that cannot be priced, measured or loaded; the message is fit to be shown to the user as it is.

    >>> import costmodel
    >>> costmodel.load_profile("gpu")
    Traceback (most recent call last):
    costmodel.errors.CostError: no profile 'gpu' (...); shipped: cpu, ...
    """
