"""Why a forward does not run on an image: the layer that fails, what it was given, and an image on which it does run.

Everything runs on fake tensors, which have shapes and no elements.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from archs.ir.operator import Shape

if TYPE_CHECKING:
    from torch import nn

STEP = 32
"""Images are tried in steps of this many pixels: what networks reduce them by."""
TRIES = 8


def explained(module: nn.Module, shape: Shape, run: Callable[[Any], Any]) -> str:
    """`at pool (AvgPool2d), which is given 320×6×6; it runs on 3×224×224`, as far as that can be found; else empty.

    `run` calls the module on a batch of images, on fake tensors.
    """
    place = failing(module, lambda: run(shape))
    if not place:
        return ""
    for number in range(1, TRIES + 1):
        larger = Shape(shape[0], shape[1] + STEP * number, shape[2] + STEP * number)
        try:
            run(larger)
        except Exception:
            continue
        return f" at {place}; it runs on {larger}"
    return f" at {place}"


def failing(module: nn.Module, call: Callable[[], Any]) -> str:
    """The innermost module that was running when a call failed, with the shapes that it was given."""
    running: list[tuple[str, str, str]] = []
    hooks = []

    def enter(name: str) -> Callable[[Any, Any], None]:
        def keep(child: Any, args: Any) -> None:
            given = " and ".join("×".join(map(str, a.shape[1:])) for a in args if hasattr(a, "shape"))
            running.append((name, type(child).__name__, given))

        return keep

    def leave(_child: Any, _args: Any, _output: Any) -> None:
        running.pop()

    for name, child in module.named_modules():
        if name and not hasattr(child, "original_name"):  # scripted ones take no hooks of this kind
            hooks += [child.register_forward_pre_hook(enter(name)), child.register_forward_hook(leave)]
    try:
        call()
    except Exception:
        pass
    finally:
        for hook in hooks:
            hook.remove()
    if not running:
        return ""
    name, kind, given = running[-1]
    return f"{name} ({kind})" + (f", which is given {given}" if given else "")


def hint(error: Exception, module: nn.Module) -> str:
    """What to do where the images seem to be asked for as another kind of argument, or in another number."""
    if hasattr(module, "graph") and "is invalid for input of size" in str(error):
        return "; a program that is for one batch size is exported again with dynamic_shapes, the batch a Dim"
    if isinstance(error, (KeyError, IndexError, TypeError, AttributeError)):
        return "; a forward that takes a dict or a list is given as inputs={name: {key: None, …}}, None for the images"
    return ""


def one_line(error: Exception) -> str:
    """The one line of a torch error that says what was wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    code = [after for line, after in pairwise(lines) if line.startswith('File "')]
    text = code[-1] if code else lines[0] if lines else type(error).__name__
    return text if len(text) <= 200 else text[:200] + "…"
