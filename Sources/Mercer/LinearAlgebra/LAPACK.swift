import COpenBLAS

/// LAPACK on column-major matrices of doubles. What is row-major to a tensor is its transpose here. Each
/// returns LAPACK's `info`: 0 where all went well.
enum LAPACK {
    /// OpenBLAS on one thread: its results would depend on their number, and Mercer's pool runs batches in
    /// parallel.
    static let onOneThread: Void = openblas_set_num_threads(1)

    /// Upper Cholesky factor in place; for a row-major matrix the lower one, from its lower triangle.
    static func potrf(_ n: Int, _ a: UnsafeMutablePointer<Double>) -> Int {
        var (n, info) = (Int32(n), Int32(0))
        dpotrf_("U", &n, a, &n, &info, 1)
        return Int(info)
    }

    /// LU factors in place, and pivots counted from 1.
    static func getrf(
        _ m: Int, _ n: Int, _ a: UnsafeMutablePointer<Double>, _ pivots: UnsafeMutablePointer<Int32>
    )
        -> Int
    {
        var (m, n, info) = (Int32(m), Int32(n), Int32(0))
        dgetrf_(&m, &n, a, &m, pivots, &info)
        return Int(info)
    }

    /// Solves with the transpose of a factorised matrix.
    static func getrsTransposed(
        _ n: Int, _ columns: Int, _ lu: UnsafePointer<Double>, _ pivots: UnsafePointer<Int32>,
        _ b: UnsafeMutablePointer<Double>
    ) {
        var (n, columns, info) = (Int32(n), Int32(columns), Int32(0))
        dgetrs_("T", &n, &columns, lu, &n, pivots, b, &n, &info, 1)
    }

    /// QR factors in place, R above and Householder vectors below the diagonal; with column pivots if they
    /// are wanted.
    static func geqrf(
        _ m: Int, _ n: Int, _ a: UnsafeMutablePointer<Double>, _ tau: UnsafeMutablePointer<Double>,
        pivots: UnsafeMutablePointer<Int32>? = nil
    ) {
        var (m, n, info) = (Int32(m), Int32(n), Int32(0))
        workspace { work, size in
            var size = size
            if let pivots {
                dgeqp3_(&m, &n, a, &m, pivots, tau, work, &size, &info)
            } else {
                dgeqrf_(&m, &n, a, &m, tau, work, &size, &info)
            }
        }
    }

    /// The first `columns` columns of Q from what ``geqrf`` left.
    static func orgqr(
        _ m: Int, _ columns: Int, _ reflectors: Int, _ a: UnsafeMutablePointer<Double>,
        _ tau: UnsafePointer<Double>
    ) {
        var (m, n, k, info) = (Int32(m), Int32(columns), Int32(reflectors), Int32(0))
        workspace { work, size in
            var size = size
            dorgqr_(&m, &n, &k, a, &m, tau, work, &size, &info)
        }
    }

    /// Ascending eigenvalues of a symmetric matrix, and its eigenvectors in place, from the upper triangle.
    static func syevd(
        _ n: Int, _ a: UnsafeMutablePointer<Double>, _ values: UnsafeMutablePointer<Double>, vectors: Bool
    ) -> Int {
        var (n, info) = (Int32(n), Int32(0))
        workspaces { work, size, integers, integerSize in
            var (size, integerSize) = (size, integerSize)
            dsyevd_(
                vectors ? "V" : "N", "U", &n, a, &n, values, work, &size, integers, &integerSize, &info, 1, 1)
        }
        return Int(info)
    }

    /// Ascending eigenvalues of a symmetric tridiagonal matrix in `d`, and its eigenvectors.
    static func stevd(
        _ n: Int, _ d: UnsafeMutablePointer<Double>, _ e: UnsafeMutablePointer<Double>,
        vectors: UnsafeMutablePointer<Double>?
    ) -> Int {
        var (n, info) = (Int32(n), Int32(0))
        var unused = 0.0
        workspaces { work, size, integers, integerSize in
            var (size, integerSize) = (size, integerSize)
            if let vectors {
                dstevd_("V", &n, d, e, vectors, &n, work, &size, integers, &integerSize, &info, 1)
            } else {
                dstevd_("N", &n, d, e, &unused, &n, work, &size, integers, &integerSize, &info, 1)
            }
        }
        return Int(info)
    }

    /// Eigenvalues and right eigenvectors of a general matrix, which is overwritten. Vectors of a conjugate
    /// pair are two columns: real and imaginary part.
    static func geev(
        _ n: Int, _ a: UnsafeMutablePointer<Double>, _ real: UnsafeMutablePointer<Double>,
        _ imaginary: UnsafeMutablePointer<Double>, _ vectors: UnsafeMutablePointer<Double>
    ) -> Int {
        var (n, info, one) = (Int32(n), Int32(0), Int32(1))
        var unused = 0.0
        workspace { work, size in
            var size = size
            dgeev_("N", "V", &n, a, &n, real, imaginary, &unused, &one, vectors, &n, work, &size, &info, 1, 1)
        }
        return Int(info)
    }

    /// Thin singular value decomposition of an m×n matrix, which is overwritten: values descending, u m×k, vt
    /// k×n.
    static func gesdd(
        _ m: Int, _ n: Int, _ a: UnsafeMutablePointer<Double>, _ s: UnsafeMutablePointer<Double>,
        _ u: UnsafeMutablePointer<Double>?, _ vt: UnsafeMutablePointer<Double>?
    ) -> Int {
        var (rows, columns, k, info) = (Int32(m), Int32(n), Int32(min(m, n)), Int32(0))
        var unused = (0.0, 0.0)
        let integers = UnsafeMutablePointer<Int32>.allocate(capacity: 8 * max(1, min(m, n)))
        defer { integers.deallocate() }
        workspace { work, size in
            var size = size
            if let u, let vt {
                dgesdd_("S", &rows, &columns, a, &rows, s, u, &rows, vt, &k, work, &size, integers, &info, 1)
            } else {
                var one = Int32(1)
                dgesdd_(
                    "N", &rows, &columns, a, &rows, s, &unused.0, &one, &unused.1, &one, work, &size,
                    integers, &info,
                    1)
            }
        }
        return Int(info)
    }

    /// Calls a routine twice: to ask how much memory it wants, and with it.
    private static func workspace(_ call: (UnsafeMutablePointer<Double>, Int32) -> Void) {
        _ = onOneThread
        var answer = 0.0
        call(&answer, -1)
        let size = max(1, Int(answer))
        let work = UnsafeMutablePointer<Double>.allocate(capacity: size)
        defer { work.deallocate() }
        call(work, Int32(size))
    }

    private static func workspaces(
        _ call: (UnsafeMutablePointer<Double>, Int32, UnsafeMutablePointer<Int32>, Int32) -> Void
    ) {
        _ = onOneThread
        var (answer, integerAnswer) = (0.0, Int32(0))
        call(&answer, -1, &integerAnswer, -1)
        let (size, integerSize) = (max(1, Int(answer)), max(1, Int(integerAnswer)))
        let work = UnsafeMutablePointer<Double>.allocate(capacity: size)
        let integers = UnsafeMutablePointer<Int32>.allocate(capacity: integerSize)
        defer {
            work.deallocate()
            integers.deallocate()
        }
        call(work, Int32(size), integers, Int32(integerSize))
    }
}
