"""What the runtime costs at a cold start: the modules that it imports."""

import subprocess
import sys
from pathlib import Path

HEAVY = {
    "asyncio", "boto3", "botocore", "dataclasses", "email", "http.client", "inspect",
    "logging", "pathlib", "shutil", "ssl", "typing", "urllib.request", "zipfile",
}  # fmt: skip
"""Modules that cost milliseconds. Bundled packs need none of them; S3 needs http.client."""

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
sys.modules["hotpack_runtime._zstd"] = type(sys)("_zstd")
vars(sys.modules["hotpack_runtime._zstd"]).update(ZstdDecompressor=None, ZstdError=None)
import hotpack_runtime.manifest, hotpack_runtime.restore
print("\\n".join(sys.modules))
"""


def test_nothing_heavy() -> None:
    """The runtime imports nothing that costs milliseconds, and nothing of hotpack."""
    source = Path(__file__).parents[2] / "src"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, str(source)],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(done.stdout.split())
    assert "hotpack_runtime.restore" in imported
    assert not imported & (HEAVY | {"hotpack"})
