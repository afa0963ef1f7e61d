"""The runtime in every Python of Lambda's that is on this machine."""

import json

import pytest

from hotpack import local
from hotpack.pipeline import Tools, build
from hotpack.project import load_project
from hotpack.target import RUNTIMES
from hotpack.target.runtimes import host_architecture

from .conftest import MakeProject

TOUCHES = """\
import glob, importlib.metadata, importlib.resources, inspect, os, pathlib, pkgutil, subprocess, sys

import jinja2


class Files:
    stat = os.stat


def handler(event, context):
    here = pathlib.Path(jinja2.__file__).parent
    seen = {
        "is_file": (here / "py.typed").is_file(),
        "exists": (here / "none").exists(),
        "iterdir": len(list(here.iterdir())) > 20,
        "resolve": here.resolve() == here,
        "method": Files().stat(here / "ext.py").st_size > 0,
        "relative": len(open(os.path.relpath(here / "lexer.py")).read()) > 0,
        "glob": len(glob.glob(f"{here}/*.py")) > 20,
        "source": "class Template" in inspect.getsource(jinja2.Template),
        "version": importlib.metadata.version("jinja2"),
        "resources": importlib.resources.files("jinja2").joinpath("py.typed").is_file(),
        "packages": len(list(pkgutil.iter_modules(jinja2.__path__))) > 20,
        "render": jinja2.Template("{{ 1 + 1 }}").render(),
    }
    child = subprocess.run([sys.executable, "-c", "import jinja2.sandbox"], capture_output=True)
    return {**seen, "child": child.returncode, "cold": event["cold"] == "touch"}
"""


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_touches(make_project: MakeProject, tools: Tools, runtime: str) -> None:
    """What is cold is found by all that looks for it, in each version of Python."""
    if tools.uv.find_python(RUNTIMES[runtime].python_version) is None:
        pytest.skip(f"there is no Python {RUNTIMES[runtime].python_version} here")
    root = make_project(TOUCHES, dependencies=("jinja2==3.1.6",)).root
    place = {"runtime": runtime, "architecture": host_architecture(), "place": {"*": "bundled"}}
    release = build(load_project(root, place), tools).release
    with local.run(local.function_of(release, "f"), tools, release=release) as running:
        answer = json.loads(running.function.invoke(b'{"cold": "touch"}').payload)
    assert answer == {
        **dict.fromkeys(("is_file", "iterdir", "resolve", "method", "relative", "glob"), True),
        **dict.fromkeys(("source", "resources", "packages", "cold"), True),
        "exists": False,
        "version": "3.1.6",
        "render": "2",
        "child": 0,
    }
