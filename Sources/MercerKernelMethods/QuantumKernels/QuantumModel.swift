import Foundation
import Mercer

/// A classifier of a table's rows by a quantum kernel: encoding, feature map, device and support vectors.
///
/// ```swift
/// var settings = QuantumSettings(map: ZZFeatureMap(qubits: 4))
/// settings.shots = 50_000
/// let model = try QuantumModel(fitting: rows, labels: labels, classes: classes, settings)
/// let predicted = try model.predict(newRows)
/// ```
public struct QuantumModel: Sendable {
    public let settings: QuantumSettings
    public let encoding: QuantumEncoding
    public let classes: [String]
    /// C of the machines.
    public let C: Double
    /// Cross-validated accuracy of the choice; nil where nothing was chosen.
    public let searched: Double?
    /// The training points as the map takes them.
    public let points: Tensor
    /// The kernel that the machines were trained on, as measured.
    public let kernel: Tensor?
    /// Its smallest eigenvalue before it was projected; nil where it is exact.
    public let smallestEigenvalue: Double?
    /// The alignment before and after training.
    public let alignment: (before: Double, after: Double)?
    public let converged: Bool
    public let supportVectors: [Int]
    let machines: [Pairwise]

    /// A machine for two classes: coefficients of all training points.
    struct Pairwise: Sendable {
        let a: Int
        let b: Int
        let coefficients: [Double]
        let bias: Double
    }

    /// - Throws: ``KernelMethodError`` for too few columns, a single class, kernels that can't be simulated.
    public init(fitting rows: Tensor, labels: [Int], classes: [String], _ settings: QuantumSettings) throws {
        guard Set(labels).count >= 2 else {
            throw KernelMethodError.tooFew(
                "a classifier of two classes or more", found: Set(labels).count, needed: 2)
        }
        var encoding = try QuantumEncoding(
            fitting: rows, features: settings.map.features, bandwidth: settings.bandwidth ?? 1, raw: settings.raw)
        let bandwidths = settings.bandwidth.map { [$0] } ?? QuantumSettings.bandwidths
        let costs = settings.C.map { [$0] } ?? QuantumSettings.costs
        var C = costs[0]
        var searched: Double?
        let exact = QuantumKernel(settings.map, dtype: settings.dtype, memory: settings.memory)
        if bandwidths.count * costs.count > 1 {
            let search = try KernelSearch(
                bandwidths.count, labels: labels, C: costs, folds: StratifiedFolds(labels, seed: settings.seed)
            ) { try exact.matrix(encoding.with(bandwidth: bandwidths[$0]).apply(rows)) }
            encoding = encoding.with(bandwidth: bandwidths[search.kernel])
            (C, searched) = (search.C, search.accuracy)
        }
        var alignment: (Double, Double)?
        if settings.trainsKernel {
            let trained = KernelAlignment(settings.map, try encoding.apply(rows), labels: labels)
            encoding = encoding.with(trained)
            alignment = (trained.before, trained.after)
        }
        let points = try encoding.apply(rows)
        var kernel = try settings.measured(points)
        var smallest: Double?
        if settings.shots != nil || settings.noise != nil {
            let (projected, eigenvalues) = try MeasuredKernel.projected(kernel)
            (kernel, smallest) = (projected, eigenvalues.min())
        }
        let classifier = try SupportVectorClassifier(
            kernel: kernel, labels: labels, C: C, maxIterations: 2_000_000)
        self.settings = settings
        self.encoding = encoding
        self.classes = classes
        self.C = C
        self.searched = searched
        self.points = points
        self.kernel = kernel
        self.alignment = alignment.map { (before: $0.0, after: $0.1) }
        smallestEigenvalue = smallest
        converged = classifier.converged
        supportVectors = classifier.supportVectors
        let dense = classifier.dense(labels.count)
        machines = dense.indices.map {
            Pairwise(a: dense[$0].a, b: dense[$0].b, coefficients: dense[$0].coefficients, bias: dense[$0].bias)
        }
    }

    /// Class numbers of rows.
    public func predict(_ rows: Tensor) throws -> [Int] {
        try classify(settings.measured(encoding.apply(rows), points))
    }

    /// Values of the first machine at encoded points: above 0 for the first of its classes.
    public func decision(atEncoded x: Tensor) throws -> [Double] {
        let exact = QuantumKernel(settings.map, dtype: settings.dtype, memory: settings.memory)
        let sums = matmul(
            try exact.matrix(x, points), Tensor(machines[0].coefficients, [machines[0].coefficients.count, 1]))
        return sums.toArray(Double.self).map { $0 + machines[0].bias }
    }

    private func classify(_ kernel: Tensor) -> [Int] {
        var votes = [[Int]](
            repeating: [Int](repeating: 0, count: classes.count), count: kernel.shape[0])
        for one in machines {
            let sums = matmul(kernel, Tensor(one.coefficients, [one.coefficients.count, 1])).toArray(Double.self)
            for (row, sum) in sums.enumerated() { votes[row][sum + one.bias > 0 ? one.a : one.b] += 1 }
        }
        return votes.map { list in list.firstIndex(of: list.max()!)! }
    }
}

/// What a quantum kernel is made of and how it is measured.
public struct QuantumSettings: Sendable {
    public var map: any FeatureMap
    /// Nil to choose it by cross-validation.
    public var bandwidth: Double?
    /// Nil to choose it by cross-validation.
    public var C: Double?
    /// Shots an entry; nil for exact ones.
    public var shots: Int?
    /// p₁ and p₂ of the gates; nil for perfect ones.
    public var noise: (oneQubit: Double, twoQubit: Double)?
    /// Whether noise is extrapolated away from measurements at stretches 1 and 1.5.
    public var mitigates = false
    /// Whether columns are angles already.
    public var raw = false
    /// Whether scales and rotations are trained by alignment.
    public var trainsKernel = false
    public var dtype = DType.float64
    public var memory = 4 << 30
    public var seed: UInt64 = 0

    public init(map: any FeatureMap) { self.map = map }

    /// The bandwidths that are tried.
    public static let bandwidths = [1, 0.3, 0.1, 0.05, 0.02]
    /// The C that are tried.
    public static let costs = [0.1, 1, 10, 100, 1000, 10_000]

    /// K(x, x) as the device gives it: exact, or with its noise and shots; not projected.
    public func kernel(_ x: Tensor) throws -> Tensor { try measured(x) }

    /// K(x, x) as the device gives it.
    func measured(_ x: Tensor) throws -> Tensor {
        try measured(isSymmetric: true, draw: 0, exact: { try $0.matrix(x) }, noisy: { $0.matrix(x) })
    }

    /// K(x, z) as the device gives it.
    func measured(_ x: Tensor, _ z: Tensor) throws -> Tensor {
        try measured(isSymmetric: false, draw: 1, exact: { try $0.matrix(x, z) }, noisy: { $0.matrix(x, z) })
    }

    private func measured(
        isSymmetric: Bool, draw: Int, exact: (QuantumKernel) throws -> Tensor, noisy: (NoisyKernel) -> Tensor
    ) throws -> Tensor {
        let key = RandomKey(seed).fold(in: draw)
        func sampled(_ kernel: Tensor, _ part: Int) -> Tensor {
            guard let shots else { return kernel }
            return MeasuredKernel.sample(kernel, shots: shots, isSymmetric: isSymmetric, key: key.fold(in: part))
        }
        guard let noise else {
            return sampled(try exact(QuantumKernel(map, dtype: dtype, memory: memory)), 0)
        }
        let device = try NoisyKernel(map, oneQubit: noise.oneQubit, twoQubit: noise.twoQubit)
        let first = sampled(noisy(device), 0)
        guard mitigates else { return first }
        let second = sampled(noisy(try device.stretched(1.5)), 1)
        return NoisyKernel.extrapolated(first, at: 1, second, at: 1.5)
    }
}
