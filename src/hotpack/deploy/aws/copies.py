"""Copies of functions and layers for them, as Lambda has them: what comes and goes again."""

from collections.abc import Mapping
from typing import Any, Final

from hotpack.deploy.aws.functions import S3Place, code_argument, settings_of, version_of
from hotpack.deploy.aws.refusals import refusals
from hotpack.deploy.facts import Configuration
from hotpack.errors import AwsError

_TAG: Final = "hotpack-copy-of"

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
    ) -> Configuration:
        """Make a copy; return its settings as Lambda has them.

        Raises ConflictError where there is a function of that name.
        """
        with refusals(f"create the function {name}"):
            document = self._client.create_function(
                FunctionName=name,
                PackageType="Zip",
                Code=code_argument(code),
                Tags={_TAG: of},
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

    def publish_layer(self, name: str, content: bytes) -> tuple[str, int]:
        """Publish a layer; return its ARN and version."""
        with refusals(f"publish the layer {name}"):
            answer = self._client.publish_layer_version(
                LayerName=name, Content={"ZipFile": content}
            )
        return answer["LayerVersionArn"], answer["Version"]

    def delete_layer(self, name: str, version: int) -> None:
        """Delete a version of a layer."""
        with refusals(f"delete the layer {name}"):
            self._client.delete_layer_version(LayerName=name, VersionNumber=version)
