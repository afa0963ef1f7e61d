"""What the runtime costs at a cold start: the modules that it imports."""

import subprocess
import sys
from pathlib import Path

ALLOWED = {
    "_posixsubprocess",
    "hotpack_runtime",
    "hotpack_runtime.errors",
    "hotpack_runtime.folder",
    "hotpack_runtime.hooks",
    "hotpack_runtime.importer",
    "hotpack_runtime.manifest",
    "hotpack_runtime.packs",
    "hotpack_runtime.restorer",
    "hotpack_runtime.tree",
    "hotpack_runtime.units",
    "hotpack_runtime.waiting",
    "hotpack_runtime.zstd",
    "importlib.machinery",
}
"""Beside what awslambdaric has imported before: hashlib, importlib, json, os, threading, warnings.
S3 adds http.client and ssl, which only functions with remote packs pay for."""

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
sys.modules["hotpack_runtime._zstd"] = type(sys)("_zstd")
vars(sys.modules["hotpack_runtime._zstd"]).update(ZstdDecompressor=None, ZstdError=None)
import __future__, hashlib, importlib, json, os, threading, warnings
before = set(sys.modules)
import hotpack_runtime.hooks, hotpack_runtime.importer
import hotpack_runtime.restorer, hotpack_runtime.tree
print("\\n".join(set(sys.modules) - before))
"""


def test_nothing_but_what_is_needed() -> None:
    """The runtime imports what stands in the list, and nothing else."""
    source = Path(__file__).parents[2] / "src"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, str(source)],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(done.stdout.split())
    assert "hotpack_runtime.restorer" in imported
    decoder = {name for name in imported if name.split(".")[0] in {"_zstd", "compression", "enum"}}
    assert imported - decoder <= ALLOWED
