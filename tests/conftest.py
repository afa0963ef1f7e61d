"""Makes `hotpack_runtime` importable as it is in a function."""

import importlib.util
import sys

if sys.version_info < (3, 14):
    # A build puts the decoder of backports.zstd beside the runtime, under this name.
    found = importlib.util.find_spec("backports.zstd._zstd")
    assert found is not None
    assert found.origin is not None
    spec = importlib.util.spec_from_file_location("hotpack_runtime._zstd", found.origin)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[spec.name])
