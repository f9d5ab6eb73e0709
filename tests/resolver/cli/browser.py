"""A page in headless Chromium, driven over its DevTools protocol as a user would: keys, clicks, what is shown."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome")

_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-background-networking", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--no-first-run", "--disable-extensions", "--window-size=1200,900", "--remote-debugging-port=0"),
)

_KEYS = {"ArrowDown": 40, "ArrowUp": 38, "PageDown": 34, "End": 35, "Home": 36, "Tab": 9, "Enter": 13, "Escape": 27}
"""Key -> its Windows virtual key code, which the protocol wants."""


def find_chromium() -> str | None:
    """The program: `CHROMIUM`, or the first of `NAMES` that is installed; None where there is none."""
    return os.environ.get("CHROMIUM") or next((found for name in NAMES if (found := shutil.which(name))), None)


class Page:
    """One page. `requests` are the URLs that it has requested, `problems` its exceptions and console errors."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.requests: list[str] = []
        self.problems: list[str] = []

    async def listen(self) -> None:
        """Receive messages until the socket is closed."""
        async for message in self._socket:
            content = message.json()
            if "id" in content:
                self._waiting.pop(content["id"]).set_result(content)
            elif content["method"] == "Network.requestWillBeSent":
                self.requests.append(content["params"]["request"]["url"])
            elif content["method"] in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.problems.append(str(content["params"]))

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a method of the protocol."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        content = await answer
        assert "error" not in content, content
        result: dict[str, Any] = content["result"]
        return result

    async def open(self, url: str) -> None:
        """Load a page, and wait until its script has run."""
        for domain in ("Page", "Network", "Runtime", "Log"):
            await self.call(f"{domain}.enable")
        await self.call("Page.navigate", url=url)
        await self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def read(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        result = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def wait(self, expression: str) -> None:
        """Returns when the expression is true."""
        while not await self.read(expression):
            await asyncio.sleep(0.01)

    async def press(self, key: str) -> None:
        """Press and release a key."""
        for kind in ("rawKeyDown", "char", "keyUp"):
            if kind == "char" and key != "Enter":
                continue
            text = {"text": "\r"} if kind == "char" else {}
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=_KEYS[key], **text)

    async def type(self, text: str) -> None:
        """Type into the focused element."""
        await self.call("Input.insertText", text=text)

    async def click(self, selector: str) -> None:
        """Click with the mouse in the middle of the first element that matches."""
        name = f"document.querySelector({selector!r})"
        await self.read(f"{name}.scrollIntoView({{block: 'center'}})")
        box = await self.read(
            f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])({name}.getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.call("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)


@asynccontextmanager
async def open_page(program: str, url: str, folder: Path) -> AsyncIterator[Page]:
    """The page at `url` in a browser of its own; `folder` is for the browser's profile."""
    process = await asyncio.create_subprocess_exec(
        program,
        *_OPTIONS,
        f"--user-data-dir={folder}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        port_file = folder / "DevToolsActivePort"
        while not (port_file.is_file() and port_file.read_text().count("\n")):
            assert process.returncode is None, "the browser has ended"
            await asyncio.sleep(0.02)
        port = port_file.read_text().splitlines()[0]
        async with aiohttp.ClientSession() as session:
            while not (targets := [item for item in await _list_targets(session, port) if item["type"] == "page"]):
                await asyncio.sleep(0.02)
            address = targets[0]["webSocketDebuggerUrl"]
            async with session.ws_connect(address, max_msg_size=0, autoping=True) as socket:
                page = Page(socket)
                listening = asyncio.create_task(page.listen())
                await page.open(url)
                yield page
                # Its answer comes before the browser closes the socket, and all its processes end.
                await page.call("Browser.close")
                await listening
                await process.wait()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _list_targets(session: aiohttp.ClientSession, port: str) -> list[dict[str, Any]]:
    async with session.get(f"http://127.0.0.1:{port}/json/list") as response:
        found: list[dict[str, Any]] = await response.json(content_type=None)
        return found
