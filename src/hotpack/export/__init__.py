"""Writes a build's function for the tools that people have: Terraform, SAM, Serverless, CDK.

A room beside `deploy`, since nothing of it talks to AWS: it takes the keys and the policy from
there, and the settings from the build.
"""

from hotpack.export.subject import Subject
from hotpack.export.tools import TOOLS

__all__ = ["TOOLS", "Subject"]
