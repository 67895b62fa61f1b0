"""The README's reverse proxy: the page works behind it, with the headers that Streamlit does not set."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.browser import open_page, server, tile
from support.visitor import Visitor

README = Path(__file__).resolve().parents[2] / "explorer" / "README.md"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
SENTINEL = "http://sentinel.invalid/a.png"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not NGINX, reason="nginx is not installed (Debian: apt-get install nginx-light)"),
]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def proxied(folder: Path, address: str):
    """Nginx as the README configures it, on a free port in front of `address`."""
    found = re.search(r"```nginx\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    port = free_port()
    block = found[1].replace("http://127.0.0.1:8501", address).replace("listen 8080;", f"listen 127.0.0.1:{port};")
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nworker_processes 1;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{temporary}{block}\n}}\n"
    )
    with subprocess.Popen(
        [NGINX, "-e", f"{folder}/error.log", "-p", str(folder), "-c", f"{folder}/nginx.conf"]
    ) as process:
        try:
            deadline = time.monotonic() + 60
            while True:
                assert process.poll() is None, (folder / "error.log").read_text()
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5).close()
                    break
                except (urllib.error.URLError, OSError):
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def test_the_page_behind_the_proxy(tmp_path, browser):
    with server() as behind, proxied(tmp_path, behind) as address:
        with urllib.request.urlopen(address, timeout=30) as answer:
            headers = answer.headers
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]

        async def visit() -> dict[str, str]:
            visitor = await Visitor.open(address)  # through the upgrade to a websocket
            await visitor.close()
            return visitor.tiles

        with ThreadPoolExecutor() as pool:  # Playwright's event loop runs in this thread
            assert "Params" in pool.submit(asyncio.run, visit()).result()
        page = open_page(browser, address)
        refused: list[str] = []
        page.on("console", lambda message: refused.append(message.text) if "Content Security" in message.text else None)
        assert tile(page, "Params")
        page.reload()
        assert tile(page, "Params")
        assert not refused, "the page needs what the policy refuses"
        requests: list[str] = []
        page.on("requestfinished", lambda request: requests.append(request.url))
        with page.expect_console_message(lambda message: "sentinel.invalid" in message.text):
            page.evaluate(f"() => {{ const i = new Image(); i.src = '{SENTINEL}'; document.body.append(i); }}")
        assert any("sentinel.invalid" in text for text in refused)
        assert not any("sentinel" in url for url in requests)
        page.close()
