"""Rule `gpu`: libraries for GPUs go where nothing on a CPU loads them.

Lambda has no GPU. Lossless by closure: a library of NVIDIA's distributions (`nvidia-nccl` under
xgboost) goes only if no library of any other distribution names it as needed (DT_NEEDED), nor any
extension module of theirs or what that needs, so no import makes a loader look for it; what opens
it by name does so once it has found a GPU. Modules, extension modules (`cuda-bindings` imports
without a GPU) and metadata stay, so imports and versions are as before.
"""

from typing import Final

from hotpack.audit import Libraries, cpu_build
from hotpack.errors import DependencyError
from hotpack.install import Kind, Tree
from hotpack.slim.rules import RuleReport

_PREFIXES: Final = ("nvidia-", "cuda-")
"""What NVIDIA's distributions on PyPI are called."""

_GPU_ONLY: Final = frozenset({Kind.LIBRARY, Kind.EXECUTABLE, Kind.STATIC, Kind.HEADER})


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
                hint=f"{cpu_build(file.distribution)}; or keep it all with slim.gpu = false",
            )
    theirs = [file for file in tree.files if file.distribution in gpu]
    loaded = libraries.loaded_by(file for file in theirs if file.kind is Kind.EXTENSION)
    dropped = {file.path for file in theirs if file.kind in _GPU_ONLY and file.path not in loaded}
    slimmed = tree.replaced(file for file in tree.files if file.path not in dropped)
    names = sorted({file.distribution for file in theirs if file.path in dropped})
    note = f"{', '.join(names)}: nothing here loads them without a GPU" if names else None
    return slimmed, RuleReport.between("gpu", tree, slimmed, note)
