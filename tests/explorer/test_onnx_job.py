"""The ONNX file as the page gets it: from a process of its own, that can be stopped, with its problems in words."""

import onnx
import pytest

import archs
from archs.interop.onnx.exporter import to_onnx
from costmodel import CostError
from explorer.jobs.onnx_export import OnnxJob

SPEC = archs.spec("mobilenet_v2", width=0.35, resolution=32)


@pytest.mark.slow
def test_the_file_is_what_is_made_in_this_process():
    job = OnnxJob(spec=SPEC, folded=True)
    job.begin()
    assert job.running
    assert "exporter" in job.status
    job.wait()
    assert not job.problem
    assert job.file == to_onnx(archs.fold_batchnorm(archs.build(SPEC)))
    assert onnx.load_from_string(job.file).graph.output[0].type.tensor_type.shape.dim[1].dim_value == 1000


def test_a_stop_leaves_no_file():
    job = OnnxJob(spec=SPEC)
    job.begin()
    job.stop()
    job.wait()
    assert job.file is None
    assert job.problem == "no ONNX file: stopped"


@pytest.mark.slow
def test_a_network_that_no_file_holds_is_said_in_words():
    rows = archs.spec("mobilenet_v1").rows
    wide = rows[-1].model_copy(update={"channels": 16384})
    job = OnnxJob(spec=archs.spec("mobilenet_v1").edit(rows=(*rows[:-1], wide, wide, wide)))
    with pytest.raises(CostError, match="the file would have 2,228 MB; allowed: 256 MB"):
        job.begin()
    assert not job.running
    with pytest.raises(archs.ArchError, match=r"allowed in an ONNX file"):
        to_onnx(archs.build(job.spec))
