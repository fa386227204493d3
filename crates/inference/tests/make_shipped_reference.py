"""Records what Python says of the shipped bundles on the made-up study of make_fixtures.py.

    python crates/inference/tests/make_shipped_reference.py

Run it after `make train` or `models/training/gpu ship` has put other models into models/. Reads the bundles by the code of
models/training.
"""

import hashlib
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "models" / "training"), str(Path(__file__).parent)]

from make_fixtures import HERE, lung_mask, pixels  # noqa: E402
from norma_training.served import ServedBundle  # noqa: E402


#: Folder of a bundle → the file of what Python says of it.
BUNDLES = {ROOT / "models": "shipped.json", ROOT / "models" / "reference": "reference_method.json"}


def record(folder, name):
    bundle = folder / "bundle.yaml"
    served = ServedBundle(bundle.parent)
    reading = served.read(pixels(), lung_mask())
    digests = [hashlib.sha256(bundle.read_bytes()).hexdigest()]
    for model in [*served.anomaly, served.classifier, served.typing]:
        digests.append(hashlib.sha256((model.folder / "manifest.yaml").read_bytes()).hexdigest())
    reference = {
        "files_sha256": digests,
        "anomaly": reading.anomaly,
        "anomaly_slices": reading.anomaly_slices.astype(float).tolist(),
        "anomaly_map": reading.anomaly_map[2].astype(float).round(5).tolist(),
        "classifier": reading.classifier,
        "classifier_slices": reading.classifier_slices.astype(float).tolist(),
        "score": reading.score,
        "probability": reading.probability,
        "types": {key: float(value) for key, value in reading.types.items()},
    }
    (HERE / name).write_text(json.dumps(reference, indent=1) + "\n")


if __name__ == "__main__":
    for folder, name in BUNDLES.items():
        record(folder, name)
