"""Messages for calls and attributes that a user guessed: what the function takes or the class has, and what to call.

`guided` wraps a public function, `Guided` is a base of public classes, `module_attribute` serves a package.
The words are in `archs.guessed_words`; what one function alone is asked for is given where it stands.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar

from archs.caching import cached
from archs.errors import ArchError, shorten
from archs.guessed_words import ARGUMENTS, ATTRIBUTES, OF_A_RESULT

P = ParamSpec("P")
R = TypeVar("R")


def guided(**instead: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator: a call that the function's signature does not take raises a TypeError that says what it takes.

    Args:
        **instead: word → what to use instead of an argument of that name.

    >>> @guided(batch="a profile has its own batch")
    ... def predict(network, profile="cpu"): ...
    >>> predict("mobilenet_v2", device="cpu", batch=8)
    Traceback (most recent call last):
    TypeError: predict() takes network, profile; instead of device= use profile=; batch=: a profile has its own batch
    """

    def wrapper(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def call(*values: P.args, **named: P.kwargs) -> R:
            try:
                return function(*values, **named)
            except TypeError as error:
                if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
                    raise  # the function was entered: the error is its own
                raise TypeError(_misuse(function, values, named, instead)) from None

        return call

    return wrapper


def _misuse(
    function: Callable[..., Any], values: tuple[object, ...], named: Mapping[str, object], instead: Mapping[str, str]
) -> str:
    """What a function takes, and what of a call it does not."""
    found = inspect.signature(function).parameters
    method = "self" in found
    parameters = {name: one for name, one in found.items() if name != "self"}
    ordered = [name for name, one in parameters.items() if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    given = [*ordered[: len(values) - method], *named]
    open_ended = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    missing = [name for name in ordered if parameters[name].default is inspect.Parameter.empty and name not in given]
    unknown = [] if open_ended and not missing else [word for word in named if word not in parameters]
    takes = [str(one).partition(":")[0].partition("=")[0].strip() for one in parameters.values()]
    said = [f"{function.__name__}() takes {', '.join(takes) or 'nothing'}"]
    for word in unknown:
        use = similar(word, [name for name in parameters if name not in given])
        if word in instead:
            said.append(f"{word}=: {instead[word]}")
        elif use:
            said.append(f"instead of {word}= use {use}=")
            missing = [name for name in missing if name != use]
        elif not open_ended:
            said.append(f"{word}= is none of them")
    if missing:
        said.append(f"{', '.join(missing)} not given")
    several = any(one.kind is one.VAR_POSITIONAL for one in parameters.values())
    if (count := len(values) - method) > len(ordered) and not several:
        others = ", name the others" if len(parameters) > len(ordered) else ""
        said.append(f"{count} values are given in order, {len(ordered)} allowed{others}")
    if twice := [name for name in named if name in ordered[: len(values) - method]]:
        said.append(f"{', '.join(twice)} given twice")
    return "; ".join(said)


class NoSequence:
    """Base of a class that is no sequence: an index and `len` raise a TypeError with what to use."""

    __slots__ = ()
    _ITEMS: ClassVar[str] = ""
    """Its attribute that is a sequence; a class without one may have a table."""

    if not TYPE_CHECKING:  # a type checker knows that there is no index and no length

        def __getitem__(self, key: object) -> Any:
            raise TypeError(_no_item(type(self), key))

        def __len__(self) -> int:
            raise TypeError(_no_length(type(self)))

    def __bool__(self) -> bool:
        return True


class Guided(NoSequence):
    """Base of a class whose unknown attributes raise an AttributeError with what to use, or with what it has."""

    __slots__ = ()
    _INSTEAD: ClassVar[Mapping[str, str]] = OF_A_RESULT
    """Attribute → what to call instead of it."""

    if not TYPE_CHECKING:  # a type checker knows the attributes

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(unknown_attribute(type(self), name), name=name, obj=self)


@cached(256, "`getattr` with a default asks thousands of rows for a column that their kind has not")
def unknown_attribute(cls: type, name: str) -> str:
    """The message of an attribute that a class has not.

    >>> import archs
    >>> unknown_attribute(archs.Spec, "resolutoin")
    "Spec has no 'resolutoin': use resolution"
    """
    if name.startswith("_"):
        return f"{cls.__name__!r} object has no attribute {name!r}"
    return f"{cls.__name__} has no {name!r}: {_advice(name, _attributes(cls), _instead(cls))}"


def _no_item(cls: type[NoSequence], key: object) -> str:
    """The message of an index on a class that takes none: the attribute that it means, or what has entries."""
    known = _attributes(cls)
    attribute = (key if key in known else similar(key, known)) if isinstance(key, str) else None
    if attribute:
        use = f"use {_word(cls)}.{attribute}"
    elif isinstance(key, str) and key in _instead(cls):
        use = f"call {_instead(cls)[key]}"
    elif items := _items(cls):
        use = f"use {items}"
    else:
        use = f"it has {', '.join(sorted(known))}"
    return f"{cls.__name__} takes no index, found [{shorten(key)}]: {use}"


def _no_length(cls: type[NoSequence]) -> str:
    """The message of `len` on a class that has no length."""
    items = _items(cls)
    return f"{cls.__name__} has no length: " + (f"use len({items})" if items else f"it is one {_word(cls)}")


def _items(cls: type[NoSequence]) -> str:
    """The sequence or the table of a class's entries, "" for none."""
    name = cls._ITEMS or ("table()" if hasattr(cls, "table") else "")
    return name and f"{_word(cls)}.{name}"


def _attributes(cls: type) -> set[str]:
    """The public attributes and methods of a class, without those of pydantic and of tuples."""
    pydantic = [base for base in cls.__mro__ if base.__module__.partition(".")[0] == "pydantic"]
    inherited = {one for base in (tuple, *pydantic) for one in dir(base)}
    fields = {one for base in cls.__mro__ for one in vars(base).get("__annotations__", {})}
    return {one for one in {*dir(cls), *fields} - inherited if one[0] != "_" and not one.isupper()}


def _instead(cls: type) -> Mapping[str, str]:
    """Attribute that a class has not → what to call."""
    found: Mapping[str, str] = getattr(cls, "_INSTEAD", OF_A_RESULT)
    return {name: call.format(it=_word(cls)) for name, call in found.items()}


def _word(cls: type) -> str:
    """What a variable of a class is called in messages: `NetworkCounts` is "counts"."""
    return re.findall(r"[A-Z][a-z]+", cls.__name__)[-1].lower()


def module_attribute(module: str, names: Iterable[str], instead: Mapping[str, str]) -> Callable[[str], Any]:
    """A package's `__getattr__`: an unknown name raises an AttributeError with what to call.

    Args:
        module: the package's name.
        names: its public names.
        instead: name → what to call instead of it.
    """
    known = tuple(names)

    def __getattr__(name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        raise AttributeError(f"{module} has no {name!r}: {_advice(name, known, instead)}")

    return __getattr__


def _advice(name: str, known: Iterable[str], instead: Mapping[str, str]) -> str:
    """What to use instead of a name: a call, the name of the same, a similar one, or all of them."""
    names = sorted(known)
    if name in instead:
        return f"call {instead[name]}"
    use = similar(name, names)
    return f"use {use}" if use else f"it has {', '.join(names)}"


def similar(word: str, names: Iterable[str]) -> str | None:
    """The one of some names that a word means: what other tools call it, or nearly its spelling; None for none.

    >>> similar("kernel_size", ["channels", "kernel"]), similar("chanels", ["channels", "kernel"]), similar("x", ["y"])
    ('kernel', 'channels', None)
    """
    known = list(names)
    same = [name for name in known if word.lower() in (*ARGUMENTS.get(name, ()), *ATTRIBUTES.get(name, ()))]
    return next(iter(same or get_close_matches(word, known, 1, 0.75)), None)


def as_path(value: object, what: str, call: str) -> Path:
    """A path argument. Raises TypeError for anything else, with the call that was meant.

    Args:
        value: a str or a path.
        what: of which file, for the message.
        call: how the function is called.

    >>> as_path(3, "a safetensors file", "archs.load_weights(network, path)")
    Traceback (most recent call last):
    TypeError: found 3; allowed: the path of a safetensors file: archs.load_weights(network, path)
    """
    if isinstance(value, (str, os.PathLike)):
        return Path(value)
    raise TypeError(f"found {shorten(value)}; allowed: the path of {what}: {call}")


def as_destination(value: object, what: str, suffix: str, call: str) -> Path:
    """The path of a file to write, before the work for it.

    Raises ArchError where its folder is not there, and for another suffix: readers go by it.

    >>> as_destination("none/net.onnx", "an ONNX file", ".onnx", "archs.to_onnx(network, path)")
    Traceback (most recent call last):
    archs.errors.ArchError: none/net.onnx: there is no folder 'none'; make it first
    """
    path = as_path(value, what, call)
    if path.suffix.lower() != suffix:
        raise ArchError(f"{path}: found suffix {path.suffix!r}; {call} writes {what}; allowed: {suffix}")
    if not path.parent.is_dir():
        raise ArchError(f"{path}: there is no folder {str(path.parent)!r}; make it first")
    if path.is_dir():
        raise ArchError(f"{path} is a folder; allowed: the path of {what}")
    return path
