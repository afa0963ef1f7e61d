"""Heavy Python dependencies on AWS Lambda: they fit, nothing is lost, the cold start is short."""

__version__ = "0.1.0"
