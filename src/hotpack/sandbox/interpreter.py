"""The Python that sandboxes run: where its parts are."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hotpack.errors import SandboxError
from hotpack.target import Runtime

_ASK = """
import json, site, sys, sysconfig
sys.path.insert(0, sys.argv[1])
from guest import holder, watch  # saves their bytecode, as no sandbox can: 5 ms of a start
base = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}
paths = sysconfig.get_paths(vars=base)
print(json.dumps({
    "executable": getattr(sys, "_base_executable", None) or sys.executable,
    "prefix": sys.base_prefix,
    "version": "%d.%d" % sys.version_info[:2],
    "site_packages": sorted({paths["purelib"], paths["platlib"],
                             *site.getsitepackages([sys.base_prefix, sys.base_exec_prefix])}),
}))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An installed Python; never a virtual environment's, but the one that it was made from."""

    executable: Path
    prefix: Path
    """The folder that it was installed to."""

    version: str
    """Major and minor, e.g. `3.13`."""

    site_packages: tuple[Path, ...]
    """Where third-party packages of this machine are: not on Lambda, so hidden from functions."""


def inspect(executable: Path) -> Interpreter:
    """Ask a Python where its parts are. Raises SandboxError where it cannot be run."""
    try:
        answer = subprocess.run(
            [executable, "-I", "-c", _ASK, Path(__file__).parent],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        told = json.loads(answer.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        detail = getattr(error, "stderr", None) or error
        raise SandboxError(f"the Python at {executable} does not run: {detail}") from error
    prefix = Path(told["prefix"]).resolve()
    packages = {Path(path).resolve() for path in told["site_packages"]}
    return Interpreter(
        executable=Path(told["executable"]).resolve(),
        prefix=prefix,
        version=told["version"],
        site_packages=tuple(
            sorted(path for path in packages if path.is_dir() and path.is_relative_to(prefix))
        ),
    )


def require(interpreter: Interpreter, runtime: Runtime) -> None:
    """Raise SandboxError unless the interpreter is what the runtime needs."""
    if interpreter.version != runtime.python_version:
        raise SandboxError(
            f"{interpreter.executable} is Python {interpreter.version}, "
            f"but the function's runtime is {runtime.name}",
            hint=f"uv python install {runtime.python_version}",
        )
