"""The peer: one process, FastAPI, as the reference method's own service was."""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import uvicorn
import yaml
from fastapi import FastAPI, UploadFile

sys.path.insert(0, str(Path(__file__).parent))
import models
import preparation

THREADS = int(os.environ.get("PEER_THREADS", "2"))
FOLDER = Path(os.environ.get("PEER_MODELS", "models"))
# As a first service would be written, each model runs its network for itself; as a second one, all share what it says.
models.Network.SHARED = os.environ.get("PEER_NETWORKS", "shared") == "shared"
BUNDLE = yaml.safe_load((FOLDER / "bundle.yaml").read_text())
ANOMALY = [models.Model(FOLDER / name, THREADS) for name in BUNDLE["models"]["anomaly"]]
CLASSIFIER = models.Model(FOLDER / BUNDLE["models"]["classifier"], THREADS)
TYPING = models.Model(FOLDER / BUNDLE["models"]["typing"], THREADS)
app = FastAPI()


def anomaly_score(pixels, masks):
    scores = [models.anomaly(model, pixels, masks) for model in ANOMALY]
    combination = BUNDLE.get("anomaly_combination", {"method": "maximum"})
    if combination["method"] == "weighted_mean":
        return float(np.average(scores, weights=combination["weights"]))
    return max(scores)


@app.post("/predict")
def predict(file: UploadFile):
    timings, processor = {}, {}
    models.Network.forget()

    def timed(name, function, *arguments):
        started, busy = time.perf_counter(), time.process_time()
        result = function(*arguments)
        timings[name] = 1000 * (time.perf_counter() - started)
        processor[name] = 1000 * (time.process_time() - busy)
        return result

    with tempfile.NamedTemporaryFile(suffix=".zip") as spool:
        shutil.copyfileobj(file.file, spool)
        spool.flush()
        series = timed("read", preparation.read_series, spool.name)
        volume, spacing = timed("decode", preparation.decode, series, THREADS)
    mask = timed("lungs", preparation.segment_lungs, volume, spacing, THREADS)
    pixels, masks = timed("prepare", preparation.prepare, volume, mask)
    anomaly = timed("anomaly", anomaly_score, pixels, masks)
    probability = timed("classifier", models.classify, CLASSIFIER, pixels)
    findings = timed("typing", models.types, TYPING, pixels)
    models.Network.forget()
    return {
        "anomaly": anomaly,
        "classifier": probability,
        "findings": findings,
        "slices": len(volume),
        "timings_ms": timings,
        "processor_ms": processor,
    }


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
