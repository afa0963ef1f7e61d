"""serverless-python-requirements with `slim` and `zip`, from npm: its own modules, its own loader.

The packages, slimmed, are in a zip inside the function, which `unzip_requirements.py` unpacks to
/tmp. So they are held to Lambda's 250 MB, compressed.
"""

import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Final

from hotpack.cache import digest_of
from hotpack.errors import DependencyError
from hotpack.measure.folders import folder_of
from hotpack.measure.ways.shipping import (
    Shipped,
    Way,
    function_with,
    libraries,
    own_files,
    starter,
)
from hotpack.measure.ways.tools import npm_package, run_tool
from hotpack.pack import Entry
from hotpack.pipeline import Prepared, Tools

_PACKAGE: Final = "serverless-python-requirements@6.1.2"
_UNZIP: Final = "unzip_requirements.py"
_START: Final = """\
try:
    import unzip_requirements
except ImportError:
    pass
"""
"""As its README has it."""

_PACK: Final = """\
const [plugin, folder, zip, strips] = process.argv.slice(1);
const slim = require(plugin + "/lib/slim"), tree = require(plugin + "/lib/zipTree");
const JSZip = require(require.resolve("jszip", {paths: [plugin]}));
const {spawnSync} = require("child_process");

if (strips == "true") {
  const [program, ...options] = slim.getStripCommand({slim: true}, folder);
  const done = spawnSync(program, options, {stdio: ["ignore", "ignore", "inherit"]});
  if (done.error) throw done.error;
}
slim.deleteFiles({slim: true}, folder);
tree.addTree(new JSZip(), folder).then(full => tree.writeZip(full, zip));
"""
"""What the plugin does after pip, in its own order and with its own functions. The rest of the
framework, which needs an account, is not run."""


def ship(strips: bool, prepared: Prepared, tools: Tools) -> Shipped:
    """Return the project with its packages in the function's own zip."""
    plugin = npm_package(_PACKAGE, tools)
    packed = _pack(plugin, strips, prepared, tools)
    handler, start = starter(prepared, _START, tools.cache)
    entries = [
        *own_files(prepared),
        Entry.of_path(_UNZIP, plugin / _UNZIP),
        Entry.of_path(".requirements.zip", packed, stored=True),
        start,
    ]
    name = "serverless" if strips else "serverless-unstripped"
    code = folder_of(entries, tools.cache)
    needed = int((packed.parent / "tmp-bytes").read_text())
    return Shipped(function_with(prepared, name, handler, code, tmp_bytes=needed))


def _pack(plugin: Path, strips: bool, prepared: Prepared, tools: Tools) -> Path:
    files = libraries(prepared)
    listing = (f"{file.path}\0{file.sha256}" for file in files)
    key = digest_of("serverless", _PACKAGE, strips, *listing)
    made = tools.cache.path("archives", key)
    if not made.is_dir():
        with (
            tools.cache.folder("archives", key) as beside,
            tools.progress.task("serverless-python-requirements", None, "files"),
            tempfile.TemporaryDirectory(prefix=".serverless-", dir=beside.parent) as folder,
        ):
            for file in files:
                path = Path(folder, file.path)
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file.source, path)
            packed = beside / "requirements.zip"
            words = (plugin, folder, packed, str(strips).lower())
            command = ["node", "-e", _PACK, *map(str, words)]
            run_tool(_PACKAGE, command, beside)
            if not packed.is_file():
                raise DependencyError(f"{_PACKAGE} wrote no zip")
            left = (path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
            (beside / "tmp-bytes").write_text(str(sum(size + 4096 for size in left)))
    return made / "requirements.zip"


WAY: Final = Way(
    "serverless",
    f"{_PACKAGE}, slim and zip: stripped, a zip in the function, unpacked to /tmp",
    partial(ship, True),
    is_peer=True,
)
UNSTRIPPED: Final = Way(
    "serverless-unstripped",
    f"{_PACKAGE}, slim and zip, strip: false",
    partial(ship, False),
    is_peer=True,
)
