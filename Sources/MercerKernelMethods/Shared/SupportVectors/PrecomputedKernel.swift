import Mercer

/// Kernel matrices from files, checked.
public enum PrecomputedKernel {
    /// A symmetric kernel of training rows.
    ///
    /// - Throws: ``KernelMethodError/file(_:reason:)`` where it isn't square, of another size, or not symmetric to 1e-8.
    public static func square(_ kernel: Tensor, rows: Int, name: String) throws -> Tensor {
        guard kernel.rank == 2, kernel.shape[0] == kernel.shape[1] else {
            throw KernelMethodError.file(name, reason: "its shape is \(kernel.shape), a square matrix is expected")
        }
        guard kernel.shape[0] == rows else {
            throw KernelMethodError.file(
                name, reason: "it is a kernel of \(kernel.shape[0]) rows, but the table has \(rows)")
        }
        let values = kernel.asType(.float64).toArray(Double.self)
        for i in 0..<rows {
            for j in 0...i {
                let (a, b) = (values[i * rows + j], values[j * rows + i])
                guard a.isFinite, b.isFinite else {
                    throw KernelMethodError.notFinite(row: i + 1, column: "\(j + 1)", value: "\(a)")
                }
                guard abs(a - b) <= 1e-8 * max(1, abs(a)) else {
                    throw KernelMethodError.file(
                        name,
                        reason:
                            "it isn't symmetric: entry (\(i + 1), \(j + 1)) is \(a), entry (\(j + 1), \(i + 1)) is \(b)"
                    )
                }
            }
        }
        return kernel.asType(.float64)
    }

    /// Kernels of other rows with the training rows.
    public static func rows(_ kernel: Tensor, columns: Int, name: String) throws -> Tensor {
        guard kernel.rank == 2, kernel.shape[1] == columns else {
            throw KernelMethodError.file(
                name,
                reason: "its shape is \(kernel.shape), but kernels with the \(columns) training rows are expected")
        }
        return kernel.asType(.float64)
    }
}
