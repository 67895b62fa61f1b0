"""What does a mobile CNN cost? The page: `streamlit run app.py`."""

import streamlit as st

from explorer.page import calibration, devices, focus, headline, importing, warm
from explorer.page.browser import effects, turns
from explorer.page.lab import pages
from explorer.page.panels import (
    advice,
    budget,
    designs,
    diff,
    edit,
    export,
    grid,
    picture,
    reconcile,
    sidebar,
    tables,
)
from explorer.page.panels import (
    frontier as landscape,
)
from explorer.page.search import page as searching
from explorer.page.state import autosave, own_devices, share, tabs
from explorer.page.state.session import guard, scenario
from explorer.page.widgets import style

PANELS = {
    "Table": grid.table,
    "Blocks": tables.blocks,
    "Layers": tables.layers,
    "Diff": diff.diff,
    "Advisor": advice.advice,
    "Frontier": landscape.frontier,
    "Budget": budget.budget,
    "Designs": designs.designs,
    "Reconcile": reconcile.reconcile,
    "Export": export.export,
}


def explore() -> None:
    with guard("The link"):
        share.reopen()
    with guard("The sidebar"):
        sidebar.choose_network()
    chosen = scenario()
    with guard("The headline"):
        headline.title(chosen)
        headline.tiles(chosen)
        with st.container():  # what follows stays where it is in the page: elsewhere the browser would make it anew
            headline.adjusted(chosen)
    with guard("The picture"):
        picture.network(chosen)
    with guard("The block"), st.container():
        picture.open_block(chosen, edit.row)
    with guard("Where it goes"):
        picture.where(chosen)
    with st.container(key="tabs"):
        name = tabs.chosen(list(PANELS))
        with st.container(key=f"panel {name}"), guard(name):
            PANELS[name](chosen)
    with guard("The address"):
        share.keep(chosen)
        autosave.keep(chosen)


def typed() -> None:
    """`/explore`, typed as the address: Streamlit gives the home page the one without a path alone."""
    st.switch_page(home, query_params=st.query_params.to_dict())


st.set_page_config("What a mobile CNN costs", layout="wide")
style.apply()
warm.first()
home = st.Page(explore, title="Explore", url_path="home", default=True)
own = st.Page(calibration.render, title="Calibrate", url_path="calibrate")
listed = st.Page(devices.render, title="Devices", url_path="devices")
brought = st.Page(importing.render, title="Import", url_path="import")
searched = st.Page(searching.render, title="Search", url_path="search")
unlisted = st.Page(typed, title="Explore", url_path="explore", visibility="hidden")
st.session_state[importing.HOME] = home
page = st.navigation({"": [home, unlisted, searched, brought, listed, own], **pages.navigation()}, position="top")
with turns.page():
    with guard("The page"):
        page.run()
    with guard("Your devices"):
        own_devices.keep()
focus.follow()
effects.forget()
warm.once()
