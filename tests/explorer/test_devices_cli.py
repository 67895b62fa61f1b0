"""`devices`, `devices kit` and `fit-device`."""

import csv
import json
import subprocess
import sys

import pytest

from explorer.cli.main import main
from explorer.devices import kit

FIELDS = "name device runtime precision threads networks leave_one_out_pct leave_family_out_pct coverage_pct source"


def test_devices_json_has_the_fields_of_every_device(capsys):
    assert main(["devices", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["devices"]
    assert {row["group"] for row in found} == {"papers", "timm", "ncnn"}
    assert all(set(FIELDS.split()) <= set(row) for row in found)


def test_fit_device_writes_a_profile_that_predict_takes(tmp_path, capsys):
    timings, output = tmp_path / "timings.csv", tmp_path / "pi.json"
    rows = [("mobilenet_v1", 113), ("mobilenet_v2", 75), ("shufflenet_v2", 40), ("mobilenet_v3_small", 16)]
    timings.write_text("network,latency_ms\n" + "".join(f"{name},{ms}\n" for name, ms in rows))
    assert main(["fit-device", str(timings), "--name", "Pi 5", "--output", str(output), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["device"]["networks"] == 4
    assert main(["predict", "mobilenet_v2", "--profile", str(output)]) == 0
    assert "Pi 5" in capsys.readouterr().out


def test_fit_device_refuses_a_bad_list_without_a_profile(tmp_path, capsys):
    timings, output = tmp_path / "timings.csv", tmp_path / "pi.json"
    timings.write_text("network,latency_ms\nmobilenet_v1,-1\n")
    assert main(["fit-device", str(timings), "--name", "Pi 5", "--output", str(output)]) == 2
    assert "row 2, column latency_ms" in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.slow
@pytest.mark.parametrize(("file_format", "suffix"), kit.SUFFIXES.items())
def test_a_kit_times_itself_and_its_list_is_read(tmp_path, file_format, suffix):
    folder = tmp_path / "kit"
    assert main(["devices", "kit", "--networks", "3", "--format", file_format, "--output", str(folder)]) == 0
    files = sorted(path.name for path in folder.glob(f"[0-9]*{suffix}"))
    assert len(files) == 3
    assert all(name in (folder / "README.md").read_text(encoding="utf-8") for name in files)
    subprocess.run([sys.executable, str(folder / "bench.py"), "--seconds", "0.1"], check=True, capture_output=True)
    with (folder / "timings.csv").open(newline="") as file:
        assert all(float(row["latency_ms"]) > 0 for row in csv.DictReader(file))
    assert (
        main(["fit-device", str(folder / "timings.csv"), "--name", "here", "--output", str(tmp_path / "h.json")]) == 0
    )


def test_kit_refuses_a_full_folder_and_a_count_out_of_range(tmp_path, capsys):
    (tmp_path / "x").write_text("")
    assert main(["devices", "kit", "--output", str(tmp_path)]) == 2
    assert main(["devices", "kit", "--networks", "500", "--output", str(tmp_path / "new")]) == 2
    assert "allowed: 3 to" in capsys.readouterr().err


def test_kit_texts_list_the_networks_in_their_order():
    texts = kit.texts(5)
    assert texts["timings.csv"].count("\n") == 6
    assert "01_" in texts["README.md"]
    assert "{{" not in texts["README.md"]
