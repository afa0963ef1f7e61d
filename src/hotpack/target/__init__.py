"""What is known of AWS Lambda: runtimes, architectures, limits. Each with its source."""

from hotpack.target.runtimes import ARCHITECTURES, RUNTIMES, Architecture, Runtime, Target

__all__ = ["ARCHITECTURES", "RUNTIMES", "Architecture", "Runtime", "Target"]
