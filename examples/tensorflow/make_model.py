"""Trains the model and writes the sample event; both are committed, so nobody has to run this.

uv run --no-project --python 3.12 --with tensorflow-cpu==2.21.* --with scikit-learn make_model.py
"""

import json
from pathlib import Path

import keras
from sklearn.datasets import load_digits

HERE = Path(__file__).parent
SEVEN = 7


def main() -> None:
    keras.utils.set_random_seed(2019)
    digits = load_digits()
    model = keras.Sequential(
        [
            keras.Input((8, 8)),
            keras.layers.Reshape((8, 8, 1)),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(digits.images[:-200] / 16, digits.target[:-200], epochs=30, verbose=0)
    _, accuracy = model.evaluate(digits.images[-200:] / 16, digits.target[-200:], verbose=0)
    print(f"{accuracy:.1%} of 200 digits that it was not trained on")
    model.compile()  # without the optimizer's state, which no prediction needs
    model.save(HERE / "models" / "digits.keras", include_optimizer=False)
    seven = next(
        i for i in range(len(digits.target) - 200, len(digits.target)) if digits.target[i] == SEVEN
    )
    event = {"image": digits.images[seven].astype(int).tolist()}
    rows = ",\n    ".join(json.dumps(row) for row in event["image"])
    (HERE / "events" / "seven.json").write_text(f'{{\n  "image": [\n    {rows}\n  ]\n}}\n')


if __name__ == "__main__":
    main()
