import Mercer

/// Kernel matrices from files, checked.
public enum PrecomputedKernel {
    /// A symmetric kernel of training rows.
    ///
    /// - Throws: ``KernelMethodError/file(_:reason:)`` where it isn't square, finite, of the table's size, or symmetric to
    ///   1e-8.
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
                    throw notFinite(name, i, j, a.isFinite ? b : a)
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
    ///
    /// - Throws: ``KernelMethodError/file(_:reason:)`` where it has another number of columns or isn't finite.
    public static func rows(_ kernel: Tensor, columns: Int, name: String) throws -> Tensor {
        guard kernel.rank == 2, kernel.shape[1] == columns else {
            throw KernelMethodError.file(
                name,
                reason: "its shape is \(kernel.shape), but kernels with the \(columns) training rows are expected")
        }
        let values = kernel.asType(.float64).toArray(Double.self)
        if let place = values.firstIndex(where: { !$0.isFinite }) {
            throw notFinite(name, place / columns, place % columns, values[place])
        }
        return kernel.asType(.float64)
    }

    private static func notFinite(_ name: String, _ row: Int, _ column: Int, _ value: Double) -> KernelMethodError {
        .file(name, reason: "entry (\(row + 1), \(column + 1)) is \(value), where a finite number is expected")
    }
}
