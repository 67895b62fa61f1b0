"""Output under encodings without our signs; links of the file system."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from support.onnx_files import exported

import archs
from explorer.cli.main import main


@pytest.mark.parametrize("encoding", ["ascii", pytest.param("cp1252", marks=pytest.mark.slow)])
def test_output_under_an_encoding_without_our_signs(encoding):
    """`×` ended in a UnicodeEncodeError with its traceback."""
    result = subprocess.run(
        [sys.executable, "-m", "explorer", "predict", "mobilenet_v1"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    assert b"Traceback" not in result.stderr
    assert "mobilenet_v1" in result.stdout.decode(encoding)


def test_a_link_to_a_file_is_followed_on_the_command_line(tmp_path, capsys):
    """Model caches are folders of links; the file's own tensors in other files are still read from plain files only."""
    (tmp_path / "blob").write_bytes(exported(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3)), (3, 8, 8)))
    link = tmp_path / "model.onnx"
    link.symlink_to(tmp_path / "blob")
    assert archs.from_onnx(link).nodes
    assert main(["count", str(link)]) == 0
    assert "peak_activation" in capsys.readouterr().out
