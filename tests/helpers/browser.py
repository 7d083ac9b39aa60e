"""Chromium without a window, spoken to by its own protocol (CDP over a web socket): no driver, no other package than aiohttp."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-extensions",
    "--mute-audio",
)
KEYS = {"Enter": (13, "\r"), "Escape": (27, ""), "ArrowDown": (40, ""), "ArrowUp": (38, ""), "Tab": (9, "")}


class Page:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._number, self._waiting = socket, 0, {}
        self.complaints: list[str] = []
        """What the page's console was told as an error, exceptions, and requests that failed."""
        self.requests: list[str] = []
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                self._waiting.pop(told["id"]).set_result(told)
            elif told["method"] == "Runtime.exceptionThrown":
                self.complaints.append(str(told["params"]["exceptionDetails"].get("exception", {}).get("description")))
            elif told["method"] == "Log.entryAdded" and told["params"]["entry"]["level"] == "error":
                self.complaints.append(f"{told['params']['entry']['text']} {told['params']['entry'].get('url', '')}")
            elif told["method"] == "Runtime.consoleAPICalled" and told["params"]["type"] in ("error", "assert"):
                self.complaints.append(str(told["params"]["args"]))
            elif told["method"] == "Network.requestWillBeSent":
                self.requests.append(told["params"]["request"]["url"])

    async def send(self, method: str, **given: Any) -> dict[str, Any]:
        """One command of the protocol."""
        self._number += 1
        answer = self._waiting[self._number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._number, "method": method, "params": given})
        told = await asyncio.wait_for(answer, 60)
        assert "error" not in told, f"{method}: {told['error']}"
        return told["result"]

    async def open(self, url: str, width: int = 1400, height: int = 900) -> None:
        """Go there, with a window of this size."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.send(f"{domain}.enable")
        await self.size(width, height)
        await self.send("Page.navigate", url=url)

    async def size(self, width: int, height: int) -> None:
        """Make the window this large."""
        await self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    async def see(self, expression: str) -> Any:
        """The value of a JavaScript expression, promises awaited."""
        told = await self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    async def until(self, expression: str, seconds: float = 60) -> Any:
        """Wait until an expression is true; its value."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            if value := await self.see(expression):
                return value
            await asyncio.sleep(0.05)
        raise AssertionError(f"never true: {expression}; the console says {self.complaints}")

    async def press(self, *keys: str) -> None:
        """Type keys, as a person would."""
        for key in keys:
            code, text = KEYS[key] if key in KEYS else (ord(key.upper()), key)
            given = {"key": key, "windowsVirtualKeyCode": code, **({"text": text} if text else {})}
            await self.send("Input.dispatchKeyEvent", type="keyDown", **given)
            await self.send("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    async def picture(self, path: Path) -> None:
        """What is seen, as a PNG."""
        told = await self.send("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(told["data"]))  # noqa: ASYNC240

    async def close(self) -> None:
        self._reader.cancel()
        await self._socket.close()


@asynccontextmanager
async def browsing(folder: Path) -> AsyncIterator[Page]:
    """A tab of a browser that is started for it and keeps what it remembers in `folder`."""
    assert CHROMIUM is not None
    command = [CHROMIUM, *FLAGS, "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:  # noqa: ASYNC220
        try:
            port = await _port(folder / "DevToolsActivePort", process)
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                    tab = next(one for one in await answer.json() if one["type"] == "page")
                async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    page = Page(socket)
                    yield page
                    await page.close()
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


async def _port(file: Path, process: subprocess.Popen[bytes]) -> int:
    for _ in range(600):
        text = _read(file)
        if text:
            return int(text.split()[0])
        assert process.poll() is None, f"the browser ended with {process.returncode}"
        await asyncio.sleep(0.1)
    raise AssertionError("the browser never said its port")


def _read(file: Path) -> str:
    return file.read_text() if file.exists() else ""
