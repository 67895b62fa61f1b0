"""Bad usage and bad input on the command line: one line, exit status 2, an error document with `--json`."""

import json

import pytest

from explorer.cli.command import Commands, Parser
from explorer.cli.main import GROUPS, main, parser


@pytest.mark.parametrize("name", ["net.tflite", "net.pt", "net", "net.onnx.txt2"])
def test_an_unknown_suffix_is_refused_and_nothing_is_written(capsys, tmp_path, name):
    path = tmp_path / name
    assert main(["export", "mobilenet_v2", "--output", str(path)]) == 2
    captured = capsys.readouterr()
    assert "allowed: .py (pytorch), .onnx (onnx), .json (spec), .txt (text)" in captured.err
    assert not path.exists()


def test_a_format_that_the_suffix_contradicts_is_refused(capsys, tmp_path):
    path = tmp_path / "net.py"
    assert main(["export", "mobilenet_v2", "--format", "onnx", "--output", str(path)]) == 2
    assert "the suffix is of pytorch, --format is onnx" in capsys.readouterr().err
    assert not path.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nocommand"], "invalid choice: 'nocommand'"),
        (["count"], "count: the following arguments are required: network"),
        (["count", "mobilenet_v2", "--width", "wide"], "count: argument --width: invalid float value: 'wide'"),
        (["calibrate", "--folded", "--output", "x.json"], "instead of --folded use --fold; see"),
        (["predict", "mobilenet_v2", "--device", "cpu"], "--device cpu; instead of --device use --profile; see"),
        (["count", "mobilenet_v2", "-x", "3"], "unrecognized arguments: -x 3; see"),
    ],
)
def test_bad_usage_is_one_line(capsys, arguments, message):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert "--help" in captured.err
    assert not captured.out


@pytest.mark.parametrize("arguments", [["count", "nonet"], ["count", "mobilenet_v2", "--by", "row"]])
def test_bad_input_with_json_is_an_error_document(capsys, arguments):
    assert main([*arguments, "--json"]) == 2
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert found["schema"] == "explorer.error/1"
    assert found["command"] == "count"
    assert len(found["problems"]) == 1
    assert captured.err.count("\n") == 1


def test_a_command_is_registered_once():
    commands = Commands(Parser())
    commands.add("one", lambda options: None, "a command")
    with pytest.raises(ValueError, match="'one' is registered twice"):
        commands.add("one", lambda options: None, "a command")


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_completion_script_has_the_commands_of_the_installed_script(capsys, monkeypatch, shell):
    monkeypatch.setattr("sys.argv", ["cnn-cost", "--print-completion", shell])
    with pytest.raises(SystemExit) as ended:
        main(["--print-completion", shell])
    assert ended.value.code in (0, None)
    script = capsys.readouterr().out
    assert "cnn-cost" in script
    assert all(
        word in script for word in ("reconcile", "fit-device", "--last-stage", "adapt", "--target-ms", "--runtime")
    )
    assert [name for name in parser()[1].names if name not in script] == []


def test_a_command_loads_its_own_module_alone():
    assert parser()[1].names == tuple(name for names in GROUPS.values() for name in names)
    for names in GROUPS.values():
        assert [parser(name)[1].names for name in names] == [names] * len(names)
