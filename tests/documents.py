"""Generated parts of the documents: `python tests/documents.py` writes them, test_documents.py fails when they are stale.

A part stands between `<!-- name -->` and `<!-- end of name -->` in any tracked Markdown file.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from support import zoo_runs  # noqa: E402

import archs  # noqa: E402 the repository is no installed package
import costmodel  # noqa: E402
import costmodel.devices.few_shots  # noqa: E402
from archs.catalogue.published import published  # noqa: E402
from archs.catalogue.registry import FAMILIES  # noqa: E402
from archs.tables.rows import KINDS, MEANINGS  # noqa: E402
from costmodel.devices import load  # noqa: E402
from costmodel.latency.profile import SHIPPED, names  # noqa: E402
from costmodel.onnx_runtime import profile as onnx_profiles  # noqa: E402
from explorer.lab.lessons.searches import published_rows, replayed  # noqa: E402
from explorer.search.runs import published_front  # noqa: E402
from explorer.search.spaces import SPACES, space  # noqa: E402

DOCUMENTS = sorted(
    path
    for pattern in ("*.md", ".github/*.md", "archs/**/*.md", "costmodel/**/*.md", "explorer/**/*.md")
    for path in ROOT.glob(pattern)
    if "node_modules" not in path.parts
)


def _table(head, rows, right):
    """A Markdown table; columns of figures are aligned to the right."""
    align = ["--:" if column in right else "---" for column in head]
    lines = [head, align, *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def catalogue():
    rows = []
    for family in FAMILIES.values():
        graph = archs.build(family.spec())
        counts = costmodel.count(graph)
        total, fragments = counts.total, costmodel.fragmentation(graph)
        rows.append(
            (
                f"`{family.name}`",
                f"{total.mult_adds:,}",
                f"{total.params:,}",
                f"{total.mem_access / 1e6:.1f} M",
                f"{total.elementwise / 1e6:.1f} M",
                f"{counts.peak_activation * 4 / 1e6:.1f} MB",
                total.kernels,
                f"{fragments.mean:.1f}",
                family.source,
            )
        )
    head = ("network", "mult-adds", "params", "MAC", "element-wise", "peak activation", "kernels", "fragments", "table")
    return _table(head, rows, set(head) - {"network", "table"})


def counters():
    networks = ("mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "shufflenet_v1", "shufflenet_v2")
    reports = {name: costmodel.reconcile(archs.build(archs.spec(name))) for name in networks}
    ours = {name: costmodel.count(archs.build(archs.spec(name))).total.mult_adds for name in networks}
    rows = [("ours, the papers'", *(f"{ours[name]:,}" for name in networks))]
    for position, report in enumerate(reports[networks[0]]):
        rows.append((report.tool, *(f"{reports[name][position].total:,}" for name in networks)))
    return _table(("counter", *(f"`{name}`" for name in networks)), rows, {f"`{name}`" for name in networks})


def exceptions():
    found = {}
    for row in published():
        if row.explained:
            knobs = [f"width {row.width:g}"] if row.width else []
            knobs += [f"g = {row.groups}"] if row.groups else []
            knobs += [str(row.resolution)]
            ours = costmodel.count(archs.build(row.spec())).total
            printed = " / ".join(
                x for x in (row.mult_adds_m and f"{row.mult_adds_m} M", row.params_m and f"{row.params_m} M") if x
            )
            key = (f"`{row.name}` {', '.join(knobs)}", printed, f"{ours.mult_adds:,} / {ours.params:,}", row.explained)
            found.setdefault(key, []).append(row.source)
    rows = [(*key, "; ".join(dict.fromkeys(sources))) for key, sources in found.items()]
    return _table(("network", "printed mult-adds / params", "ours", "why", "source"), rows, set())


def latency():
    """What `validate` measured of each shipped profile, as it saved it beside them."""
    found = {name: SHIPPED / f"{name}.validation.json" for name in names()}
    reports = {name: json.loads(path.read_text()) for name, path in found.items()}
    sessions = list(reports.values())

    def row(name, figures):
        cells = [f"{e['mape']:.1f} / {e['within_5']:.0f} / {e['within_10']:.0f}" if e else "" for e in figures]
        return (name, *cells)

    fitted = [f"{costmodel.load_profile(name).networks:,}" for name in reports]
    rows = [("fitted networks", *fitted)]
    rows.append(("held-out networks", *(str(s["families"]["all"]["networks"]) for s in sessions)))
    rows.append(row("**all**", [s["families"]["all"] for s in sessions]))
    for section, label in (
        ("families", "`{}`"),
        ("imported", "imported, {}"),
        ("left_out", "`{}` left out of the fit"),
    ):
        families = {name: None for s in sessions for name in s[section] if name != "all"}
        rows += [row(label.format(name), [s[section].get(name) for s in sessions]) for name in families]
    rows.append(row("as measured, the machine's speed not divided out", [s["raw"] for s in sessions]))
    rows += [row(f"by {name}", [s["baselines"].get(name) for s in sessions]) for name in sessions[0]["baselines"]]
    rows.append(("Spearman", *(f"{s['families']['all']['spearman']:.3f}" for s in sessions)))
    rows.append(("the 90 % interval covers", *(f"{s['families']['all']['coverage']:.1f} %" for s in sessions)))
    rows.append(("nodes above 20 µs, RMS error", *(f"{s['nodes_rmspe']['all']['rmspe']:.1f} %" for s in sessions)))
    rows.append(("the same networks measured again, RMS", *(f"{s['repeat_rms']:.1f} %" for s in sessions)))
    head = ("mean error / share within ±5 / ±10, %", *(f"`{name}`" for name in reports))
    return _table(head, rows, set(head[1:]))


def accuracy():
    """The headline of `latency`: one row per shipped profile."""
    rows = []
    for name in names():
        path = SHIPPED / f"{name}.validation.json"
        if not path.exists():
            continue
        found = json.loads(path.read_text())["families"]["all"]
        environment = costmodel.load_profile(name).environment
        shares = (f"{found[key]:.0f} %" for key in ("within_5", "within_10", "coverage"))
        rows.append((f"`{name}`", environment.get("processor"), found["networks"], f"{found['mape']:.1f} %", *shares))
    head = ("profile", "device", "held-out networks", "mean error", "±5 %", "±10 %", "interval covers")
    return _table(head, rows, set(head[2:]))


def plain():
    """What `validate --plain` measured of the shipped profiles in fresh plain processes."""
    rows = []
    for name in names():
        path = SHIPPED / f"{name}.validation.json"
        found = json.loads(path.read_text()).get("plain")
        for allocator, families in (found or {"allocators": {}})["allocators"].items():
            corrected = {"all, speed divided out": found["speed_corrected"][allocator]}
            for family, e in (families | corrected).items():
                shares = [f"{e[key]:.0f} %" for key in ("within_5", "within_10")]
                shares.append(f"{e['coverage']:.0f} %" if "coverage" in e else "")
                faults = f"{e['faults_within_10']:.0f} %" if allocator == "default" else ""
                errors = (e["networks"], f"{e['mape']:.1f} %", f"{e['bias']:+.1f} %".replace("-", "−"))
                rows.append((f"`{name}`", allocator, family, *errors, *shares, faults))
    if not rows:
        return "No shipped profile has been validated in plain processes yet."
    figures = ("n", "mean error", "bias", "±5 %", "±10 %", "interval", "faults ±10 %")
    return _table(("profile", "allocator", "networks of", *figures), rows, set(figures))


def onnx_runtime():
    """The shipped profile of ONNX Runtime: networks left out of its fit, and networks in fresh processes."""
    held_out = costmodel.load_profile(onnx_profiles.NAME).held_out["all"].model_dump()
    report = json.loads((onnx_profiles.SHIPPED / f"{onnx_profiles.NAME}.validation.json").read_text())
    rows = []
    for name, e in {"left out of the fit": held_out, **report["families"]}.items():
        shares = (f"{e[key]:.0f} %" for key in ("within_5", "within_10", "coverage"))
        rows.append((name, e["networks"], f"{e['mape']:.1f} %", *shares, f"{e['spearman']:.3f}"))
    head = ("networks", "n", "mean error", "±5 %", "±10 %", "interval covers", "Spearman")
    return _table(head, rows, set(head[1:]))


def devices():
    rows = []
    shipped = {name: load.load(name) for name in load.names()}
    for name, profile in shipped.items():
        if profile.group != "ncnn":
            errors = profile.errors
            family = "" if errors.leave_family_out_pct is None else f"{errors.leave_family_out_pct:.1f} %"
            left_out = f"{errors.leave_one_out_pct:.1f} %"
            rows.append(
                (
                    f"`{name}`",
                    profile.device,
                    profile.runtime,
                    profile.precision,
                    errors.networks,
                    left_out,
                    family,
                    f"{errors.coverage_pct:.0f} %",
                )
            )
    ncnn = [profile.errors for profile in shipped.values() if profile.group == "ncnn"]
    median = sorted(errors.leave_one_out_pct for errors in ncnn)[len(ncnn) // 2]
    together = sum(len(p.rows) * p.errors.coverage_pct for p in shipped.values()) / sum(
        len(p.rows) for p in shipped.values()
    )
    head = ("profile", "device", "runtime", "precision", "networks", "one", "family", "in the 90 % interval")
    text = (
        f"Beside these {len(ncnn)} runs of ncnn's benchmark, `ncnn_…`, with a median left-out error of {median:.1f} %. "
        f"Over all {len(shipped)} profiles {together:.1f} % of the left-out rows are in their 90 % interval."
    )
    return f"{_table(head, rows, {'networks', 'one', 'family', 'in the 90 % interval'})}\n\n{text}"


def few_shots():
    rows = [
        (row["table"], row["networks_timed"], row["devices"], f"{row['median_pct']} %", f"{row['p90_pct']} %")
        for row in costmodel.devices.few_shots.table()
    ]
    head = ("table", "networks timed", "devices", "median error", "90th percentile")
    return _table(head, rows, set(head) - {"table"})


def row_kinds():
    """The columns of each kind of row, from the rows' own schemas."""
    lines = []
    for kind, row in KINDS.items():
        columns = []
        schema = row.model_json_schema()
        for name, field in schema["properties"].items():
            if name != "stage":
                default = f", default {_json(field['default'])}" if "default" in field else ""
                columns.append(f"`{name}` ({_allowed(field, schema.get('$defs', {}))}{default})")
        papers = _papers(lambda found, row=row: type(found) is row)
        lines.append((f"`{kind}`", f"`{row.__name__}`", row.__doc__.splitlines()[0], papers, "; ".join(columns)))
    return _table(("kind", "class", "block", "networks", "columns: allowed, default"), lines, set())


def row_columns():
    """What each column states, and which networks of the catalogue set it."""
    lines = []
    for column, meaning in MEANINGS.items():
        kinds = [kind for kind, row in KINDS.items() if column in row.model_fields]
        papers = _papers(lambda row, column=column: column in row.model_dump(exclude_defaults=True))
        lines.append((f"`{column}`", meaning, "all" if len(kinds) == len(KINDS) else ", ".join(kinds), papers))
    return _table(("column", "meaning", "kinds", "networks that set it"), lines, set())


def _papers(chosen):
    """The networks of the catalogue, at their default knobs, with a row of which `chosen` is true."""
    titles = [family.title for family in FAMILIES.values() if any(map(chosen, family.spec().rows))]
    return "all" if len(titles) == len(FAMILIES) else ", ".join(titles) or "none"


def _allowed(field, definitions):
    """The values of a JSON schema's field in a few words."""
    if "$ref" in field:
        return _allowed(definitions[field["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in field:
        return " or ".join(_allowed(one, definitions) for one in field["anyOf"])
    if "enum" in field or "const" in field:
        return ", ".join(map(_json, field.get("enum", [field.get("const")])))
    bounds = {
        "exclusiveMinimum": "above {:g}",
        "minimum": "{:g}",
        "maximum": "to {:g}",
        "exclusiveMaximum": "below {:g}",
    }
    limits = [words.format(field[name]) for name, words in bounds.items() if name in field]
    words = {"boolean": "true, false", "null": "none", "integer": "a whole number", "number": "a number"}
    return " ".join(limits) or words.get(field.get("type"), "any")


def _json(value):
    return "none" if value is None else json.dumps(value).strip('"')


def zoo():
    head = ("networks", "tried", "whole", "share", "lower bound", "refused", "caught", "over a limit", "compared")
    return _table(head, zoo_runs.table(zoo_runs.read(zoo_runs.RESULTS)), set(head) - {"networks"})


def zoo_reasons():
    return _table(("outcome", "reason", "networks"), zoo_runs.reasons(zoo_runs.read(zoo_runs.RESULTS)), set())


def spaces():
    """The search spaces, with the number of different networks that each counts."""
    found = {name: space(name) for name in SPACES}
    rows = [(f"`{name}`", one.title, f"{one.size:,}", one.source) for name, one in found.items()]
    return _table(("space", "networks of", "different networks", "source"), rows, {"different networks"})


def slopes():
    """The slope of the published front on the Pixel 1 beside MobileNetV3's exponents."""
    rows = []
    for w, (low, high) in published_front.BANDS.items():
        span = f"{low:g} to {high:g} ms" if high < float("inf") else f"above {low:g} ms"
        rows.append((span, f"{published_front.published().slope(low, high):.3f}", f"{w:g}"))
    return _table(("Pixel 1", "slope", "MobileNetV3's w there"), rows, {"slope", "MobileNetV3's w there"})


def replay():
    """The first and the last network of the replayed adaptation, and MobileNetV3's published rows."""
    steps = replayed()
    kinds = ", ".join(dict.fromkeys(step.chosen.kind for step in steps if step.chosen))
    rows = [
        ("MnasNet-A1", f"{steps[0].latency_ms:.2f}", f"{steps[0].score:.1f} (estimated)"),
        (
            f"after {len(steps) - 1} steps ({kinds})",
            f"{steps[-1].latency_ms:.2f}",
            f"{steps[-1].score:.1f} (estimated)",
        ),
    ]
    known = published_rows()
    for family in ("MobileNetV3-Large", "MobileNetV3-Small"):
        one = known[(known["family"] == family) & known["variant"].str.endswith("224/1.0")].iloc[0]
        rows.append((family, f"{one['latency_ms']:g}", f"{one['top1_pct']:.1f} (published)"))
    return _table(("network", "ms on a Pixel 1", "top-1, %"), rows, {"ms on a Pixel 1", "top-1, %"})


PARTS = {
    "row columns": row_columns,
    "row kinds": row_kinds,
    "accuracy": accuracy,
    "catalogue": catalogue,
    "counters": counters,
    "devices": devices,
    "exceptions": exceptions,
    "few shots": few_shots,
    "latency": latency,
    "onnx runtime": onnx_runtime,
    "plain": plain,
    "replay": replay,
    "slopes": slopes,
    "spaces": spaces,
    "zoo": zoo,
    "zoo reasons": zoo_reasons,
}


def generated(text):
    """The text with every generated part that it has replaced by what the code says now."""
    for name, part in PARTS.items():
        before, start, rest = text.partition(f"<!-- {name} -->\n")
        if start:
            _, end, after = rest.partition(f"<!-- end of {name} -->")
            if not end:
                raise ValueError(f"the part {name!r} has no end marker")
            text = f"{before}{start}{part()}\n{end}{after}"
    return text


if __name__ == "__main__":
    for path in DOCUMENTS:
        path.write_text(generated(path.read_text(encoding="utf-8")), encoding="utf-8")
