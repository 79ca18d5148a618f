"""Cases of Qiskit Machine Learning."""
import numpy
from qiskit.circuit.library import zz_feature_map
from qiskit_machine_learning.kernels import FidelityStatevectorKernel

CASES = {}


def set_threads(count):
    """Its statevector kernel runs on one thread but for NumPy's products."""


def quantum_kernel(qubits, points):
    random = numpy.random.default_rng(0)
    x = random.uniform(0, 2 * numpy.pi, (points, qubits))
    circuit = zz_feature_map(qubits, reps=2, entanglement="full")

    def evaluate():
        # A new kernel each time: it remembers states.
        return FidelityStatevectorKernel(feature_map=circuit).evaluate(x)

    return evaluate


CASES["quantum-kernel"] = quantum_kernel
