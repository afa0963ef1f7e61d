"""A headless Chromium, driven over a pipe by its DevTools protocol."""

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

EXECUTABLE = shutil.which("chromium") or shutil.which("chromium-browser")

_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--window-size=1280,800",
    "--remote-debugging-pipe",
)


class Page:
    """One page: what it shows, what it says on the console, what it asks the network for."""

    def __init__(self, commands: int, answers: BinaryIO) -> None:
        self._commands = commands
        self._answers = answers
        self._number = 0
        self._session: str | None = None
        self.requests: list[str] = []
        self.complaints: list[str] = []

    def attach(self) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Network", "Runtime", "Log", "Page"):
            self.call(f"{domain}.enable")

    def open(self, url: str, scheme: str | None = None) -> None:
        """Open a page, in a reader's colour scheme, and wait until it is loaded."""
        if scheme is not None:
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            self.call("Emulation.setEmulatedMedia", features=features)
        self.call("Page.navigate", url=url)
        while self._read().get("method") != "Page.loadEventFired":
            pass

    def run(self, expression: str) -> Any:
        """Return what a JavaScript expression comes to; a promise is waited for."""
        result = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def call(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def _read(self) -> Any:
        content = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            assert byte, "Chromium has ended"
            content += byte
        event = json.loads(content)
        match event.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(event["params"]["request"]["url"])
            case "Runtime.exceptionThrown" | "Log.entryAdded":
                self.complaints.append(json.dumps(event["params"]))
            case "Runtime.consoleAPICalled":
                self.complaints.append(json.dumps(event["params"]["args"]))
        return event


@contextmanager
def new_page(profile: Path) -> Iterator[Page]:
    """Yield an empty page of a Chromium of its own, with a fresh profile."""
    to_read, commands = os.pipe()
    answers, to_write = os.pipe()
    # The protocol is on descriptors 3 and 4, which only a shell can be told; both ends of it are
    # moved out of its way first.
    ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 20) for end in (to_read, to_write)]
    script = f'exec "$@" 3<&{ends[0]} 4>&{ends[1]}'
    program = ["bash", "-c", script, "bash", str(EXECUTABLE), *_OPTIONS]
    with (
        subprocess.Popen(
            [*program, f"--user-data-dir={profile}"], pass_fds=ends, stderr=subprocess.DEVNULL
        ) as browser,
        os.fdopen(answers, "rb") as read_from,
        os.fdopen(commands, "wb"),
    ):
        for end in (to_read, to_write, *ends):
            os.close(end)
        try:
            page = Page(commands, read_from)
            page.attach()
            yield page
        finally:
            browser.terminate()
