"""What AWS answers when it refuses, as errors for people."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from hotpack.errors import AwsError, ConflictError, HotpackError, LimitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_PERMISSION: Final = "the credentials lack a permission: docs/deploy.md lists what is needed"
_NO_CREDENTIALS: Final = "set them up as for the AWS CLI: `aws configure`, `aws sso login`, a role"
_SIGN_IN: Final = "sign in again, for example with `aws sso login`"
_SLOW: Final = "wait a moment and run it again: it goes on where it stopped"
_NETWORK: Final = "check the network, the proxy and the region, then run it again"
_ENDPOINT: Final = "see AWS_ENDPOINT_URL, and the proxy: something answers in AWS's place"
_UNDER_WAY: Final = "nothing that is live was changed; see `hotpack status`, then run it again"

_HINTS: Final = {
    "403": _PERMISSION,
    "AccessDenied": _PERMISSION,
    "AccessDeniedException": _PERMISSION,
    "AllAccessDisabled": _PERMISSION,
    "CodeStorageExceededException": "`hotpack gc --keep 5` deletes old versions; or ask AWS for "
    "more (Service Quotas, Lambda: function and layer storage)",
    "ExpiredToken": _SIGN_IN,
    "ExpiredTokenException": _SIGN_IN,
    "InvalidAccessKeyId": _NO_CREDENTIALS,
    "InvalidClientTokenId": _NO_CREDENTIALS,
    "RequestLimitExceeded": _SLOW,
    "SignatureDoesNotMatch": _NO_CREDENTIALS,
    "SlowDown": _SLOW,
    "Throttling": _SLOW,
    "ThrottlingException": _SLOW,
    "TooManyRequestsException": _SLOW,
    "UnrecognizedClientException": _NO_CREDENTIALS,
}

_CONFLICTS: Final = frozenset(
    {"PreconditionFailedException", "ResourceConflictException", "ConflictException"}
)
"""Lambda's words for: it is being changed, or was since it was looked at."""


def code_of(error: "ClientError") -> str:
    """Return what AWS calls a refusal."""
    return str(error.response.get("Error", {}).get("Code", ""))


def words_of(error: "ClientError") -> str:
    """Return AWS's own sentence."""
    return str(error.response.get("Error", {}).get("Message", ""))


@contextmanager
def refusals(doing: str) -> Iterator[None]:
    """Raise AwsError, ConflictError or LimitError in place of what botocore raises.

    `doing` completes the sentence "AWS refused to …".
    """
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        raise _refused(doing, error) from error
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
        raise AwsError("there are no credentials for AWS", hint=_NO_CREDENTIALS) from error
    except (exceptions.CredentialRetrievalError, exceptions.TokenRetrievalError) as error:
        raise AwsError(f"the credentials for AWS cannot be had: {error}", hint=_SIGN_IN) from error
    except exceptions.SSOError as error:
        raise AwsError(f"the credentials for AWS cannot be had: {error}", hint=_SIGN_IN) from error
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
        raise AwsError(f"AWS cannot be reached to {doing}: {error}", hint=_NETWORK) from error
    except exceptions.BotoCoreError as error:
        raise AwsError(f"cannot {doing}: {error}") from error


def _refused(doing: str, error: "ClientError") -> HotpackError:
    code, words = code_of(error), words_of(error)
    if code in _CONFLICTS:
        return ConflictError(f"another deploy is under way: {words}", hint=_UNDER_WAY)
    if code not in _HINTS and (not words or words.lstrip().startswith("<")):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "?")
        answer = f"HTTP {status} and no words of AWS's"
        return AwsError(f"cannot {doing}: the answer is {answer}", hint=_ENDPOINT)
    message = f"AWS refused to {doing}: {words} ({code})"
    if "nzipped size must be smaller" in words or "exceeds the maximum allowed size" in words:
        return LimitError(message, hint="`hotpack sizes` shows what weighs what")
    if "'memorySize'" in words or "'MemorySize'" in words:
        hint = "new accounts have at most 3,008 MB: ask AWS for more, or lower memory_mb"
        return LimitError(message, hint=hint)
    if "UnreservedConcurrentExecution" in words:
        return LimitError(message, hint="ask AWS for more concurrency (Service Quotas, Lambda)")
    return AwsError(message, hint=_HINTS.get(code))
