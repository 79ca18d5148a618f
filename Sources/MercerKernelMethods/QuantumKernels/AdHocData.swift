import Foundation
import Mercer

/// The paper's artificial data: labels sign ⟨Φ(x)|V†(ΠZ)V|Φ(x)⟩ for a random unitary V, points within the gap left out.
/// In the feature space of the map the classes are separated by a hyperplane.
public struct AdHocData: Sendable {
    public let map: any FeatureMap
    /// V, `[2ⁿ, 2ⁿ, (re, im)]`.
    public let unitary: Tensor
    /// Δ: a point has a label where the expectation is beyond it.
    public let gap: Double

    public init(_ map: any FeatureMap, unitary: Tensor, gap: Double) {
        let size = 1 << map.qubits
        precondition(
            unitary.shape == [size, size, 2], "AdHocData: a unitary of shape \(unitary.shape) for \(map.qubits) qubits")
        self.map = map
        self.unitary = unitary
        self.gap = gap
    }

    /// V drawn from Haar's measure.
    public init(_ map: any FeatureMap, gap: Double = 0.3, key: RandomKey) {
        self.init(map, unitary: Self.haarUnitary(1 << map.qubits, key: key), gap: gap)
    }

    /// A unitary matrix from Haar's measure, `[n, n, (re, im)]`: the columns of a complex Gaussian matrix made orthonormal
    /// one after the other, which is the QR decomposition with a positive diagonal of R (F. Mezzadri, 2007).
    public static func haarUnitary(_ n: Int, key: RandomKey) -> Tensor {
        var stream = RandomStream(key)
        var columns = (0..<n).map { _ in
            (re: (0..<n).map { _ in stream.normal() }, im: (0..<n).map { _ in stream.normal() })
        }
        for j in 0..<n {
            // Twice, for rounding.
            for _ in 0..<2 {
                for i in 0..<j {
                    var (re, im) = (0.0, 0.0)
                    for k in 0..<n {
                        let (a, b, c, d) = (columns[i].re[k], columns[i].im[k], columns[j].re[k], columns[j].im[k])
                        re += a * c + b * d
                        im += a * d - b * c
                    }
                    for k in 0..<n {
                        let (a, b) = (columns[i].re[k], columns[i].im[k])
                        columns[j].re[k] -= a * re - b * im
                        columns[j].im[k] -= a * im + b * re
                    }
                }
            }
            let norm = (0..<n).reduce(0) {
                $0 + columns[j].re[$1] * columns[j].re[$1] + columns[j].im[$1] * columns[j].im[$1]
            }.squareRoot()
            for k in 0..<n {
                columns[j].re[k] /= norm
                columns[j].im[k] /= norm
            }
        }
        return Tensor([n, n, 2], of: Double.self) { target in
            for j in 0..<n {
                for k in 0..<n {
                    target[(k * n + j) * 2] = columns[j].re[k]
                    target[(k * n + j) * 2 + 1] = columns[j].im[k]
                }
            }
        }
    }

    /// ⟨Φ(x)|V†(ΠZ)V|Φ(x)⟩ of each row.
    public func expectation(_ x: Tensor) -> [Double] {
        let (re, im) = map.amplitudes(x.asType(.float64))
        let (vr, vi) = (unitary[.ellipsis, 0].transposed(), unitary[.ellipsis, 1].transposed())
        let real: Tensor = matmul(re, vr) - matmul(im, vi)
        let imaginary: Tensor = matmul(re, vi) + matmul(im, vr)
        let signs = Tensor((0..<1 << map.qubits).map { $0.nonzeroBitCount % 2 == 0 ? 1.0 : -1.0 })
        return ((real * real + imaginary * imaginary) * signs).sum(axis: 1).toArray(Double.self)
    }

    /// 1, −1, or 0 within the gap.
    public func labels(_ x: Tensor) -> [Int] {
        expectation(x).map { abs($0) > gap ? ($0 > 0 ? 1 : -1) : 0 }
    }

    /// Points uniform on (0, 2π]ⁿ with labels, so many of either class; the classes alternate.
    ///
    /// - Throws: ``KernelMethodError/option(_:found:expected:)`` where two million draws aren't enough.
    public func sample(perClass count: Int, key: RandomKey) throws -> (x: Tensor, labels: [Int]) {
        var found: [Int: [[Double]]] = [1: [], -1: []]
        let (batch, limit, n) = (max(256, 8 * count), 2_000_000, map.features)
        var drawn = 0
        var accepted = 0
        while found[1]!.count < count || found[-1]!.count < count {
            guard drawn < limit else {
                let rate = Double(accepted) / Double(drawn)
                throw KernelMethodError.option(
                    "the gap", found: "\(gap)",
                    expected:
                        "one that accepts points of both classes (of \(drawn) draws \(String(format: "%.2g", rate)) were "
                        + "accepted)")
            }
            // 2π(1 − u) for u in [0, 1): the upper end belongs to it.
            let u = Random.uniform(0..<1, [batch, n], dtype: .float64, key: key.fold(in: drawn))
            let x = (1 - u) * (2 * Double.pi)
            drawn += batch
            let values = x.toArray(Double.self)
            for (row, label) in labels(x).enumerated() where label != 0 {
                accepted += 1
                found[label]!.append(Array(values[row * n..<(row + 1) * n]))
            }
        }
        let rows = (0..<count).flatMap { found[1]![$0] + found[-1]![$0] }
        return (Tensor(rows, [2 * count, n]), (0..<2 * count).map { $0 % 2 == 0 ? 1 : -1 })
    }

    /// The expectation on a grid of `side` points a feature over (0, 2π], the first feature fastest.
    public func grid(side: Int) -> (x: Tensor, expectation: [Double]) {
        let n = map.features
        let count = (0..<n).reduce(1) { product, _ in product * side }
        let x = Tensor([count, n], of: Double.self) { target in
            for row in 0..<count {
                var rest = row
                for k in 0..<n {
                    target[row * n + k] = 2 * Double.pi * Double(rest % side + 1) / Double(side)
                    rest /= side
                }
            }
        }
        return (x, expectation(x))
    }
}
