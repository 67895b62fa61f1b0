"""Every download of the page, in a real browser: each is pressed, and opens as what it says it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import onnx
import pandas
import pytest
import torch
from playwright.sync_api import Browser, Page, expect
from support.browser import PATIENCE, choose, open_page, settle, tile, turn

import archs
import costmodel
from explorer.data import accuracy, costs
from explorer.data.metrics import human
from explorer.editing.edits import set_cell

pytestmark = pytest.mark.browser
expect.set_options(timeout=PATIENCE)

SPEC = set_cell(archs.spec("mobilenet_v2"), 3, "kernel", 5).spec
TITLE = "MobileNetV2, width 1.0, edited"


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    """An edited network with a block open."""
    page = open_page(browser, address)
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    choose(page, "Open a block", "stage3/block2")
    box = page.locator(".st-key-open_block").get_by_role("spinbutton", name="k · kernel")
    box.fill("5")
    box.press("Enter")
    expect(page.get_by_role("heading", name=TITLE)).to_be_visible()
    settle(page)
    yield page
    assert not failures
    page.close()


def taken(page: Page, folder: Path, name: str | re.Pattern[str]) -> Path:
    """What the button of that name gives."""
    with page.expect_download() as download:
        page.get_by_role("button", name=name, exact=True).click()  # scrolls, and waits where the panel is drawn anew
    file = folder / download.value.suggested_filename
    download.value.save_as(file)
    return file


def test_the_pytorch_file_runs(page, tmp_path):
    turn(page, "Export")
    file = taken(page, tmp_path, "PyTorch file")
    module = archs.from_source(file.read_text(encoding="utf-8")).eval()
    with torch.inference_mode():
        assert module(torch.zeros(1, 3, 224, 224)).shape == (1, 1000)
    assert sum(p.numel() for p in module.parameters()) == costmodel.count(archs.build(SPEC)).total.params


def test_the_onnx_file_passes_the_checker(page, tmp_path):
    turn(page, "Export")
    page.get_by_role("button", name="Make the ONNX file").click()
    expect(page.get_by_text("torch's ONNX exporter", exact=False)).to_be_visible()
    file = taken(page, tmp_path, re.compile("^ONNX file, 1.\\.. MB"))
    assert file.name == "mobilenet_v2_row_4_kernel_5.onnx"
    model = onnx.load(file)
    onnx.checker.check_model(model, full_check=True)
    parameters = dict(archs.to_module(archs.build(SPEC)).named_parameters())
    kept = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    assert {name: kept[name] for name in parameters} == {name: list(p.shape) for name, p in parameters.items()}
    assert human(sum(p.numel() for p in parameters.values())) == tile(page, "Params")


def test_the_spec_is_read_back(page, tmp_path):
    turn(page, "Export")
    file = taken(page, tmp_path, "Spec (JSON)")
    assert archs.Spec.from_json(file.read_text(encoding="utf-8")) == SPEC


COUNTS = costmodel.count(archs.build(SPEC))
TABLES = [
    ("Export", "Block table as CSV", "block", list(COUNTS.groups("block"))),
    ("Export", "Layer table as CSV", "path", [node.path for node in COUNTS.graph.nodes]),
    ("Blocks", "Blocks as CSV", "block", list(COUNTS.groups("block"))),
    ("Layers", "Layers as CSV", "path", list(costs.layers(COUNTS)["path"])),
    ("Diff", "Difference as CSV", "block", list(COUNTS.groups("block"))),
    ("Advisor", "Guideline violations as CSV", "block", None),
    ("Frontier", "Published networks as CSV", "variant", None),
    ("Reconcile", "Reconciliation as CSV", "tool", None),
]


@pytest.mark.parametrize(("where", "name", "column", "values"), TABLES)
def test_every_table_is_read_back(page, tmp_path, where, name, column, values):
    turn(page, where)
    table = pandas.read_csv(taken(page, tmp_path, name))
    assert len(table) > 3
    assert not table.columns.str.contains("Unnamed").any()
    if values:
        assert list(table[column]) == values
    else:
        assert table[column].notna().all()
    if "mult_adds" in table and where in ("Export", "Blocks", "Layers"):
        assert table["mult_adds"].sum() == COUNTS.total.mult_adds


def test_the_open_block_is_read_back(page, tmp_path):
    """Its button stands in the block, above the tabs."""
    table = pandas.read_csv(taken(page, tmp_path, "Block stage3 block2 as CSV"))
    layers = costs.layers(COUNTS)
    layers = layers[layers["block"] == "stage3/block2"]
    assert list(table["path"]) == list(layers["path"])
    assert list(table["mult_adds"]) == list(layers["mult_adds"])


@pytest.mark.parametrize(
    "name", ["Report (HTML)", "The picture (HTML)", "Where it goes, by block (HTML)", "Where it goes, by kind (HTML)"]
)
def test_every_html_stands_alone(page, browser, tmp_path, name):
    turn(page, "Export")
    file = taken(page, tmp_path, name)
    text = file.read_text(encoding="utf-8")
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=.https?:", text), "nothing from elsewhere"
    opened = browser.new_context(offline=True).new_page()
    opened.set_default_timeout(PATIENCE)
    failures: list[str] = []
    opened.on("pageerror", lambda error: failures.append(str(error)))
    opened.goto(file.as_uri())
    expect(opened.locator(".barlayer .trace").first).to_be_attached()
    if name.startswith("Report"):
        expect(opened.get_by_role("heading", name=TITLE)).to_be_visible()
        expect(opened.get_by_text(human(COUNTS.total.mult_adds)).first).to_be_visible()
    assert not failures
    opened.context.close()


FIGURES = [
    ("Export", "The picture", 20),
    ("Export", "Where it goes, by block", 60),
    ("Export", "Where it goes, by kind", 20),
    ("Export", "stage3/block2", 15),  # the open block's
    ("Diff", "Save the figure", 3),
    ("Frontier", "Save the figure", 50),
    ("Reconcile", "Save the figure", 3),
]


@pytest.mark.parametrize(("where", "name", "shapes"), FIGURES)
def test_every_figure_is_an_svg_and_a_png(page, browser, tmp_path, where, name, shapes):
    turn(page, where)
    file = taken(page, tmp_path, f"{name} as SVG")
    assert file.suffix == ".svg"
    root = ElementTree.parse(file).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    drawn = [e for e in root.iter() if e.tag.removeprefix("{http://www.w3.org/2000/svg}") in ("path", "rect", "circle")]
    assert len(drawn) >= shapes
    if where == "Export":  # nothing that only the page could tell
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"var\(|currentColor|calc\(", text)
        assert not [
            value for e in root.iter() for name, value in e.items() if value.endswith("%") and name != "aria-label"
        ]
    assert root.findall(".//{http://www.w3.org/2000/svg}text"), "a figure without a word"
    wide = float(root.get("width"))
    file = taken(page, tmp_path, f"{name} as PNG")
    assert file.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    opened = browser.new_page()
    opened.goto(file.as_uri())
    assert opened.locator("img").evaluate("image => image.naturalWidth") == pytest.approx(2 * wide, abs=2)
    opened.close()


def test_the_estimate_on_the_page_is_the_one_computed(page):
    turn(page, "Frontier")
    estimate = accuracy.estimate(SPEC)
    expect(page.get_by_text(f"Estimated {estimate.top1_pct:.1f} % top-1")).to_be_visible()


def test_a_figure_that_is_not_drawn_yet_is_saved_once_it_is(page, tmp_path):
    turn(page, "Diff")
    page.locator(".modebar-btn").first.wait_for(state="attached")
    page.locator(".modebar-btn").first.evaluate(
        """(button) => {
          const bar = button.parentNode;
          button.remove();
          setTimeout(() => bar.append(button), 1000);
        }"""
    )
    assert taken(page, tmp_path, "Save the figure as SVG").read_text(encoding="utf-8").startswith("<svg")
