// The gamma family. Draws need an unknown number of random numbers, so that each element has a sequence of
// its own.

extension Random {
    /// Gamma with shape `concentration` and scale `scale`; mean concentration·scale.
    public static func gamma(
        _ concentration: Double, _ shape: [Int] = [], dtype: DType = .float32, scale: Double = 1,
        key: RandomKey
    ) -> Tensor {
        precondition(concentration > 0, "Random.gamma: the concentration is \(concentration)")
        return drawn(shape, dtype, key) { stream, _ in scale * stream.gamma(concentration) }
    }

    /// Gamma with scale 1 and a shape parameter for each element, of the parameter's shape and type.
    public static func gamma(_ concentration: Tensor, key: RandomKey) -> Tensor {
        let a = concentration.detached.asType(.float64).toArray(Double.self)
        precondition(a.allSatisfy { $0 > 0 }, "Random.gamma: a concentration is not positive")
        return drawn(concentration.shape, concentration.dtype.asFloatingPoint, key) { stream, i in
            stream.gamma(a[i])
        }
    }

    /// Beta with parameters `a` and `b`.
    public static func beta(
        _ a: Double, _ b: Double, _ shape: [Int] = [], dtype: DType = .float32, key: RandomKey
    ) -> Tensor {
        precondition(a > 0 && b > 0, "Random.beta: the parameters are \(a) and \(b)")
        return drawn(shape, dtype, key) { stream, _ in stream.beta(a, b) }
    }

    /// χ² with the given degrees of freedom.
    public static func chiSquare(
        _ degrees: Double, _ shape: [Int] = [], dtype: DType = .float32, key: RandomKey
    ) -> Tensor {
        precondition(degrees > 0, "Random.chiSquare: \(degrees) degrees of freedom")
        return drawn(shape, dtype, key) { stream, _ in 2 * stream.gamma(0.5 * degrees) }
    }

    /// Dirichlet: points of the simplex along a new last axis as long as `concentration`.
    public static func dirichlet(
        _ concentration: [Double], _ shape: [Int] = [], dtype: DType = .float32, key: RandomKey
    ) -> Tensor {
        precondition(
            !concentration.isEmpty && concentration.allSatisfy { $0 > 0 },
            "Random.dirichlet: the concentration is \(concentration)")
        let n = concentration.count
        let result = Tensor(uninitialized: shape + [n], .float64)
        let out = result.mutablePointer(Double.self)
        Parallel.forRanges(Shape.count(shape), grain: max(1, 1024 / n)) { rows in
            for row in rows {
                var stream = RandomStream(key, element: row)
                let logs = concentration.map { stream.logGamma($0) }
                let largest = logs.max()!
                let weights = logs.map { PortableMath.exp($0 - largest) }
                let total = weights.reduce(0, +)
                for (j, weight) in weights.enumerated() { out[row * n + j] = weight / total }
            }
        }
        return result.asType(dtype)
    }

    private static func drawn(
        _ shape: [Int], _ dtype: DType, _ key: RandomKey, _ draw: (inout RandomStream, Int) -> Double
    ) -> Tensor {
        precondition(dtype.isFloatingPoint, "Random: \(dtype) is not a floating-point type")
        if dtype == .float32 {
            let result = Tensor(uninitialized: shape, .float32)
            RandomFill.each(result.mutablePointer(Float.self), result.count, key) { Float(draw(&$0, $1)) }
            return result
        }
        let result = Tensor(uninitialized: shape, .float64)
        RandomFill.each(result.mutablePointer(Double.self), result.count, key, draw)
        return dtype == .float64 ? result : result.asType(dtype)
    }
}
