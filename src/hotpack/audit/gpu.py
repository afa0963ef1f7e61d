"""What is known of libraries for GPUs, which Lambda does not have."""

import re
from typing import Final

_LIBRARY: Final = re.compile(
    r"lib(cu(da|dart|blas|blasLt|dnn|fft|rand|solver|solverMg|sparse|sparseLt|pti|file|tensor)"
    r"|nccl|nvrtc|nvJitLink|nvToolsExt|nvinfer|nvonnxparser|nvshmem_host)(_\w+)?\.so"
)

_TORCH: Final = "ask for torch's CPU build: `UV_TORCH_BACKEND=cpu hotpack build --upgrade`"
_CPU_BUILDS: Final = {
    "onnxruntime-gpu": "name onnxruntime instead, its CPU build",
    "tensorflow": "name tensorflow-cpu instead",
    "torch": _TORCH,
    "torchaudio": _TORCH,
    "torchvision": _TORCH,
}


def is_gpu_library(name: str) -> bool:
    """Return whether a library of that name is NVIDIA's, e.g. `libcudart.so.12`."""
    return _LIBRARY.match(name) is not None


def cpu_build(distribution: str) -> str:
    """Return how to ask for the build of a distribution that needs no GPU."""
    return _CPU_BUILDS.get(distribution, f"look for a build of {distribution} for CPUs")
