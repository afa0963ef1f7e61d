"""The only door to AWS: what is asked and told there, and its refusals as errors for people."""

from hotpack.deploy.aws.bucket import Bucket, LocalFile, StoredObject
from hotpack.deploy.aws.functions import Functions
from hotpack.deploy.aws.roles import Roles
from hotpack.deploy.aws.session import Aws, connect, open_session

__all__ = [
    "Aws",
    "Bucket",
    "Functions",
    "LocalFile",
    "Roles",
    "StoredObject",
    "connect",
    "open_session",
]
