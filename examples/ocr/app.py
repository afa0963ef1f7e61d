"""Reads the text in a picture with the models that rapidocr-onnxruntime carries."""

import base64

from rapidocr_onnxruntime import RapidOCR

engine = RapidOCR()


def handler(event, context):
    found, _ = engine(base64.b64decode(event["png"]))
    return {"lines": [text for _, text, _ in found or []]}
