"""Run by the target's Python: compiles sources to unchecked-hash bytecode.

Reads from stdin a JSON list of [source, result, path in the function]; writes to stdout the list
of sources that do not compile. Stands alone: any Python from 3.10 on runs it, without hotpack.
"""

import json
import os
import py_compile
import sys


def main() -> None:
    failed = []
    for source, result, path in json.load(sys.stdin):
        os.makedirs(os.path.dirname(result), exist_ok=True)  # noqa: PTH103, PTH120
        try:
            py_compile.compile(
                source,
                cfile=result,
                dfile="/var/task/" + path,  # import puts the right one in where it differs
                doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
        except (py_compile.PyCompileError, SyntaxError, ValueError, RecursionError):
            failed.append(source)
    json.dump(failed, sys.stdout)


if __name__ == "__main__":
    main()
