"""Copies of functions and layers for them, as Lambda has them: what comes and goes again."""

from collections.abc import Mapping
from typing import Any, Final

from hotpack.deploy.aws.functions import S3Place, code_argument, settings_of, version_of
from hotpack.deploy.aws.refusals import refusals
from hotpack.deploy.facts import Configuration
from hotpack.errors import AwsError

_TAG: Final = "hotpack-copy-of"
RUN_TAG: Final = "hotpack-copy-run"
"""Says which run has made a copy: what another one made is left alone."""

_AS_IT_IS: Final = ("FileSystemConfigs", "KMSKeyArn", "TracingConfig")
_NETWORK: Final = ("SubnetIds", "SecurityGroupIds", "Ipv6AllowedForDualStack")


class Copies:
    """Lambda, as far as experiments go: nothing here changes a function that was there before."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def settings(self, name: str, qualifier: str) -> dict[str, Any]:
        """Return what `CreateFunction` takes of a version's settings, but for `Configuration`.

        Network, file systems, layers, keys: what hotpack has no say in otherwise. Not what calls
        it, nor how many sandboxes it may have. The copy logs where the function does.
        """
        with refusals(f"look at the function {name}:{qualifier}"):
            document: Mapping[str, Any] = self._client.get_function_configuration(
                FunctionName=name, Qualifier=qualifier
            )
        if error := document.get("Environment", {}).get("Error"):
            raise AwsError(
                f"AWS does not show the environment variables of {name}: {error.get('Message')}",
                hint="a copy of it needs them: get kms:Decrypt for the function's key",
            )
        logging = document.get("LoggingConfig", {})
        network = document.get("VpcConfig", {})
        found = {key: document[key] for key in _AS_IT_IS if document.get(key)}
        found["LoggingConfig"] = {"LogGroup": f"/aws/lambda/{name}", **logging}
        if network.get("SubnetIds"):
            found["VpcConfig"] = {key: network[key] for key in _NETWORK if key in network}
        found["Layers"] = [layer["Arn"] for layer in document.get("Layers", ())]
        found["Architectures"] = document.get("Architectures", ["x86_64"])
        return found

    def create(
        self,
        name: str,
        of: str,
        code: bytes | S3Place,
        configuration: Configuration,
        settings: Mapping[str, Any],
        run: str,
    ) -> Configuration:
        """Make a copy; return its settings as Lambda has them.

        Raises ConflictError where there is a function of that name.
        """
        with refusals(f"create the function {name}"):
            document = self._client.create_function(
                FunctionName=name,
                PackageType="Zip",
                Code=code_argument(code),
                Tags={_TAG: of, RUN_TAG: run},
                **settings,
                **settings_of(configuration),
            )
        return version_of(document).configuration

    def delete(self, name: str) -> None:
        """Delete a copy, if it is there."""
        with refusals(f"delete the function {name}"):
            try:
                self._client.delete_function(FunctionName=name)
            except self._client.exceptions.ResourceNotFoundException:
                return

    def publish_layer(self, name: str, content: bytes, run: str) -> str:
        """Publish a layer; return the ARN of its version."""
        with refusals(f"publish the layer {name}"):
            answer = self._client.publish_layer_version(
                LayerName=name, Description=run, Content={"ZipFile": content}
            )
        return str(answer["LayerVersionArn"])

    def delete_layers(self, name: str, run: str) -> None:
        """Delete what a run has published of a layer, also where the answer was lost."""
        with refusals(f"delete the layer {name}"):
            pages = self._client.get_paginator("list_layer_versions").paginate(LayerName=name)
            for version in [version for page in pages for version in page["LayerVersions"]]:
                if version.get("Description") == run:
                    self._client.delete_layer_version(
                        LayerName=name, VersionNumber=version["Version"]
                    )
