import Foundation
import Mercer

/// A support-vector machine of two classes on a precomputed kernel.
///
/// Maximises Σ αᵢ − ½ Σ αᵢαⱼyᵢyⱼKᵢⱼ with 0 ≤ αᵢ ≤ C, Σ αᵢyᵢ = 0 by sequential minimal optimisation with second-order
/// choice of pairs (R.-E. Fan, P.-H. Chen, C.-J. Lin, "Working set selection using second order information for
/// training support vector machines", 2005). Points at a bound that can't move soon are left out of the sums while the
/// gap is large.
public struct SupportVectorMachine: Sendable {
    /// α, one for each training point.
    public let alphas: [Double]
    /// y α.
    public let coefficients: [Double]
    public let bias: Double
    /// Σ α − ½ Σ αᵢαⱼyᵢyⱼKᵢⱼ.
    public let dual: Double
    public let iterations: Int
    /// Whether the largest violation of the optimality conditions is below the tolerance.
    public let converged: Bool

    /// The training points with α > 0.
    public var supportVectors: [Int] { alphas.indices.filter { alphas[$0] > 0 } }

    /// - Parameters:
    ///   - kernel: `[n, n]`, symmetric; it need not be positive.
    ///   - labels: 1 or −1 for each point, both present.
    ///   - C: the largest α; 1e6 is in effect a hard margin.
    ///   - tolerance: of the gap between the two sides' gradients.
    ///   - maxIterations: where to stop at the latest; by default the larger of 10⁷ and 100 n, as libsvm.
    /// - Throws: ``KernelMethodError`` for labels or a C that can't be.
    public init(
        kernel: Tensor, labels: [Int], C: Double, tolerance: Double = 1e-3, maxIterations: Int? = nil
    ) throws {
        let n = labels.count
        precondition(
            kernel.shape == [n, n], "SupportVectorMachine: a kernel of shape \(kernel.shape) for \(n) labels")
        guard C > 0, C.isFinite else {
            throw KernelMethodError.option("C", found: "\(C)", expected: "a positive number")
        }
        guard labels.allSatisfy({ abs($0) == 1 }), Set(labels).count == 2 else {
            throw KernelMethodError.option(
                "the set of labels", found: "\(Set(labels).sorted())", expected: "both of -1 and 1")
        }
        var solver = SequentialMinimalOptimization(
            labels.map(Double.init), C: C, tolerance: tolerance,
            maxIterations: maxIterations ?? max(10_000_000, 100 * n))
        kernel.asType(.float64).contiguous().withUnsafeBuffer(of: Double.self) { solver.solve($0.baseAddress!) }
        alphas = solver.alpha
        coefficients = zip(solver.alpha, labels).map { $0 * Double($1) }
        bias = solver.bias
        dual = -0.5 * zip(solver.alpha, solver.gradient).reduce(0) { $0 + $1.0 * ($1.1 - 1) }
        iterations = solver.iterations
        converged = solver.converged
    }

    /// f(s) = Σ αᵢyᵢK(xᵢ, s) + b for rows of kernels with the training points, `[rows, n]`.
    public func decision(_ kernel: Tensor) -> [Double] {
        precondition(
            kernel.rank == 2 && kernel.shape[1] == alphas.count,
            "SupportVectorMachine: kernels of shape \(kernel.shape), trained on \(alphas.count) points")
        let sums = matmul(kernel.asType(.float64), Tensor(coefficients, [alphas.count, 1]))
        return sums.toArray(Double.self).map { $0 + bias }
    }
}

/// The solver's state, in the terms of the minimisation of ½ αᵀQα − Σα with Qᵢⱼ = yᵢyⱼKᵢⱼ.
private struct SequentialMinimalOptimization {
    let y: [Double]
    let C: Double
    let tolerance: Double
    let maxIterations: Int
    var alpha: [Double]
    /// Qα − 1.
    var gradient: [Double]
    var iterations = 0
    var converged = false
    var bias = 0.0

    init(_ y: [Double], C: Double, tolerance: Double, maxIterations: Int) {
        self.y = y
        self.C = C
        self.tolerance = tolerance
        self.maxIterations = maxIterations
        alpha = [Double](repeating: 0, count: y.count)
        gradient = [Double](repeating: -1, count: y.count)
    }

    mutating func solve(_ kernel: UnsafePointer<Double>) {
        let n = y.count
        let diagonal = (0..<n).map { kernel[$0 * n + $0] }
        while iterations < maxIterations {
            guard let (i, j) = pair(kernel, diagonal) else {
                converged = true
                break
            }
            step(i, j, kernel, diagonal)
            iterations += 1
        }
        bias = offset()
    }

    /// The pair that promises the largest decrease; nil at the optimum.
    private func pair(_ kernel: UnsafePointer<Double>, _ diagonal: [Double]) -> (Int, Int)? {
        let n = y.count
        return y.withUnsafeBufferPointer { y in
            alpha.withUnsafeBufferPointer { alpha in
                gradient.withUnsafeBufferPointer { gradient in
                    diagonal.withUnsafeBufferPointer { diagonal in
                        var largest = -Double.infinity
                        var i = -1
                        for t in 0..<n where y[t] > 0 ? alpha[t] < C : alpha[t] > 0 {
                            let value = -y[t] * gradient[t]
                            if value > largest { (largest, i) = (value, t) }
                        }
                        if i < 0 { return nil }
                        let row = kernel + i * n
                        var smallest = Double.infinity
                        var best = Double.infinity
                        var j = -1
                        for t in 0..<n where y[t] > 0 ? alpha[t] > 0 : alpha[t] < C {
                            let value = -y[t] * gradient[t]
                            smallest = min(smallest, value)
                            let difference = largest - value
                            if difference <= 0 { continue }
                            let curvature = diagonal[i] + diagonal[t] - 2 * row[t]
                            let gain = -difference * difference / (curvature > 0 ? curvature : 1e-12)
                            if gain < best { (best, j) = (gain, t) }
                        }
                        if largest - smallest < tolerance || j < 0 { return nil }
                        return (i, j)
                    }
                }
            }
        }
    }

    /// Moves αᵢ and αⱼ along Σ αy = 0 to the minimum, or to the first bound.
    private mutating func step(_ i: Int, _ j: Int, _ kernel: UnsafePointer<Double>, _ diagonal: [Double]) {
        let n = y.count
        let curvature = diagonal[i] + diagonal[j] - 2 * kernel[i * n + j]
        // yᵢαᵢ grows by t, yⱼαⱼ shrinks by t.
        var t = (-y[i] * gradient[i] + y[j] * gradient[j]) / (curvature > 0 ? curvature : 1e-12)
        let roomI = y[i] > 0 ? C - alpha[i] : alpha[i]
        let roomJ = y[j] > 0 ? alpha[j] : C - alpha[j]
        t = min(t, roomI, roomJ)
        // A bound that is reached is reached exactly.
        alpha[i] = t == roomI ? (y[i] > 0 ? C : 0) : alpha[i] + y[i] * t
        alpha[j] = t == roomJ ? (y[j] > 0 ? 0 : C) : alpha[j] - y[j] * t
        let (rowI, rowJ) = (kernel + i * n, kernel + j * n)
        y.withUnsafeBufferPointer { y in
            gradient.withUnsafeMutableBufferPointer { gradient in
                for k in 0..<n { gradient[k] += y[k] * t * (rowI[k] - rowJ[k]) }
            }
        }
    }

    /// The mean of −yG over free points, or the middle between the bounds.
    private func offset() -> Double {
        var (sum, count) = (0.0, 0)
        var (upper, lower) = (Double.infinity, -Double.infinity)
        for t in y.indices {
            let value = -y[t] * gradient[t]
            if alpha[t] > 0 && alpha[t] < C {
                sum += value
                count += 1
            } else if (y[t] > 0) == (alpha[t] == 0) {
                lower = max(lower, value)
            } else {
                upper = min(upper, value)
            }
        }
        return count > 0 ? sum / Double(count) : (upper + lower) / 2
    }
}
