"""Fuzzes the readers of packs and manifests, guided by coverage.

    make fuzz SECONDS=600
    python benchmarks/fuzz.py --seconds 600 --found folder

Ends with 1 at a find, which is written into the folder: once mended, it goes into the corpus,
tests/faults/corpus.
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import tests.conftest  # noqa: F401 - the decoder, where the standard library has none
from tests.faults.reading import CORPUS, fuzz_one


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=600)
    options.add_argument("--found", type=Path, default=Path(".fuzz"), help="for new inputs")
    chosen = options.parse_args()
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed: it has wheels for Linux, up to Python 3.13")
    atheris.instrument_all()
    chosen.found.mkdir(exist_ok=True)
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        limits = ["-rss_limit_mb=1024", "-max_len=8192", "-timeout=10"]
        atheris.Setup(
            [
                *(
                    sys.argv[0],
                    f"-max_total_time={chosen.seconds}",
                    "-print_final_stats=1",
                    *limits,
                ),
                *(f"-artifact_prefix={chosen.found}/", str(chosen.found), str(CORPUS)),
            ],
            lambda data: fuzz_one(data, Path(folder)),
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
