"""Measures the peers: takes a line of JSON from the standard input, answers with one.

{"do": "versions"}                                            {"versions": {"torch": "2.13.0", ...}}
{"do": "open", "library": "torch", "case": "matmul",
 "parameters": {"m": 64, "k": 64, "n": 64}, "threads": 1}     {"ready": true}
{"do": "time", "repeats": 100}                                {"seconds": 0.0123}

Any request may be answered by {"error": "..."}. A library's cases are functions of the module LIBRARY_cases: each
takes the parameters and returns what is to be measured; `set_threads` sets the number of threads.
"""
import importlib
import json
import sys
import time
from importlib import metadata

DISTRIBUTIONS = {
    "torch": "torch",
    "pillow": "pillow",
    "opencv": "opencv-python-headless",
    "numpy": "numpy",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
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
        module = importlib.import_module(f"{request['library']}_cases")
        function = module.CASES.get(request["case"])
        if function is None:
            raise KeyError(f"{request['library']}_cases.py has no case '{request['case']}'")
        module.set_threads(request["threads"])
        self.body = function(**request["parameters"])
        return {"ready": True}

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
