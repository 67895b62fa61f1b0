"""ONNX files that lie, that are none, or that ask for too much: a clear error, bounded memory, nothing executed."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto
from support.onnx_files import model, node

import archs
from archs.interop.onnx import files as onnx_file
from archs.interop.onnx import wire as onnx_wire

ROOT = Path(__file__).resolve().parents[2]
RELU = model([node("Relu", "x")])


def conv(**changes):
    """A convolution of 4 channels whose weight's proto has other fields."""
    made = model([node("Conv", "x", "w")], constants={"w": torch.zeros(4, 4, 1, 1)})
    weight = made.graph.initializer[0]
    for name, value in changes.items():
        if name == "dims":
            del weight.dims[:]
            weight.dims.extend(value)
        else:
            setattr(weight, name, value)
    return made


def outside(location, **entries):
    made = conv(data_location=TensorProto.EXTERNAL)
    weight = made.graph.initializer[0]
    weight.ClearField("raw_data")
    for key, value in {"location": location, **entries}.items():
        entry = weight.external_data.add()
        entry.key, entry.value = key, str(value)
    return made


def varint(number):
    found = b""
    while number > 0x7F:
        found, number = found + bytes([number & 0x7F | 0x80]), number >> 7
    return found + bytes([number])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def nested(depth):
    """A graph within an attribute of a node of a graph, and so on."""
    graph = b""
    for _ in range(depth):
        graph = field(1, field(5, field(6, graph)))  # GraphProto.node, NodeProto.attribute, AttributeProto.g
    return field(7, graph)


def zipped(data):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.onnx", data)
    return file.getvalue()


HOSTILE = {
    "a zip bomb": (lambda: zipped(b"\0" * 10**7), "is a zip archive; allowed: an ONNX model as it is"),
    "a gzip bomb": (lambda: gzip.compress(b"\0" * 10**7), "is a gzip archive"),
    "a pickle": (lambda: b"\x80\x02}q\x00.", "is a pickle"),
    "nothing": (lambda: b"", "no graph with operators"),
    "text": (lambda: b"import os; os.system('true')", "not an ONNX file"),
    "zeros": (lambda: bytes(100), "not an ONNX file|no graph"),
    "a length beyond the end": (lambda: varint(7 << 3 | 2) + varint(2**62) + b"x", "said to have 4,611,686,018,427,387,904 bytes .* there are 1"),
    "an endless number": (lambda: b"\xff" * 40, "a number of more than ten bytes"),
    "nested graphs": (lambda: nested(40), "nests over 16 deep"),
    "a million empty nodes": (lambda: field(7, b"\x0a\x00" * 10**6), "over 500,000 fields"),
    "a long list of small numbers": (
        lambda: field(7, field(5, field(1, bytes(70 * 2**20)))), "bytes of lists of whole numbers"
    ),
    "sizes without data": (lambda: conv(dims=[10**9, 10**3, 1, 1]).SerializeToString(), "sizes 1000000000×1000×1×1 need 4,000,000,000,000|allowed: up to 16 sides"),
    "sizes beyond all": (lambda: conv(dims=[10**9] * 4).SerializeToString(), "allowed: up to 16 sides"),
    "more data than sizes": (lambda: conv(dims=[4, 4]).SerializeToString().replace(b"w", b"w"), "'Conv'|rank"),
    "short data": (lambda: conv(raw_data=b"\0" * 63).SerializeToString(), "has 63 bytes; its sizes 4×4×1×1 need 64"),
    "negative sizes": (lambda: conv(dims=[-4, -4, 1, 1]).SerializeToString(), "sides of at least 0"),
    "many sides": (lambda: conv(dims=[1] * 10**4).SerializeToString(), "allowed: up to 16 sides"),
    "an unknown kind": (lambda: conv(data_type=99).SerializeToString(), "elements of kind 99"),
    "strings": (lambda: conv(data_type=TensorProto.STRING).SerializeToString(), "elements of kind 8"),
    "the folder above": (lambda: outside("../../etc/passwd").SerializeToString(), r"said to be in '../../etc/passwd'; allowed: the name of a file in the model's own folder"),
    "a device": (lambda: outside("/dev/zero").SerializeToString(), "said to be in '/dev/zero'"),
    "filled with ones": (
        lambda: model(
            [node("ConstantOfShape", "s", outputs=["c"]), node("Add", "x", "c")], constants={"s": torch.tensor([10**5, 10**5])}
        ).SerializeToString(),
        "computes with constants",
    ),
    "stretched": (
        lambda: model([node("Expand", "x", "s")], constants={"s": torch.tensor([1, 10**9, 10**9, 10**9])}).SerializeToString(), "."
    ),
    "a constant stretched over and over": (
        lambda: model(
            [node("Expand", "w", "s", outputs=["a"]), node("Add", "a", "a", outputs=["b"]), node("Mul", "x", "b")],
            constants={"w": torch.ones(1), "s": torch.tensor([2**15, 2**15])},
        ).SerializeToString(),
        "computes over 67,108,864 numbers",
    ),
    "a giant convolution": (
        lambda: model([node("Conv", "x", "w", pads=[10**9] * 4)], constants={"w": torch.zeros(4, 4, 1, 1)}).SerializeToString(), "."
    ),
    "nodes without end": (lambda: model([node("Relu", "x", outputs=[f"y{i}"]) for i in range(20_001)]).SerializeToString(), "20,001 operators; allowed: up to 20,000"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_a_clear_error(name):
    make, message = HOSTILE[name]
    with pytest.raises(archs.ArchError, match=message) as error:
        archs.from_onnx(make())
    assert len(str(error.value).splitlines()) == 1
    assert len(str(error.value)) < 400


def test_cut_at_every_byte():
    whole = conv(name="w").SerializeToString()
    assert archs.from_onnx(whole).nodes
    for end in range(len(whole)):
        try:
            graph = archs.from_onnx(whole[:end])
        except archs.ArchError:
            continue
        assert len(graph.nodes) == 1, "only what stands behind the graph may be missing"
        assert end > whole.index(b"Conv")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_changed_bytes(data):
    """Any bytes at any place: a graph or an ArchError."""
    whole = bytearray(conv().SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(archs.ArchError):
        archs.from_onnx(bytes(whole))


@given(st.binary(max_size=300))
def test_any_bytes(data):
    with pytest.raises(archs.ArchError):
        archs.from_onnx(data)


def test_the_walk_agrees_with_protobuf():
    onnx_wire.check(RELU.SerializeToString(), onnx.ModelProto.DESCRIPTOR)
    with pytest.raises(archs.ArchError, match=r"ModelProto.graph.node is said to have 100 bytes .* there are 0"):
        onnx_wire.check(field(7, b"\x0a\x64"), onnx.ModelProto.DESCRIPTOR)


# Files


def save(path, made):
    path.write_bytes(made.SerializeToString())
    return path


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.truncate(2 * 2**30)  # sparse
    with pytest.raises(archs.ArchError, match="'large.onnx' has 2,147,483,648 bytes; allowed: up to 1,073,741,824"):
        archs.from_onnx(path)


def test_what_is_no_plain_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.onnx")
    for path in (tmp_path, tmp_path / "pipe.onnx", Path("/dev/zero")):
        with pytest.raises(archs.ArchError, match="is no plain file|cannot be read"):
            archs.from_onnx(path)
    with pytest.raises(archs.ArchError, match="'none.onnx' cannot be read: No such file"):
        archs.from_onnx(tmp_path / "none.onnx")
    with pytest.raises(archs.ArchError, match="cannot be read"):
        archs.from_onnx("a\0b")


def test_weights_beside_the_file(tmp_path):
    weight = torch.arange(16.0).reshape(4, 4, 1, 1)
    (tmp_path / "w.bin").write_bytes(bytes(8) + weight.numpy().tobytes())
    graph = archs.from_onnx(save(tmp_path / "net.onnx", outside("w.bin", offset=8, length=64)))
    x = torch.rand(1, 4, 8, 8)
    assert torch.allclose(archs.to_module(graph)(x), torch.nn.functional.conv2d(x, weight))


def test_weights_that_are_not_at_hand_are_counted():
    graph = archs.from_onnx(outside("w.bin").SerializeToString())
    assert graph.nodes[0].op.params(graph.input) == 16
    with pytest.raises(archs.ArchError, match="has no weights beside it"):
        archs.save_weights(graph, "never.safetensors")


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"offset": 8}, r"ends at byte 72 of w.bin, which has 64"),
        ({"length": 32}, r"has 32 bytes from 0 in w.bin; its sizes need 64"),
        ({"length": 10**12}, r"has 1,000,000,000,000 bytes"),
        ({"offset": -8}, r"from -8"),
        ({"offset": "x"}, r"allowed: whole numbers"),
    ],
)
def test_weights_beside_the_file_that_do_not_fit(tmp_path, entries, message):
    (tmp_path / "w.bin").write_bytes(bytes(64))
    with pytest.raises(archs.ArchError, match=message):
        archs.from_onnx(save(tmp_path / "net.onnx", outside("w.bin", **entries)))


def test_a_link_beside_the_file_is_not_followed(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(64))
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "w.bin").symlink_to(secret)
    with pytest.raises(archs.ArchError, match="'w.bin' cannot be read"):
        archs.from_onnx(save(tmp_path / "own" / "net.onnx", outside("w.bin")))
    (tmp_path / "own" / "dev").symlink_to("/dev/zero")
    with pytest.raises(archs.ArchError, match="'dev' cannot be read"):
        archs.from_onnx(save(tmp_path / "own" / "net.onnx", outside("dev")))


def test_the_sizes_of_files_beside_it_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_file, "MAX_WEIGHTS", 63)
    (tmp_path / "w.bin").write_bytes(bytes(64))
    with pytest.raises(archs.ArchError, match="needs 64 bytes; allowed: up to 63"):
        archs.from_onnx(save(tmp_path / "net.onnx", outside("w.bin")))


LIMITED = """
import resource, sys, time
import torch, onnx, archs, archs.interop.onnx.importer, archs.interop.onnx.tracing
from torch._subclasses import FakeTensorMode
with FakeTensorMode():
    torch.nn.functional.relu(torch.empty(2))
archs.from_onnx(open(sys.argv[1], "rb").read())  # what is imported late is imported now
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[2:]:
    start = time.process_time()
    try:
        archs.from_onnx(path)
    except archs.ArchError as error:
        print("refused", str(error)[:80])
    else:
        print("accepted")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(path, grown // 1024, time.process_time() - start, file=sys.stderr)
    assert grown < 600 * 1024, (path, grown)
"""


@pytest.mark.slow
def test_memory_is_bounded(tmp_path):
    """All of them in one process that may not grow by more than the largest file takes a few times over."""
    good = save(tmp_path / "good.onnx", RELU)
    paths = []
    for number, (make, _) in enumerate(HOSTILE.values()):
        paths.append(tmp_path / f"{number}.onnx")
        paths[-1].write_bytes(make())
    with (tmp_path / "sparse.onnx").open("wb") as file:
        file.truncate(2 * 2**30)
    command = [sys.executable, "-c", LIMITED, str(good), *map(str, paths), str(tmp_path / "sparse.onnx")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("refused") == len(paths) + 1, done.stdout
