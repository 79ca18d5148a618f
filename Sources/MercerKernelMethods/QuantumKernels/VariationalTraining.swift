import Foundation
import Mercer

/// The training of a variational classifier.
public struct VariationalTraining: Sendable {
    /// How the cost is minimised.
    public enum Method: String, Sendable, Codable, CaseIterable {
        /// Simultaneous perturbation on measured probabilities, as on a device.
        case spsa
        /// Gradients of exact probabilities.
        case adam
        case lbfgs
    }

    public var method = Method.spsa
    public var iterations = 250
    /// Shots a point in training; nil for exact probabilities.
    public var shots: Int? = 2000
    /// R in the cost.
    public var costShots = 200.0
    public var restarts = 1
    public var seed: UInt64 = 0

    public init() {}

    /// What a training gave.
    public struct Result: Sendable {
        public let classifier: VariationalClassifier
        /// The exact cost at the end.
        public let cost: Double
        /// The cost that was seen at each iteration.
        public let curve: [Double]
    }

    /// Trains from random angles; of several restarts the one of lowest cost on the training points is taken.
    ///
    /// - Parameters:
    ///   - labels: 1 or −1.
    ///   - checkpoint: a file that holds the state every 25 iterations of ``Method/spsa``; a run that finds it takes
    ///     it up again.
    ///   - progress: called after each iteration with restart and iteration.
    public func fit(
        _ map: any FeatureMap, depth: Int, pairs: QubitPairs = .full, x: Tensor, labels: [Int],
        checkpoint: String? = nil, progress: (Int, Int) throws -> Void = { _, _ in }
    ) throws -> Result {
        let encoded = StateVectors(map, x)
        var best: Result?
        for restart in 0..<max(1, restarts) {
            let start = VariationalClassifier(map, depth: depth, pairs: pairs)
            let result = try run(
                start, encoded, labels, restart: restart, checkpoint: checkpoint.map { "\($0).\(restart)" }
            ) { try progress(restart, $0) }
            if best == nil || result.cost < best!.cost { best = result }
        }
        return best!
    }

    private func run(
        _ start: VariationalClassifier, _ encoded: StateVectors, _ labels: [Int], restart: Int,
        checkpoint: String?, progress: (Int) throws -> Void
    ) throws -> Result {
        let seed = SplitMix64.mix(self.seed &* 1009 &+ UInt64(restart))
        var stream = RandomStream(RandomKey(seed).fold(in: -2))
        let first = start.angles.map { _ in (2 * stream.uniform() - 1) * Double.pi } + [0]
        func classifier(_ point: [Double]) -> VariationalClassifier {
            var result = start
            result.angles = Array(point.dropLast())
            result.bias = min(1, max(-1, point.last!))
            return result
        }
        func exact(_ point: [Double]) -> (value: Double, gradient: [Double]) {
            let one = classifier(point).costAndGradient(encoded, labels: labels, shots: costShots)
            return (one.cost, one.angles + [abs(point.last!) < 1 ? one.bias : 0])
        }
        var curve: [Double] = []
        let end: [Double]
        switch method {
        case .spsa:
            func measured(_ point: [Double], _ key: RandomKey) -> Double {
                let one = classifier(point)
                let p = measure(one.positiveProbabilities(encoded), shots, key)
                return VariationalClassifier.cost(p, labels: labels, bias: one.bias, shots: costShots)
            }
            var state = try SPSACheckpoint.read(checkpoint, parameters: first.count)
            if state == nil {
                state = SPSACheckpoint(optimizer: SPSA(from: first, seed: seed, measured), curve: [])
            }
            while state!.optimizer.iteration < iterations {
                state!.curve.append(state!.optimizer.step(measured))
                try progress(state!.optimizer.iteration)
                if let checkpoint, state!.optimizer.iteration % 25 == 0 { try state!.write(checkpoint) }
            }
            if let checkpoint { try state!.write(checkpoint) }
            curve = state!.curve
            end = state!.optimizer.point
        case .adam:
            var (point, m, v) = (first, first.map { _ in 0.0 }, first.map { _ in 0.0 })
            for k in 1...max(1, iterations) {
                let (value, gradient) = exact(point)
                curve.append(value)
                for i in point.indices {
                    m[i] = 0.9 * m[i] + 0.1 * gradient[i]
                    v[i] = 0.999 * v[i] + 0.001 * gradient[i] * gradient[i]
                    let (a, b) = (m[i] / (1 - pow(0.9, Double(k))), v[i] / (1 - pow(0.999, Double(k))))
                    point[i] -= 0.05 * a / (b.squareRoot() + 1e-8)
                }
                try progress(k)
            }
            end = point
        case .lbfgs:
            end =
                LBFGS(maxIterations: iterations, gradientTolerance: 1e-7).minimize(from: first) { point in
                    let one = exact(point)
                    curve.append(one.value)
                    return one
                }.point
        }
        return Result(classifier: classifier(end), cost: exact(end).value, curve: curve)
    }
}

/// Frequencies of shots, or the probabilities themselves.
func measure(_ probabilities: [Double], _ shots: Int?, _ key: RandomKey) -> [Double] {
    guard let shots else { return probabilities }
    return probabilities.enumerated().map { index, p in
        var stream = RandomStream(key.fold(in: index))
        return Double(stream.binomial(shots, min(1, max(0, p)))) / Double(shots)
    }
}

/// Where a training by perturbation stands.
private struct SPSACheckpoint: Codable {
    var optimizer: SPSA
    var curve: [Double]

    static func read(_ path: String?, parameters: Int) throws -> SPSACheckpoint? {
        guard let path, let data = FileManager.default.contents(atPath: path) else { return nil }
        guard let state = try? JSONDecoder().decode(SPSACheckpoint.self, from: data) else {
            throw KernelMethodError.file(path, reason: "it isn't a checkpoint of a variational classifier")
        }
        guard state.optimizer.point.count == parameters else {
            throw KernelMethodError.file(
                path,
                reason:
                    "it is of a circuit of \(state.optimizer.point.count) parameters, but this one has \(parameters)"
            )
        }
        return state
    }

    func write(_ path: String) throws {
        try AtomicFile.write(String(decoding: try JSONEncoder().encode(self), as: UTF8.self), to: path)
    }
}
