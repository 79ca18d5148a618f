import Foundation
import Mercer

/// Functions on the rows of a table: the span of feature columns, orthonormalised in L²_μ by QR. A point is a row's
/// number.
public struct RowSpace: ApproximationSpace {
    /// N.
    public let rows: Int
    public let count: Int
    /// μ of each row, summing to 1.
    public let measure: [Double]
    /// φ, `[N, m]` row-major.
    public let phi: [Double]
    /// The upper triangular R with features = φ R, `[m, m]`, its diagonal positive.
    public let triangle: Tensor
    private let cumulativeMeasure: [Double]
    private let cumulativeOptimal: [Double]
    private let kernel: [Double]
    private let cumulativeKernel: [Double]

    /// - Parameters:
    ///   - features: `[N, m]`.
    ///   - measure: positive numbers, uniform unless given; only their shares count.
    ///   - names: of the columns, for errors.
    ///   - kernelDiagonal: k(x, x) of ``SamplingWeight/rkhs``; 1 + |features|² unless given.
    /// - Throws: ``KernelMethodError`` for too few rows, numbers that aren't finite, dependent columns (by name).
    public init(
        features: Tensor, measure: [Double]? = nil, names: [String]? = nil, kernelDiagonal: [Double]? = nil
    ) throws {
        precondition(features.rank == 2, "RowSpace: features of shape \(features.shape)")
        let (n, m) = (features.shape[0], features.shape[1])
        guard n >= m, m >= 1 else {
            throw KernelMethodError.tooFew("a space of \(m) features", found: n, needed: max(1, m))
        }
        let raw = features.asType(.float64).toArray(Double.self)
        let name = { (k: Int) in names?[k] ?? "\(k + 1)" }
        if let bad = raw.firstIndex(where: { !$0.isFinite }) {
            throw KernelMethodError.notFinite(row: bad / m + 1, column: name(bad % m), value: "\(raw[bad])")
        }
        let total = measure?.reduce(0, +) ?? Double(n)
        let mu = measure?.map { $0 / total } ?? [Double](repeating: 1 / Double(n), count: n)
        guard mu.count == n else {
            throw KernelMethodError.length("measures", found: mu.count, expected: n)
        }
        if let bad = mu.firstIndex(where: { !($0 > 0 && $0.isFinite) }) {
            throw KernelMethodError.option(
                "the measure of row \(bad + 1)", found: "\(mu[bad])", expected: "more than 0")
        }
        let roots = mu.map { $0.squareRoot() }
        let scaled = Tensor([n, m], of: Double.self) { target in
            for i in 0..<n { for k in 0..<m { target[i * m + k] = raw[i * m + k] * roots[i] } }
        }
        let dependent = Self.dependentColumns(scaled)
        guard dependent.isEmpty else {
            throw KernelMethodError.singular(
                "the matrix of \(m) features",
                advice: "of rank \(m - dependent.count); "
                    + "\(dependent.map(name).joined(separator: ", ")) depend on the others: leave them out")
        }
        let (q, r) = LinearAlgebra.qr(scaled)
        var (basis, triangle) = (q.toArray(Double.self), r.toArray(Double.self))
        for k in 0..<m where triangle[k * m + k] < 0 {
            for i in 0..<n { basis[i * m + k] = -basis[i * m + k] }
            for j in 0..<m { triangle[k * m + j] = -triangle[k * m + j] }
        }
        for i in 0..<n { for k in 0..<m { basis[i * m + k] /= roots[i] } }
        self.init(
            phi: basis, triangle: Tensor(triangle, [m, m]), measure: mu, count: m,
            kernel: kernelDiagonal
                ?? (0..<n).map { i in raw[i * m..<(i + 1) * m].reduce(1) { $0 + $1 * $1 } })
    }

    private init(phi: [Double], triangle: Tensor, measure: [Double], count: Int, kernel: [Double]) {
        self.phi = phi
        self.triangle = triangle
        self.measure = measure
        self.count = count
        rows = measure.count
        let m = count
        cumulativeMeasure = Self.cumulative(measure)
        cumulativeOptimal = phi.withUnsafeBufferPointer { phi in
            Self.cumulative(
                measure.indices.map { i in
                    let row = phi.baseAddress! + i * m
                    return measure[i] * dot(row, row, m) / Double(m)
                })
        }
        let mean = zip(measure, kernel).reduce(0) { $0 + $1.0 * $1.1 }
        self.kernel = kernel.map { $0 / mean }
        cumulativeKernel = Self.cumulative(zip(measure, self.kernel).map(*))
    }

    /// The columns that depend on the ones before them, within rounding.
    static func dependentColumns(_ matrix: Tensor) -> [Int] {
        let m = matrix.shape[1]
        let r = LinearAlgebra.pivotedQR(matrix).r.toArray(Double.self)
        let scale = abs(r[0])
        let rank = (0..<m).count { abs(r[$0 * m + $0]) > 1e-10 * scale }
        guard rank < m else { return [] }
        // The same columns in order, so that the ones that are named are the later ones.
        let triangle = LinearAlgebra.qr(matrix).r.toArray(Double.self)
        let norms = (0..<m).map { j in
            (0...j).reduce(0) { $0 + triangle[$1 * m + j] * triangle[$1 * m + j] }.squareRoot()
        }
        let order = (0..<m).sorted {
            abs(triangle[$0 * m + $0]) / max(norms[$0], .leastNormalMagnitude)
                < abs(triangle[$1 * m + $1]) / max(norms[$1], .leastNormalMagnitude)
        }
        return order.prefix(m - rank).sorted()
    }

    private static func cumulative(_ shares: [Double]) -> [Double] {
        var sum = 0.0
        return shares.map {
            sum += $0
            return sum
        }
    }

    private static func find(_ u: Double, _ cumulative: [Double]) -> Int {
        let target = u * cumulative.last!
        var (low, high) = (0, cumulative.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if cumulative[middle] > target { high = middle } else { low = middle + 1 }
        }
        return low
    }

    public func evaluate(_ point: Int, into target: UnsafeMutablePointer<Double>) {
        phi.withUnsafeBufferPointer { target.update(from: $0.baseAddress! + point * count, count: count) }
    }

    public func drawReference(using generator: inout RandomStream) -> Int {
        Self.find(generator.uniform(), cumulativeMeasure)
    }

    public func drawOptimal(using generator: inout RandomStream) -> Int {
        Self.find(generator.uniform(), cumulativeOptimal)
    }

    public func kernelDensity(_ point: Int) -> Double { kernel[point] }

    public func drawKernel(using generator: inout RandomStream) -> Int {
        Self.find(generator.uniform(), cumulativeKernel)
    }

    /// The coefficients of the best approximation of values on all rows, and its squared error.
    public func project(_ values: [Double]) -> (coefficients: [Double], squaredError: Double) {
        precondition(values.count == rows, "RowSpace.project: \(values.count) values for \(rows) rows")
        var coefficients = [Double](repeating: 0, count: count)
        var square = 0.0
        for i in 0..<rows {
            for k in 0..<count { coefficients[k] += measure[i] * values[i] * phi[i * count + k] }
        }
        for i in 0..<rows {
            var error = values[i]
            for k in 0..<count { error -= coefficients[k] * phi[i * count + k] }
            square += measure[i] * error * error
        }
        return (coefficients, square)
    }
}
