"""The README's reverse proxy: the page works behind it, with the headers that Streamlit does not set."""

from __future__ import annotations

import asyncio
import os
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
from support.browser import open_page, tile
from support.visitor import Visitor

from costmodel.latency.profile import SHIPPED
from explorer.page.widgets.upload import LIMITS_MB

README = Path(__file__).resolve().parents[2] / "explorer" / "README.md"
PROGRAMS = {name: shutil.which(name) or shutil.which(name, path="/usr/sbin") for name in ("nginx", "caddy")}
PACKAGES = {"nginx": "nginx-light", "caddy": "caddy"}
SENTINEL = "http://sentinel.invalid/a.png"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def snippet(language: str) -> str:
    """The README's configuration of a proxy."""
    found = re.search(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


def nginx(folder: Path, address: str, port: int) -> list[str]:
    """The command that starts it, whose files all lie in the folder."""
    block = snippet("nginx").replace("http://127.0.0.1:8501", address)
    block = block.replace("listen 8080;", f"listen 127.0.0.1:{port};")
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""  # no other one may write into the folder
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nworker_processes 1;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{temporary}{block}\n}}\n"
    )
    return ["-e", f"{folder}/error.log", "-p", str(folder), "-c", f"{folder}/nginx.conf"]


def caddy(folder: Path, address: str, port: int) -> list[str]:
    """The command that starts it."""
    block = snippet("caddyfile").replace("127.0.0.1:8501", address.removeprefix("http://"))
    block = block.replace(":8080 {", f"http://127.0.0.1:{port} {{", 1)
    (folder / "Caddyfile").write_text(f"{{\nadmin off\nauto_https off\n}}\n{block}")
    return ["run", "--config", f"{folder}/Caddyfile", "--adapter", "caddyfile"]


@contextmanager
def proxied(name: str, folder: Path, address: str):
    """A proxy as the README configures it, on a free port in front of `address`."""
    port = free_port()
    command = [PROGRAMS[name], *(nginx if name == "nginx" else caddy)(folder, address, port)]
    environment = os.environ | {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    log = (folder / "log").open("w")
    with log, subprocess.Popen(command, env=environment, stderr=log) as process:
        try:
            deadline = time.monotonic() + 60
            while True:
                assert process.poll() is None, (folder / "log").read_text()
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5).close()
                    break
                except (urllib.error.URLError, OSError):
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def test_both_proxies_set_the_same_headers():
    """Without a browser and without either program: a directive that Caddy's lost was seen by neither test."""
    nginx = dict(re.findall(r'add_header (\S+) "?(.*?)"? always;', snippet("nginx")))
    block = re.search(r"header \{\n(.*?)\n *\}", snippet("caddyfile"), re.DOTALL)
    assert block
    caddy = dict(re.findall(r'^ *(\S+) "?(.*?)"?$', block[1], re.MULTILINE))
    assert caddy == nginx
    policy = dict(part.split(maxsplit=1) for part in nginx.pop("Content-Security-Policy").split("; "))
    assert nginx == {"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
    assert not re.search("[*]|https?:", " ".join(policy.values())), "another host is allowed"
    strict = ("frame-ancestors", "object-src", "default-src", "base-uri", "form-action")
    assert [policy[name] for name in strict] == ["'none'", "'none'", "'self'", "'self'", "'self'"]


def test_both_proxies_let_the_largest_upload_through():
    """Caddy's MB has 10⁶ bytes, nginx's m and the page's MB have 2²⁰; a request is longer than its file."""
    (nginx,) = re.findall(r"client_max_body_size (\d+)m;", snippet("nginx"))
    (caddy,) = re.findall(r"max_size (\d+)MiB", snippet("caddyfile"))
    assert int(nginx) == int(caddy) == max(LIMITS_MB.values()) + 1


@pytest.mark.browser
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_page_behind_the_proxy(name, tmp_path, browser, address):
    if not PROGRAMS[name]:
        pytest.skip(f"{name} is not installed (Debian: apt-get install {PACKAGES[name]})")
    with proxied(name, tmp_path, address) as outside:
        with urllib.request.urlopen(outside, timeout=30) as answer:
            headers = answer.headers
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]

        async def visit() -> dict[str, str]:
            visitor = await Visitor.open(outside)  # through the upgrade to a websocket
            await visitor.goto("calibrate")  # an upload of two megabytes, over what proxies allow by default
            await visitor.upload("calibrate upload", "mine.json", (SHIPPED / "cpu.json").read_bytes())
            await visitor.goto("explore")
            await visitor.close()
            assert not visitor.failures
            return visitor.tiles

        with ThreadPoolExecutor() as pool:  # Playwright's event loop runs in this thread
            assert "Params" in pool.submit(asyncio.run, visit()).result()
        page = open_page(browser, outside)
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
