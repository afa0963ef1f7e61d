"""moto's server on a free port, with what its Lambda lacks. A program; it prints its URL.

With --run it runs the functions that it is asked to invoke; else the answer is the event.

Lacking in moto 5.2: GetAccountSettings, RevisionId, CodeSha256 of PublishVersion, /tmp, SnapStart
and the processor in updates, where the code of a version can be read, and the log of an invocation.
"""

import base64
import json
import signal
import sys
import uuid
from typing import Any, Final
from wsgiref.types import StartResponse

import boto3
import moto.awslambda.models as models
from moto.awslambda.exceptions import InvalidParameterValueException, PreconditionFailedException
from moto.awslambda.responses import LambdaResponse
from moto.awslambda.urls import url_paths
from moto.awslambda_simple.models import LambdaSimpleBackend, lambda_simple_backends
from moto.core.config import default_user_config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from running import Runner  # type: ignore[import-not-found]  # beside this program
from werkzeug.serving import make_server

SETTINGS: Final = {
    "AccountLimit": {
        "TotalCodeSize": 80_530_636_800,
        "CodeSizeUnzipped": 262_144_000,
        "CodeSizeZipped": 52_428_800,
        "ConcurrentExecutions": 1000,
        "UnreservedConcurrentExecutions": 1000,
    },
    "AccountUsage": {"TotalCodeSize": 0, "FunctionCount": 0},
}

LambdaFunction, LambdaAlias = models.LambdaFunction, models.LambdaAlias
make = LambdaFunction.__init__
get_configuration = LambdaFunction.get_configuration
update_configuration = LambdaFunction.update_configuration
update_function_code = LambdaFunction.update_function_code
get_code = LambdaFunction.get_code
update_alias = LambdaAlias.update
simple_invoke = LambdaSimpleBackend.invoke
url = ""
runner: Runner | None = None


def check_revision(thing: Any, body: dict[str, Any]) -> None:
    """Refuse a change from whoever saw another revision, as Lambda does."""
    if body.get("RevisionId") not in {None, revision_of(thing)}:
        raise PreconditionFailedException(
            "The Revision Id provided does not match the latest Revision Id. Call the "
            "GetFunction/GetAlias API to retrieve the latest Revision Id"
        )


def revision_of(thing: Any) -> str:
    if not hasattr(thing, "revision_id"):
        thing.revision_id = str(uuid.uuid4())
    return str(thing.revision_id)


def init(self: Any, account_id: str, spec: dict[str, Any], *rest: Any, **named: Any) -> None:
    make(self, account_id, spec, *rest, **named)
    self.snap_start = spec.get("SnapStart", {}).get("ApplyOn", "None")


def configuration(self: Any, on_create: bool = False) -> dict[str, Any]:
    return {
        **get_configuration(self, on_create),
        "RevisionId": revision_of(self),
        "SnapStart": {"ApplyOn": self.snap_start, "OptimizationStatus": "Off"},
    }


def configure(self: Any, body: dict[str, Any]) -> dict[str, Any]:
    check_revision(self, body)
    if "EphemeralStorage" in body:
        self.ephemeral_storage = body["EphemeralStorage"]["Size"]
    if "SnapStart" in body:
        self.snap_start = body["SnapStart"]["ApplyOn"]
    self.revision_id = str(uuid.uuid4())
    return update_configuration(self, body)


def change_code(self: Any, body: dict[str, Any]) -> dict[str, Any]:
    # moto's backend calls it twice a request.
    if body.pop("RevisionId", None) not in {None, revision_of(self)}:
        check_revision(self, {"RevisionId": "another"})
    self.code = dict(self.code)  # published versions share it
    if "Architectures" in body:
        self.architectures = body["Architectures"]
    self.revision_id = str(uuid.uuid4())
    return update_function_code(self, body)


def code(self: Any) -> dict[str, Any]:
    answer = get_code(self)
    answer["Code"]["Location"] = f"{url}/code/{self.function_arn}"
    if "S3Bucket" in self.code:
        place = {"Bucket": self.code["S3Bucket"], "Key": self.code["S3Key"]}
        answer["Code"]["Location"] = s3().generate_presigned_url("get_object", Params=place)
    return answer


def invoke(
    self: Any, name: str, qualifier: str | None, body: Any, headers: Any, answered: Any
) -> Any:
    """Answer with the event, and a log whose report is cold once for each configuration."""
    invoked = self.get_function(name, qualifier)
    if runner is not None:
        layers = [self.layers_versions_by_arn(item["Arn"]).code_bytes for item in invoked.layers]
        payload, headers_ = runner.invoke(invoked, revision_of(invoked), layers, body.encode())
        answered.update(headers_)
        return payload
    is_cold = getattr(invoked, "warm_revision", None) != revision_of(invoked)
    invoked.warm_revision = revision_of(invoked)
    took = "Duration: 15.74 ms\tBilled Duration: 16 ms\tMemory Size: 128 MB\tMax Memory Used: 56 MB"
    init = "\tInit Duration: 130.49 ms" if is_cold else ""
    log = f"START RequestId: 1 Version: 1\nEND RequestId: 1\nREPORT RequestId: 1\t{took}{init}\t\n"
    answered["x-amz-log-result"] = base64.b64encode(log.encode()).decode()
    answered["x-amz-executed-version"] = str(invoked.version)
    return simple_invoke(self, name, qualifier, body, headers, answered)


def code_bytes(arn: str) -> Any:
    """Return the zip of a function that was sent along."""
    region, account, name = (arn.split(":")[place] for place in (3, 4, 6))
    return lambda_simple_backends[account][region].get_function(name, None).code_bytes


def s3() -> Any:
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )


def change_alias(self: Any, *arguments: Any) -> None:
    update_alias(self, *arguments)
    self.revision_id = str(uuid.uuid4())


class Response(LambdaResponse):
    def get_account_settings(self) -> str:
        return json.dumps(SETTINGS)

    def publish_version(self) -> Any:
        name = self.path.split("/")[-2]
        latest = self.backend.get_function(name, None)
        check_revision(latest, self.json_body)
        if self.json_body.get("CodeSha256") not in {None, latest.code_sha_256}:
            raise InvalidParameterValueException("CodeSha256 is different from current one")
        return super().publish_version()

    def update_alias(self) -> Any:
        parts = self.path.split("/")
        check_revision(self.backend.get_alias(parts[-1], parts[-3]), self.json_body)
        return super().update_alias()


class Logged:
    """The application, which notes every request in order: GET /log shows and forgets them."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._log: list[str] = []

    def __call__(self, environ: dict[str, Any], start: StartResponse) -> Any:
        if environ["PATH_INFO"] == "/log":
            body, self._log = json.dumps(self._log).encode(), []
            start("200 OK", [("Content-Type", "application/json")])
            return [body]
        if environ["PATH_INFO"].startswith("/code/"):
            start("200 OK", [("Content-Type", "application/zip")])
            return [code_bytes(environ["PATH_INFO"].removeprefix("/code/"))]
        query = f"?{environ['QUERY_STRING']}" if environ["QUERY_STRING"] else ""
        self._log.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}{query}")
        return self._application(environ, start)


def main() -> None:
    global url, runner  # noqa: PLW0603 - a program
    for path in list(url_paths):
        url_paths[path] = Response.dispatch
    url_paths["{0}/(?P<api_version>[^/]+)/account-settings/?$"] = Response.dispatch
    for owner, name, better in (
        (LambdaFunction, "__init__", init),
        (LambdaFunction, "get_configuration", configuration),
        (LambdaFunction, "update_configuration", configure),
        (LambdaFunction, "update_function_code", change_code),
        (LambdaFunction, "get_code", code),
        (LambdaAlias, "update", change_alias),
        (LambdaSimpleBackend, "invoke", invoke),
    ):
        setattr(owner, name, better)
    default_user_config["lambda"] = {"use_docker": False}
    application = Logged(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True)
    url = f"http://127.0.0.1:{server.server_port}"
    if "--run" in sys.argv:
        runner = Runner(url)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    print(url, flush=True)
    try:
        server.serve_forever()
    finally:
        if runner is not None:
            runner.close()


if __name__ == "__main__":
    main()
