extension Tensor {
    /// Element-wise sum.
    public static func + (a: Tensor, b: Tensor) -> Tensor {
        precondition(a.shape == b.shape && a.dtype == b.dtype)
        let (p, q) = (a.contiguous(), b.contiguous())
        let y = Tensor(uninitialized: a.shape, a.dtype)
        if a.dtype == .float32 {
            for i in 0..<y.count {
                y.mutablePointer(Float.self)[i] = p.pointer(Float.self)[i] + q.pointer(Float.self)[i]
            }
        } else {
            for i in 0..<y.count {
                y.mutablePointer(Double.self)[i] = p.pointer(Double.self)[i] + q.pointer(Double.self)[i]
            }
        }
        guard a.isTracked || b.isTracked else { return y }
        return y.tracked("add", from: [a, b]) { [$0.gradient, $0.gradient] }
    }

    public static func += (a: inout Tensor, b: Tensor) { a = a + b }
}
