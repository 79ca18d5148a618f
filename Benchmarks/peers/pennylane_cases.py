"""Cases of PennyLane with its compiled simulator."""
import itertools
import os

import numpy
import pennylane

CASES = {}


def set_threads(count):
    os.environ["OMP_NUM_THREADS"] = str(count)


def quantum_kernel(qubits, points):
    random = numpy.random.default_rng(0)
    x = random.uniform(0, 2 * numpy.pi, (points, qubits))
    device = pennylane.device("lightning.qubit", wires=qubits)
    pairs = list(itertools.combinations(range(qubits), 2))

    @pennylane.qnode(device)
    def state(x):
        for _ in range(2):
            for q in range(qubits):
                pennylane.Hadamard(q)
                pennylane.RZ(2 * x[q], q)
            for i, j in pairs:
                pennylane.IsingZZ(2 * (numpy.pi - x[i]) * (numpy.pi - x[j]), (i, j))
        return pennylane.state()

    def evaluate():
        states = numpy.stack([state(row) for row in x])
        return numpy.abs(states.conj() @ states.T) ** 2

    return evaluate


CASES["quantum-kernel"] = quantum_kernel
