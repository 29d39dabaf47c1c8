"""A headless Chromium driven over its DevTools protocol: just enough to use a page as a person does."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
    "--window-size=1280,800",
)
_KEYS = {"Enter": 13, "Escape": 27, "Tab": 9}


class Tab:
    """One page of the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._last_id = 0
        self.errors: list[str] = []

    async def go(self, url: str) -> None:
        for domain in ("Page", "Runtime", "Log"):
            await self._command(f"{domain}.enable")
        await self._command("Page.navigate", url=url)

    async def js(self, expression: str) -> Any:
        answer = await self._command(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, expression: str, seconds: float = 15.0) -> Any:
        """Wait until the expression is true in the page; what it throws counts as not yet."""
        test = f"(() => {{ try {{ return {expression} }} catch {{ return false }} }})()"
        look = f"const look = () => {{ const v = {test}; v ? done(v) : setTimeout(look, 20) }}; look()"
        async with asyncio.timeout(seconds):
            return await self.js(f"new Promise((done) => {{ {look} }})")

    async def type(self, text: str) -> None:
        await self._command("Input.insertText", text=text)

    async def press(self, key: str, modifiers: int = 0, code: str = "") -> None:
        """Press a key; modifiers: 1 Alt, 2 Ctrl, 8 Shift."""
        number = _KEYS.get(key, ord(key[0]))
        event = {"key": key, "code": code or key, "windowsVirtualKeyCode": number, "modifiers": modifiers}
        text = {"text": "\r"} if key == "Enter" else {}
        await self._command("Input.dispatchKeyEvent", type="keyDown", **event, **text)
        await self._command("Input.dispatchKeyEvent", type="keyUp", **event)

    async def _command(self, method: str, **params: Any) -> dict[str, Any]:
        self._last_id += 1
        await self._socket.send_json({"id": self._last_id, "method": method, "params": params})
        while True:
            message = await self._socket.receive_json()
            if message.get("method") in {"Runtime.exceptionThrown", "Log.entryAdded"}:
                self.errors.append(json.dumps(message["params"]))
            if message.get("id") == self._last_id:
                result: dict[str, Any] = message["result"]
                return result


@asynccontextmanager
async def chromium(profile: Path) -> AsyncIterator[Tab]:
    assert PROGRAM is not None
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        *_FLAGS,
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        async with asyncio.timeout(30):
            line = ""
            while "DevTools listening on" not in line:
                line = (await process.stderr.readline()).decode()
        port = line.split("127.0.0.1:")[1].split("/")[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as response:
                target = next(one for one in await response.json() if one["type"] == "page")
            async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                yield Tab(socket)
    finally:
        process.kill()
        await process.wait()
