"""An ONNX file → a checked model: bounded in memory, believed in nothing, and nothing in it executed.

A file is read whole or refused by its size. Weights that it keeps in other files are read only from plain files beside
it, and only as many bytes as their sizes say; without a path (an upload) they are known by their sizes alone.
"""

from __future__ import annotations

import os
import stat
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from archs.errors import ArchError, shorten
from archs.interop.onnx.wire import check

if TYPE_CHECKING:
    from torch import Tensor

MAX_FILE = 2**30
MAX_WEIGHTS = 2 * 2**30
"""Bytes in files beside it."""
MAX_RANK = 16
SIGNATURES = {b"PK\x03\x04": "a zip archive", b"\x1f\x8b": "a gzip archive", b"\x80\x02": "a pickle"}


def read(source: str | Path | bytes) -> tuple[Any, Path | None]:
    """The model in a file or in bytes, and the folder of its other files. Raises ArchError for what is none."""
    import onnx
    from google.protobuf.message import DecodeError

    folder = None
    if isinstance(source, bytes):
        data = source
        if len(data) > MAX_FILE:
            raise ArchError(f"the file has {len(data):,} bytes; allowed: up to {MAX_FILE:,}")
    else:
        folder = Path(source).parent
        with _plain(Path(source), follow=True) as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_FILE:
                raise ArchError(f"{shorten(Path(source).name)} has {size:,} bytes; allowed: up to {MAX_FILE:,}")
            data = file.read(size)
    for signature, kind in SIGNATURES.items():
        if data.startswith(signature):
            raise ArchError(f"the file is {kind}; allowed: an ONNX model as it is, unpacked")
    check(data, onnx.ModelProto.DESCRIPTOR)
    try:
        model = onnx.ModelProto.FromString(data)
    except (DecodeError, ValueError, RuntimeError) as error:
        raise ArchError(f"not an ONNX file: {shorten(str(error), 120)}") from None
    if not model.HasField("graph") or not model.graph.node:
        raise ArchError("not an ONNX file: no graph with operators in it")
    if not any(opset.domain in ("", "ai.onnx") for opset in model.opset_import):
        raise ArchError("the file names no version of the ONNX operators (opset_import); allowed: one")
    return model, folder


def _plain(path: Path, follow: bool = False) -> BinaryIO:
    """A plain file, opened without waiting for a pipe. `follow` a link at its end: of the user's own path only.

    Model caches are made of links; a file that a model names could be anything on this machine.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | (0 if follow else getattr(os, "O_NOFOLLOW", 0))
    try:
        handle = os.open(path, flags)
    except (OSError, ValueError) as error:
        raise ArchError(
            f"{shorten(path.name)} cannot be read: {getattr(error, 'strerror', None) or 'no such name'}"
        ) from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ArchError(f"{shorten(path.name)} is no plain file; allowed: an ONNX file")
    return os.fdopen(handle, "rb")


def tensors(protos: Any, folder: Path | None) -> dict[str, Tensor]:
    """Name → tensor. Raises ArchError for one whose data are not what its sizes say."""
    found: dict[str, Tensor] = {}
    outside = 0
    for proto in protos:
        if not proto.name or proto.name in found:
            raise ArchError(f"the tensor name {shorten(proto.name)} is taken; allowed: one tensor per name")
        found[proto.name] = tensor(proto, folder)
        if proto.data_location == proto.EXTERNAL:
            outside += found[proto.name].numel() * found[proto.name].element_size()
            if outside > MAX_WEIGHTS:
                raise ArchError(f"over {MAX_WEIGHTS:,} bytes of weights outside the file; allowed: {MAX_WEIGHTS:,}")
    return found


def tensor(proto: Any, folder: Path | None = None) -> Tensor:
    """A TensorProto as a tensor: on the meta device where its data are in a file that is not at hand."""
    import torch

    name, sizes = shorten(proto.name), tuple(proto.dims)
    kinds = _kinds()
    if proto.data_type not in kinds:
        raise ArchError(f"tensor {name} has elements of kind {proto.data_type}; allowed: {', '.join(map(str, kinds))}")
    dtype, field, each = kinds[proto.data_type]
    elements = prod(sizes)
    if len(sizes) > MAX_RANK or any(side < 0 for side in sizes) or elements >= 2**40:
        raise ArchError(f"tensor {name} is {shorten(sizes)}; allowed: up to {MAX_RANK} sides of at least 0")
    width = torch.empty((), dtype=dtype).element_size()
    if proto.data_location == proto.EXTERNAL:
        data = _outside(proto, folder, elements * width, name)
        if data is None:
            return torch.empty(sizes, dtype=dtype, device="meta")
    elif proto.HasField("raw_data"):
        data = proto.raw_data
        if len(data) != elements * width:
            raise ArchError(f"tensor {name} has {len(data):,} bytes; its sizes {_by(sizes)} need {elements * width:,}")
    else:
        values = getattr(proto, field)
        if len(values) != elements:
            raise ArchError(f"tensor {name} has {len(values):,} elements; its sizes {_by(sizes)} need {elements:,}")
        if each is not None:  # bit patterns in a list of whole numbers
            return torch.tensor(list(values), dtype=torch.int32).to(each).view(dtype).reshape(sizes)
        return torch.tensor(list(values), dtype=dtype).reshape(sizes)
    if not elements:
        return torch.empty(sizes, dtype=dtype)
    return torch.frombuffer(bytearray(data), dtype=dtype).reshape(sizes)


def _by(sizes: tuple[int, ...]) -> str:
    return "×".join(map(str, sizes)) or "(one number)"


def _kinds() -> dict[int, tuple[Any, str, Any]]:
    """ONNX's number → torch's dtype, the field of numbers that has it, and the whole number of its bit pattern."""
    import torch
    from onnx import TensorProto as T

    return {
        T.FLOAT: (torch.float32, "float_data", None),
        T.DOUBLE: (torch.float64, "double_data", None),
        T.FLOAT16: (torch.float16, "int32_data", torch.int16),
        T.BFLOAT16: (torch.bfloat16, "int32_data", torch.int16),
        T.INT64: (torch.int64, "int64_data", None),
        T.INT32: (torch.int32, "int32_data", None),
        T.INT16: (torch.int16, "int32_data", None),
        T.INT8: (torch.int8, "int32_data", None),
        T.UINT8: (torch.uint8, "int32_data", None),
        T.BOOL: (torch.bool, "int32_data", None),
    }


def _outside(proto: Any, folder: Path | None, needed: int, name: str) -> bytes | None:
    entries = {entry.key: entry.value for entry in proto.external_data}
    place = entries.get("location", "")
    if not place or place != os.path.basename(place) or place in (".", "..") or "\\" in place or "\0" in place:
        raise ArchError(
            f"tensor {name} is said to be in {shorten(place)}; allowed: the name of a file in the model's own folder"
        )
    if folder is None:
        return None
    try:
        offset, length = int(entries.get("offset") or 0), int(entries.get("length") or needed)
    except ValueError:
        raise ArchError(f"tensor {name} has {shorten(entries)}; allowed: whole numbers") from None
    if length != needed or offset < 0:
        raise ArchError(f"tensor {name} has {length:,} bytes from {offset:,} in {place}; its sizes need {needed:,}")
    if needed > MAX_WEIGHTS:
        raise ArchError(f"tensor {name} needs {needed:,} bytes; allowed: up to {MAX_WEIGHTS:,}")
    with _plain(folder / place) as file:
        if offset + length > (size := os.fstat(file.fileno()).st_size):
            raise ArchError(f"tensor {name} ends at byte {offset + length:,} of {place}, which has {size:,}")
        file.seek(offset)
        return file.read(length)
