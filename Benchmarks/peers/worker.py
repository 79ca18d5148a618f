"""Measures the peers: takes a line of JSON from the standard input, answers with one.

{"do": "versions"}                                            {"versions": {"torch": "2.13.0", ...}}
{"do": "open", "library": "torch", "case": "matmul",
 "parameters": {"m": 64, "k": 64, "n": 64}, "threads": 1}     {"ready": true}
{"do": "results"}                                             {"results": [{"count": ...}]}
{"do": "time", "repeats": 100}                                {"seconds": 0.0123}

Any request may be answered by {"error": "..."}. A library's cases are functions of the modules LIBRARY_cases and
LIBRARY_..._cases: each takes the parameters and returns what is to be measured; `set_threads` of LIBRARY_cases sets
the number of threads. What is measured may have an attribute `results`: a function that returns the arrays that it
computes, in Mercer's layout, for both sides' results to be compared. `KIND:preallocated` is the case KIND with its
results in memory that was there before.
"""
import gc
import importlib
import json
import math
import sys
import time
from importlib import metadata
from pathlib import Path

from inputs import summary

DISTRIBUTIONS = {
    "torch": "torch",
    "pillow": "pillow",
    "opencv": "opencv-python-headless",
    "numpy": "numpy",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "qiskit": "qiskit-machine-learning",
    "pennylane": "pennylane",
    "dppy": "dppy",
    "tangents": "neural-tangents",
}


class Worker:
    def __init__(self):
        self.body = None

    def versions(self, request):
        found = {}
        for name, distribution in DISTRIBUTIONS.items():
            try:
                found[name] = metadata.version(distribution)
            except metadata.PackageNotFoundError:
                continue
        return {"versions": found}

    def open(self, request):
        library = request["library"]
        base = importlib.import_module(f"{library}_cases")
        cases = {}
        for file in sorted(Path(__file__).parent.glob(f"{library}_*cases.py")):
            cases.update(importlib.import_module(file.stem).CASES)
        function = cases.get(request["case"])
        if function is None:
            raise KeyError(f"{library}_cases.py has no case '{request['case']}'")
        self.body = None
        gc.collect()
        base.set_threads(request["threads"])
        self.body = function(**request["parameters"])
        return {"ready": True}

    def results(self, request):
        found = [summary(array) for array in getattr(self.body, "results", list)()]
        if not all(math.isfinite(one["norm"]) for one in found):
            raise ValueError("the results aren't finite")
        return {"results": found}

    def time(self, request):
        body, repeats = self.body, request["repeats"]
        start = time.perf_counter()
        for _ in range(repeats):
            body()
        return {"seconds": time.perf_counter() - start}


def main():
    worker = Worker()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(worker, request["do"])(request)
        except Exception as error:  # whatever a peer throws is told to the one who asked
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
