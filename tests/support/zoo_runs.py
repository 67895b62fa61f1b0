"""Imports of torchvision's and timm's networks, one child process each, and the table of what became of them.

Networks have random weights, on the smallest of a few images that they run on. A result is a line of JSON; a file of
them is extended, never recomputed. Start at `run_all`; `python tests/bench_import.py --zoo FOLDER` calls it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).with_name("zoo_results.jsonl")
SIZES = (64, 96, 128, 160, 192, 224)
MAX_BYTES = 8 << 30
MAX_CPU_S = 150
SIZE_WORDS = [
    "pico",
    "nano",
    "atto",
    "femto",
    "xxsmall",
    "xxs",
    "xtiny",
    "xs",
    "xt",
    "tiny",
    "t",
    "small",
    "s",
    "mini",
    "base",
    "medium",
    "m",
    "b",
    "large",
    "l",
    "huge",
    "h",
]
PURE = re.compile(
    r"vision_transformer(_relpos|_sam)?|beit|cait|convit|crossvit|deit|deepseek_vit|eva|gemma4_vit|mlp_mixer|naflexvit|"
    r"qwen3_vit|tnt|hiera|hieradet_sam2"
)
"""timm's modules of networks that are no convolutional ones."""
HYBRID = re.compile(
    r"byoanet|metaformer|coat|maxxvit|cpubone|csatv2|davit|edgenext|efficientformer(_v2)?|efficientvim|"
    r"efficientvit_(mit|msra)|fastvit|gcvit|iformer|levit|lowformer|mobilenetv5|mobilevit|mvitv2|nest|nextvit|pit|"
    r"pvt_v2|sequencer|shvit|swiftformer|swin_transformer(_v2|_v2_cr)?|tiny_vit|twins|visformer|"
    r"vision_transformer_hybrid|vitamin|volo|xcit|maxvit|swin"
)
"""Modules of networks with attention between convolutions."""


LARGE = re.compile(
    r"(?:^|_)(?:x*large|xx?l|huge|giant|gigantic|base|[blhg])(?=_|$)|_b[4-8]|101|152|200|269|[3-9]\d\d|1\d{3}"
)
"""Names of networks that take minutes: they come last."""


def load(folder: str) -> tuple[Any, Any]:
    """Torchvision and timm out of a folder. Beside a torch without compiled operators their schemas are declared."""
    import torch

    sys.path.append(folder)
    declared = torch.library.Library("torchvision", "DEF")
    while True:
        try:
            import torchvision

            break
        except RuntimeError as problem:
            missing = re.search(r"torchvision::(\w+) does not exist", str(problem))
            if not missing:
                raise
            declared.define(f"{missing.group(1)}(Tensor a) -> Tensor")
            for name in [name for name in sys.modules if name.startswith("torchvision")]:
                del sys.modules[name]
        except ModuleNotFoundError:
            raise SystemExit(
                f"{folder} holds no torchvision; allowed: a folder filled by `pip install --no-deps --target FOLDER "
                "torchvision timm huggingface_hub safetensors pyyaml`, with a torchvision of this torch"
            ) from None
    try:
        import timm
    except ModuleNotFoundError as error:
        raise SystemExit(f"timm cannot be imported from {folder}: {error}; install it there too") from None
    torchvision._declared = declared  # kept alive
    return torchvision, timm


def names(torchvision: Any, timm: Any) -> list[tuple[str, str, str]]:
    """(library, name, module) of all CNNs and hybrids: the smallest of each family, then others, large ones last."""
    from timm.models._registry import _model_entrypoints

    found = []
    for name in timm.list_models():
        module = _model_entrypoints[name].__module__.rpartition(".")[2]
        if not PURE.fullmatch(module):
            found.append(("timm", name, module))
    for name in torchvision.models.list_models():
        builder = torchvision.models.get_model_builder(name)
        *_, kind, module = builder.__module__.split(".")
        video = kind in ("video", "optical_flow", "quantization") or name.startswith("vit_") or "rcnn" in name
        if not video and kind != "detection":
            found.append(("torchvision", name, module))
    found.sort(key=lambda row: (row[0], row[2], _family(row[1]), _rank(row[1])))
    seen: dict[tuple[str, ...], int] = {}
    order = []
    for row in found:
        place = 0
        for level, key in enumerate(((row[0], row[2]), (row[0], row[2], _family(row[1])))):
            seen[key] = seen.get(key, 0) + 1
            place = place if seen[key] == 1 else level + 1
        order.append((place, row))
    order.sort(key=lambda pair: (pair[0] == 2 and bool(LARGE.search(pair[1][1])), pair[0]))
    return [row for _, row in order]


def _family(name: str) -> str:
    return re.match(r"[a-z]+\d?[a-z]*", name).group()  # type: ignore[union-attr]


def _rank(name: str) -> tuple[int, ...]:
    """Sorts the variants of a family by their size, as far as names tell it."""
    words = [SIZE_WORDS.index(w) for w in re.split(r"[_\d]+", name) if w in SIZE_WORDS]
    return (*(words[:1] or [len(SIZE_WORDS) // 2]), *[int(n) for n in re.findall(r"\d+", name)])


def run_all(folder: str, results: Path, seconds: float) -> None:
    """Imports networks that have no line in `results` yet, until the time is over."""
    libraries = load(folder)
    import torch

    import archs

    torch.set_num_threads(1)
    archs.from_module(torch.nn.Conv2d(3, 4, 3), (3, 8, 8))  # what the first import of a process loads
    done = {(row["library"], row["name"]) for row in read(results)}
    end = time.monotonic() + seconds
    for library, name, module in names(*libraries):
        if (library, name) in done:
            continue
        if time.monotonic() > end:
            break
        row = {"library": library, "name": name, "module": module, **in_child(libraries, library, name)}
        with results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(f"{name:40} {row['outcome']:12} {row.get('reason', '')[:100]}", flush=True)


def read(results: Path) -> list[dict[str, Any]]:
    if not results.exists():
        return []
    return [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]


def in_child(libraries: tuple[Any, Any], library: str, name: str) -> dict[str, Any]:
    """The result of one network, from a process of its own, bounded in memory and time."""
    start = time.monotonic()
    end, other = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(end)
        resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, MAX_CPU_S))
        try:
            found = imported(libraries, library, name)
        except MemoryError:
            found = {"outcome": "limit", "reason": f"over {MAX_BYTES >> 30} GB of memory"}
        except BaseException as error:
            found = {"outcome": "crashed", "reason": f"{type(error).__name__}: {str(error)[:300]}"}
        with contextlib.suppress(OSError):
            os.write(other, json.dumps(found).encode())
        os._exit(0)
    os.close(other)
    text = b"".join(iter(lambda: os.read(end, 65536), b""))
    os.close(end)
    _, status = os.waitpid(pid, 0)
    if not text:
        killed = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"status {status}"
        return {"outcome": "limit", "reason": f"ended by {killed}: over {MAX_CPU_S} s of CPU or {MAX_BYTES >> 30} GB"}
    return {**json.loads(text), "seconds": round(time.monotonic() - start, 1)}


def imported(libraries: tuple[Any, Any], library: str, name: str) -> dict[str, Any]:
    import torch

    import archs
    from archs.ir.ops import Opaque

    torchvision, timm = libraries
    torch.manual_seed(0)
    if library == "timm":
        module = timm.create_model(name, pretrained=False)
        own = tuple(getattr(module, "default_cfg", {}).get("input_size") or (3, 224, 224))
    else:
        segments = "segmentation" in torchvision.models.get_model_builder(name).__module__
        without: dict[str, Any] = {"weights": None, **({"weights_backbone": None} if segments else {})}
        module, own = torchvision.models.get_model(name, **without), (3, 224, 224)
    module.eval()
    for parameter in module.parameters():  # scales that begin with 0 would hide what is behind them
        if parameter.dim() <= 1 or float(parameter.detach().abs().max()) < 1e-3:
            parameter.data.add_(torch.randn_like(parameter) * 0.3)
    shape = next(_shapes(module, own))
    about: dict[str, Any] = {"shape": list(shape), "params": sum(p.numel() for p in module.parameters())}
    try:
        graph = archs.from_module(module, shape)
    except archs.ArchError as error:
        wrong = "verify=False" in str(error) or ("does not run on" in str(error) and "exported" in str(error))
        return {**about, "outcome": "caught" if wrong else "refused", "reason": str(error)[:400]}
    unknown = sorted({node.op.target for node in graph.nodes if isinstance(node.op, Opaque)})
    compared = "" if graph.verification.startswith("not compared") else graph.verification
    about |= {"operators": len(graph.nodes), "compared": compared}
    if unknown:
        return {**about, "outcome": "lower bound", "reason": ", ".join(unknown)}
    return {**about, "outcome": "whole"}


def _shapes(module: Any, own: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """The image that a network is made for, or the first smaller one on which it runs."""
    import torch

    for size in SIZES:
        if size >= own[1]:
            break
        with contextlib.suppress(Exception), torch.no_grad():
            module(torch.zeros(2, own[0], size, size))
            yield (own[0], size, size)
    yield own


def table(rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """A row per kind of network: tried, whole, lower bound, refused, caught by the comparison, over a limit."""
    found = []
    for kind in ("CNN", "hybrid"):
        own = [row for row in rows if bool(HYBRID.fullmatch(row["module"])) == (kind == "hybrid")]
        by = {
            name: sum(row["outcome"] == name for row in own) for name in ("whole", "lower bound", "refused", "caught")
        }
        over = sum(row["outcome"] in ("limit", "crashed") for row in own)
        ran = sum(bool(row.get("compared")) for row in own)
        share = f"{100 * by['whole'] / len(own):.1f} %" if own else "–"
        found.append(
            (kind, str(len(own)), str(by["whole"]), share, *[str(n) for n in (*list(by.values())[1:], over, ran)])
        )
    return found


def reasons(rows: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """(outcome, reason, networks) of all that is not whole; networks with one reason share a row."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if row["outcome"] != "whole":
            reason = re.sub(r"^\w+( does not run| gives|: )", r"the network\1", row.get("reason", ""))
            found.setdefault((row["outcome"], reason[:160].replace("|", "/")), []).append(row["name"])
    return [(outcome, reason, ", ".join(names)) for (outcome, reason), names in sorted(found.items())]
