import Foundation
import Mercer

/// A kernel as a device would estimate it: each entry is the share of all-zero outcomes of the circuit
/// 𝒰†(xᵢ)𝒰(xⱼ)|0⟩ in R shots.
public enum MeasuredKernel {
    /// Binomial(R, K)/R for every entry; of a symmetric matrix for i < j alone, with a diagonal of 1.
    ///
    /// - Parameter kernel: probabilities, `[n, m]`.
    public static func sample(_ kernel: Tensor, shots: Int, isSymmetric: Bool, key: RandomKey) -> Tensor {
        precondition(shots >= 1, "MeasuredKernel: \(shots) shots")
        let (n, m) = (kernel.shape[0], kernel.shape[1])
        precondition(!isSymmetric || n == m, "MeasuredKernel: a symmetric matrix of shape \(kernel.shape)")
        let exact = kernel.asType(.float64).toArray(Double.self)
        var result = [Double](repeating: 1, count: n * m)
        result.withUnsafeMutableBufferPointer { buffer in
            let out = UncheckedAddress(buffer.baseAddress!)
            Parallel.forEach(n) { i in
                var stream = RandomStream(key.fold(in: i))
                for j in (isSymmetric ? i + 1 : 0)..<max(m, i + 1) where j < m {
                    let hits = stream.binomial(shots, min(1, max(0, exact[i * m + j])))
                    out.pointer[i * m + j] = Double(hits) / Double(shots)
                }
            }
            if isSymmetric { for i in 0..<n { for j in 0..<i { buffer[i * n + j] = buffer[j * n + i] } } }
        }
        return Tensor(result, [n, m])
    }

    /// The positive semidefinite matrix nearest in Frobenius norm: negative eigenvalues become 0. The diagonal isn't
    /// brought back to 1.
    public static func projected(_ kernel: Tensor) throws -> (matrix: Tensor, eigenvalues: [Double]) {
        let (values, vectors) = try LinearAlgebra.eigh(kernel)
        let scaled = vectors * clip(values, min: 0).expandedDimensions(axis: 0)
        let matrix = matmul(scaled, vectors.transposed())
        return ((matrix + matrix.transposed()) * 0.5, values.toArray(Double.self))
    }
}
