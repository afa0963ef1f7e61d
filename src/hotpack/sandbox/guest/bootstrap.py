"""Start the runtime client as AWS Lambda does: `python bootstrap.py TASK_ROOT OPT HANDLER`.

The name matters: awslambdaric leaves frames of files named `bootstrap.py` out of tracebacks.
"""

import os
import site
import sys


def lambda_path(task_root: str, opt: str, runtime: str, started_with: list[str]) -> list[str]:
    """Return `sys.path` in Lambda's order.

    `started_with` is what Python began with: the folder of this script, PYTHONPATH, and the
    standard library. Python runs with -S, so the machine's own site-packages are not in it:
    Lambda has none.
    """
    layers = os.path.join(opt, "python")  # noqa: PTH118 - pathlib costs milliseconds of the init
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    mine = [task_root, f"{layers}/lib/{version}/site-packages", layers, runtime]
    return mine + [entry for entry in started_with[1:] if entry not in mine]


def main() -> None:
    task_root, opt, handler = sys.argv[1:]
    sys.path[:] = lambda_path(task_root, opt, os.environ["LAMBDA_RUNTIME_DIR"], sys.path)
    sys.argv[:] = [sys.argv[0]]
    # What -S leaves out and handlers may call: exit(), quit(), help().
    site.setquit()
    site.setcopyright()
    site.sethelper()

    from awslambdaric.__main__ import main as serve

    serve([sys.argv[0], handler])


if __name__ == "__main__":
    main()
