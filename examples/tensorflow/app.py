"""Reads a handwritten digit, 8 by 8 pixels from 0 to 16, with a small Keras model."""

import os

import keras
import numpy

model = keras.saving.load_model(os.environ["HOTPACK_ASSET_MODEL"], compile=False)


def handler(event, context):
    image = numpy.array([event["image"]], dtype="float32") / 16
    chances = model(image, training=False).numpy()[0]
    digit = int(chances.argmax())
    return {"digit": digit, "chance": round(float(chances[digit]), 3)}
