"""Rule `gpu`: libraries for GPUs go where nothing on a CPU loads them.

Lambda has no GPU. Lossless by closure: a distribution of GPU libraries (`nvidia-nccl` under
xgboost) counts as unneeded only if no library of any other distribution names one of its libraries
as needed (DT_NEEDED), so a loader never looks for them; what opens them by name does so once it has
found a GPU. Modules and metadata stay, so imports and versions are as before.
"""

from typing import Final

from hotpack.audit import Libraries
from hotpack.errors import DependencyError
from hotpack.install import Kind, Tree
from hotpack.slim.rules import RuleReport

_PREFIXES: Final = ("nvidia-", "cuda-")
"""NVIDIA's wheels are the only ones on PyPI that hold nothing but GPU libraries."""

_GPU_ONLY: Final = frozenset(
    {Kind.EXTENSION, Kind.LIBRARY, Kind.EXECUTABLE, Kind.STATIC, Kind.HEADER}
)


def drop_gpu(tree: Tree, libraries: Libraries) -> tuple[Tree, RuleReport]:
    """Return the tree without GPU libraries that nothing needs.

    Raises DependencyError where a library of another distribution needs one: that distribution is
    a GPU build, and its CPU build is what Lambda can run.
    """
    gpu = {item.name for item in tree.distributions if item.name.startswith(_PREFIXES)}
    for file, name, owner in libraries.needs_between():
        if owner in gpu and file.distribution not in gpu:
            raise DependencyError(
                f"{file.distribution} is a GPU build: {file.path} needs {name} of {owner}, and "
                "Lambda has no GPU",
                hint="ask for its CPU build: torch's with `UV_TORCH_BACKEND=cpu hotpack build "
                "--upgrade`, tensorflow's by the name tensorflow-cpu",
            )
    slimmed = tree.replaced(
        file for file in tree.files if not (file.distribution in gpu and file.kind in _GPU_ONLY)
    )
    note = f"{', '.join(sorted(gpu))}: nothing here loads them without a GPU" if gpu else None
    return slimmed, RuleReport.between("gpu", tree, slimmed, note)
