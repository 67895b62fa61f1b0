"""Whether bytes can be an ONNX model at all, found out by walking over them: nothing is allocated, nothing believed.

protobuf makes an object of some hundred bytes out of two bytes that say "an empty node", and eight bytes out of one
that says "0" in a list of numbers: a small file can ask for a lot of memory. So the fields are counted first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archs.caching import cached
from archs.errors import ArchError

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

MAX_FIELDS = 500_000
"""A network of 20,000 operators has some 400,000."""
MAX_DEPTH = 16
"""A model is 6 deep: model, graph, node, attribute, tensor, its external data; a graph within an attribute adds 3."""
MAX_NUMBERS = 64 * 2**20
"""Bytes of lists of varints, which take eight times as much when read. Weights are no varints."""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
Fields = dict[int, tuple[str, "Descriptor | None", bool, bool]]


@cached(64, "the fields of a message type, read for each message of a file")
def _fields(descriptor: Any) -> Fields:
    """Number → name, the message that it is (if it is one), whether it is a list of varints, and whether a text."""
    from google.protobuf.descriptor import FieldDescriptor as F

    varints = (F.TYPE_INT32, F.TYPE_INT64, F.TYPE_UINT32, F.TYPE_UINT64, F.TYPE_ENUM, F.TYPE_BOOL)
    return {f.number: (f.name, f.message_type, f.type in varints, f.type == F.TYPE_STRING) for f in descriptor.fields}


def check(data: bytes, descriptor: Any) -> None:
    """Raises ArchError where `data` is no message of that kind, or one that takes far more memory than its bytes."""
    end = len(data)
    stack: list[tuple[int, Fields]] = [(end, _fields(descriptor))]
    names = [descriptor.name]
    count = numbers = position = 0
    while stack:
        limit, fields = stack[-1]
        if position == limit:
            stack.pop()
            names.pop()
            continue
        count += 1
        if count > MAX_FIELDS:
            raise ArchError(f"the file has over {MAX_FIELDS:,} fields; allowed: up to {MAX_FIELDS:,}")
        tag, position = _varint(data, position, limit, names)
        number, wire = tag >> 3, tag & 7
        name, message, varints, text = fields.get(number, ("", None, False, False))
        if wire == BYTES:
            length, position = _varint(data, position, limit, names)
            if length > limit - position:
                raise ArchError(
                    f"not an ONNX file, or a cut one: {'.'.join([*names, name or f'field {number}'])} is said to have "
                    f"{length:,} bytes at byte {position:,}; there are {limit - position:,}"
                )
            if message is not None:
                if len(stack) == MAX_DEPTH:
                    raise ArchError(f"the file nests over {MAX_DEPTH} deep at byte {position:,}; allowed: {MAX_DEPTH}")
                stack.append((position + length, _fields(message)))
                names.append(name)
                continue
            numbers += length if varints else 0
            if numbers > MAX_NUMBERS:
                raise ArchError(f"the file has over {MAX_NUMBERS:,} bytes of lists of whole numbers")
            if text and not _is_text(data[position : position + length]):
                raise ArchError(f"not an ONNX file: {'.'.join([*names, name])} at byte {position:,} is no text")
            position += length
        elif wire == VARINT:
            _, position = _varint(data, position, limit, names)
        elif wire in (FIXED32, FIXED64):
            position += 4 if wire == FIXED32 else 8
            if position > limit:
                raise ArchError(f"not an ONNX file, or a cut one: a number ends behind byte {limit:,}")
        else:
            raise ArchError(
                f"not an ONNX file: byte {position - 1:,} starts a field of kind {wire}; allowed: 0, 1, 2, 5"
            )


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _varint(data: bytes, position: int, limit: int, names: list[str]) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    value = shift = 0
    while position < limit and shift < 70:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    what = "ends within a number" if position >= limit else "has a number of more than ten bytes"
    raise ArchError(f"not an ONNX file, or a cut one: {'.'.join(names)} {what} at byte {position:,}")
