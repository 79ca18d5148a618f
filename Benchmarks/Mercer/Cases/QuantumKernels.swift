import Mercer
import MercerKernelMethods

extension BenchmarkCase {
    /// Quantum kernels beside Qiskit and PennyLane, support vectors beside scikit-learn, deep kernel machines beside PyTorch.
    static let quantumAndDeepKernels: [BenchmarkCase] = [
        BenchmarkCase(
            "quantum-kernel/12x60", ["qubits": 12, "points": 60],
            peers: [Peer("qiskit", goal: 1 / 40.0), Peer("pennylane", goal: 1 / 10.0)]
        ) { size in
            let kernel = QuantumKernel(ZZFeatureMap(qubits: size["qubits"]!))
            let x = angles(size)
            return { if let matrix = try? kernel.matrix(x) { discard(matrix) } }
        },
        BenchmarkCase("quantum-states/16x200", ["qubits": 16, "points": 200]) { size in
            let map = ZZFeatureMap(qubits: size["qubits"]!)
            let x = angles(size)
            return { withExtendedLifetime(StateVectors(map, x)) {} }
        },
        BenchmarkCase("support-vectors/2000", ["points": 2000], peers: [Peer("sklearn", goal: 1)]) { size in
            let n = size["points"]!
            let x = Random.normal([n, 10], dtype: .float64, key: RandomKey(1))
            let values = x.toArray(Double.self)
            let labels = (0..<n).map { values[10 * $0] * values[10 * $0 + 1] > 0 ? 1 : -1 }
            let kernel = RadialKernels.matrix(x, x, gamma: 0.1)
            return {
                if let machine = try? SupportVectorMachine(kernel: kernel, labels: labels, C: 1) {
                    withExtendedLifetime(machine) {}
                }
            }
        },
        BenchmarkCase(
            "deep-kernel-step/1000x100x2", ["rows": 1000, "columns": 10, "inducing": 100, "layers": 2],
            peers: [Peer("torch", goal: 1 / 2.0)]
        ) { size in
            let x = Random.normal([size["rows"]!, size["columns"]!], dtype: .float64, key: RandomKey(1))
            let y = sin(x[0..., 0] * 2.0)
            let layers = DeepKernelMachine.layers(
                size["layers"]!, kernel: [.squaredExponential], nu: 30, normalisation: nil, output: .gaussianOutput)
            var machine = try DeepKernelMachine(
                layers: layers, inducing: Inducing(x, count: size["inducing"]!), jitter: 1e-4)
            var training = DeepKernelTraining()
            training.steps = 1
            // A batch of all rows: the output layer has μ and A of its own, as the peer has.
            training.batch = size["rows"]!
            try machine.fit(x, y, training)
            let start = machine
            return {
                var one = start
                if let history = try? one.fit(x, y, training) { withExtendedLifetime(history) {} }
            }
        },
    ]

    private static func angles(_ size: [String: Int]) -> Tensor {
        Random.uniform(
            0..<2 * Double.pi, [size["points"]!, size["qubits"]!], dtype: .float64, key: RandomKey(1))
    }
}
