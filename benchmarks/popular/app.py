"""Needs a little of a large tree."""

import pydantic
import requests


def handler(event, context):
    return {"pydantic": pydantic.VERSION, "requests": requests.__version__}
