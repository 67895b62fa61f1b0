"""What `.streamlit/config.toml` settles, so that the README's command alone starts the page as the tests meet it."""

from __future__ import annotations

import re

from support.browser import ROOT

CONFIG = (ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8")
BROWSER = (ROOT / "tests" / "support" / "browser.py").read_text(encoding="utf-8")


def test_no_watcher_scans_the_repository():
    """Streamlit's watchers reacted to their own scans of `.venv`: a core was busy for as long as one page was open."""
    assert re.search(r'^fileWatcherType = "none"$', CONFIG, re.MULTILINE)


def test_a_browser_meets_the_page_of_the_readmes_command():
    """The tests started a page without watchers, and never saw what they cost."""
    assert set(re.findall(r"--(\w+\.\w+)", BROWSER)) == {"server.headless", "server.port", "server.address"}
    (command,) = re.findall(r"streamlit run .*", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert command.rstrip("`") == "streamlit run app.py"
