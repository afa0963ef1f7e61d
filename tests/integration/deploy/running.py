"""Runs moto's functions: each configuration of one in a local Lambda of its own."""

import base64
import threading
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hotpack import local
from hotpack.pipeline import Tools
from hotpack.progress import Silent
from hotpack.sandbox import Function, LocalLambda, Settings
from hotpack.target import RUNTIMES

_TAIL_BYTES = 4096


class Runner:
    """Invokes functions of moto's as Lambda would; a changed one has no sandbox any more."""

    def __init__(self, s3_url: str) -> None:
        self._tools = Tools.of_this_machine(Silent())
        self._settings = Settings(environment={"AWS_ENDPOINT_URL_S3": s3_url})
        self._running: dict[str, tuple[str, ExitStack, LocalLambda]] = {}
        self._lock = threading.Lock()

    def invoke(self, function: Any, revision: str, layers: list[bytes], body: bytes) -> Any:
        """Return what became of an invocation, and Lambda's headers of it."""
        with self._lock:
            running = self._open(function, revision, layers)
        invocation = running.invoke(body)
        tail = "".join(f"{line}\n" for line in invocation.log).encode()[-_TAIL_BYTES:]
        headers = {
            "x-amz-log-result": base64.b64encode(tail).decode(),
            "x-amz-executed-version": str(function.version),
        }
        if invocation.function_error:
            headers["x-amz-function-error"] = invocation.function_error
        return invocation.payload, headers

    def _open(self, function: Any, revision: str, layers: list[bytes]) -> LocalLambda:
        arn = function.function_arn
        known, stack, running = self._running.get(arn, (None, None, None))
        if known == revision and running is not None:
            return running
        if stack is not None:
            stack.close()
        stack = ExitStack()
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="moto-function-")))
        paths = []
        for number, content in enumerate([function.code_bytes, *layers]):
            paths.append(folder / f"{number}.zip")
            paths[-1].write_bytes(content)
        described = Function(
            name=function.function_name,
            handler=function.handler,
            runtime=RUNTIMES[function.run_time],
            architecture=function.architectures[0],
            code=paths[0],
            layers=tuple(paths[1:]),
            memory_mb=function.memory_size,
            timeout_s=function.timeout,
            ephemeral_storage_mb=int(function.ephemeral_storage),
            environment=function.environment_vars,
        )
        running = stack.enter_context(
            local.run(described, self._tools, settings=self._settings)
        ).function
        self._running[arn] = (revision, stack, running)
        return running

    def close(self) -> None:
        """End all sandboxes, and remove what they ran."""
        for _, stack, _ in self._running.values():
            stack.close()
