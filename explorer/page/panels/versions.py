"""In the sidebar: undo, redo, the history, the way back to the paper; the baseline and the device to judge by."""

from __future__ import annotations

from archs.catalogue.registry import FAMILIES
from explorer.editing.history import Version
from explorer.editing.scenario import PAPER, Scenario
from explorer.page.state import profiles
from explorer.page.state import session as state
from explorer.page.state.session import guard
from explorer.page.widgets import form
from explorer.page.widgets.form import Part

NONE = ""


def steps(scenario: Scenario) -> list[Part]:
    """Undo, redo and reset, with the versions as a list."""
    history = scenario.history
    published = scenario.spec.name in FAMILIES
    buttons = [
        undo("undo", disabled=not history.can_undo),
        form.button("redo", "Redo", "redo", lambda _: _go(1), disabled=not history.can_redo),
        form.button(
            "reset",
            "Reset to paper",
            "restart_alt",
            lambda _: _reset(),
            disabled=not (scenario.edited and published),
            help="The published network at these knobs; undo leads back to your edits.",
        ),
    ]
    if len(history.versions) == 1:
        return [form.row("steps", buttons)]
    positions = range(len(history.versions) - 1, -1, -1)
    return [
        form.row("steps", buttons),
        form.choice(
            "history",
            "History",
            positions,
            history.position,
            lambda change: _to(change.value),
            lambda position: _label(history.versions, position),
        ),
    ]


def undo(name: str, disabled: bool = False) -> Part:
    """The button that goes one version back."""
    return form.button(name, "Undo", "undo", lambda _: _go(-1), disabled=disabled)


def _label(versions: tuple[Version, ...], position: int) -> str:
    return f"{position + 1}. {versions[position].label}"


def _go(by: int) -> None:
    history = state.scenario().history
    _to(min(max(0, history.position + by), len(history.versions) - 1))


def _to(position: int) -> None:
    with guard("The history"):
        state.choose("history", history=state.scenario().history.go(position))


def _reset() -> None:
    with guard("The way back"):
        state.choose("history", history=state.scenario().history.reset())


def baseline(scenario: Scenario) -> Part:
    """What the tiles' changes are against."""
    earlier = [f"#{n}" for n in range(len(scenario.history.versions))]
    chosen = scenario.against if isinstance(scenario.against, str) else "kept"
    earlier_version = ["kept"] if isinstance(scenario.against, Version) else []
    return form.choice(
        "baseline",
        "Compare with",
        [PAPER, *earlier_version, *FAMILIES, *reversed(earlier)],
        chosen,
        lambda change: _compare(change.value),
        lambda option: _baseline_title(scenario, option),
        help="The baseline of the changes on the tiles and of the Diff tab.",
    )


def _baseline_title(scenario: Scenario, option: str) -> str:
    if option == PAPER:
        return "the paper's network"
    if option in FAMILIES:
        return FAMILIES[option].title
    if isinstance(scenario.against, Version) and option == "kept":
        return f"version: {scenario.against.label}"
    return f"version {_label(scenario.history.versions, int(option.removeprefix('#')))}"


def _compare(option: str) -> None:
    with guard("The baseline"):
        if option.startswith("#"):
            state.choose("baseline", against=state.scenario().history.versions[int(option[1:])])
        elif option != "kept":
            state.choose("baseline", against=option)


def device() -> Part:
    """Whose milliseconds are shown. Without a profile the page says so and shows none."""
    known = profiles.known()
    if not known:
        lacks = "No device profile yet, so no milliseconds: the page Calibrate makes one, in four minutes."
        return form.note("no profile", lacks)
    key = state.scenario().profile  # a calibration that has just ended has chosen its own
    return form.choice(
        "profile",
        "Device",
        [*known, NONE],
        key if key in known else NONE,
        lambda change: _use(change.value),
        profiles.title,
        group=profiles.heading,
        help="Milliseconds hold for one device. The page Calibrate measures the machine that serves this page; the "
        "page Devices has phones, GPUs and boards, and takes a list of your timings.",
    )


def _use(key: str) -> None:
    with guard("The device"):
        profiles.use(key or None)
