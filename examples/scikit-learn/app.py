"""Tells a wine's grower from its chemistry, by three kinds of models that are trained at init."""

import tempfile
from importlib.metadata import files
from pathlib import Path

import pandas
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from xgboost import XGBClassifier


def lend_libgomp() -> None:
    """Put scikit-learn's libgomp where lightgbm finds it: its wheel has none, nor has Lambda."""
    [libgomp] = [file for file in files("scikit-learn") if file.name.startswith("libgomp")]
    link = Path(tempfile.gettempdir(), "libgomp.so.1")
    if not link.is_symlink():
        link.symlink_to(libgomp.locate())


lend_libgomp()

from lightgbm import LGBMClassifier  # noqa: E402

wine = load_wine(as_frame=True)
models = {
    "scikit-learn": RandomForestClassifier(n_estimators=20, random_state=1),
    "xgboost": XGBClassifier(n_estimators=10, random_state=1),
    "lightgbm": LGBMClassifier(n_estimators=10, random_state=1, verbose=-1),
}
for model in models.values():
    model.fit(wine.data, wine.target)


def handler(event, context):
    samples = pandas.DataFrame(event["wines"], columns=wine.data.columns)
    return {name: model.predict(samples).tolist() for name, model in models.items()}
