import COpenBLAS

/// Eigenvalues of a symmetric matrix, ascending, and its eigenvectors as rows; through LAPACK's dsyevd.
///
/// - Parameter matrix: row-major, `order × order`.
func symmetricEigen(_ matrix: [Double], order: Int) -> (values: [Double], vectors: [Double]) {
    precondition(matrix.count == order * order, "symmetricEigen: \(matrix.count) numbers for order \(order)")
    openblas_set_num_threads(1)
    var vectors = matrix
    var values = [Double](repeating: 0, count: order)
    var n = Int32(order)
    var size = Int32(-1)
    var integerSize = Int32(-1)
    var status = Int32(0)
    var work = [0.0]
    var integerWork = [Int32(0)]
    // The first call asks for the size of the work space. A column of the result is a row here.
    for _ in 0..<2 {
        dsyevd_("V", "L", &n, &vectors, &n, &values, &work, &size, &integerWork, &integerSize, &status)
        guard size == -1 else { break }
        size = Int32(work[0])
        integerSize = integerWork[0]
        work = [Double](repeating: 0, count: Int(size))
        integerWork = [Int32](repeating: 0, count: Int(integerSize))
    }
    precondition(status == 0, "symmetricEigen: LAPACK's dsyevd returned \(status)")
    return (values, vectors)
}
