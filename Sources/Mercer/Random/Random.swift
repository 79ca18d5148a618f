/// Random tensors, each from an explicit ``RandomKey``: the same key gives the same numbers on any number of
/// threads and any instruction set.
///
/// ```swift
/// let keys = RandomKey(0).split(2)
/// let weights = Random.uniform(-0.1..<0.1, [256, 128], key: keys[0])
/// let noise = Random.normal([256], dtype: .float64, key: keys[1])
/// ```
public enum Random {
    /// 32 random bits an element, as uint32.
    public static func bits(_ shape: [Int] = [], key: RandomKey) -> Tensor {
        let result = Tensor(uninitialized: shape, .uint32)
        RandomFill.bits(result.mutablePointer(UInt32.self), result.count, key)
        return result
    }

    /// Uniform in `range`, the upper bound excluded.
    public static func uniform(
        _ range: Range<Double> = 0..<1, _ shape: [Int] = [], dtype: DType = .float32, key: RandomKey
    ) -> Tensor {
        let (low, width) = (range.lowerBound, range.upperBound - range.lowerBound)
        let top32 = max(Float(low), Float(range.upperBound).nextDown)
        let top64 = max(low, range.upperBound.nextDown)
        let k = RandomFill.kernels
        return RandomKernel(
            float32: { k.uniform_f32($0, $1, $2.key, $2.stream, $3, Float(low), Float(width), top32) },
            float64: { k.uniform_f64($0, $1, $2.key, $2.stream, $3, low, width, top64) }
        ).tensor(shape, dtype, key, "Random.uniform")
    }

    /// Normal with mean `loc` and standard deviation `scale`.
    public static func normal(
        _ shape: [Int] = [], dtype: DType = .float32, loc: Double = 0, scale: Double = 1, key: RandomKey
    ) -> Tensor {
        let k = RandomFill.kernels
        return RandomKernel(
            float32: { k.normal_f32($0, $1, $2.key, $2.stream, $3, Float(loc), Float(scale)) },
            float64: { k.normal_f64($0, $1, $2.key, $2.stream, $3, loc, scale) }
        ).tensor(shape, dtype, key, "Random.normal")
    }

    /// Normal with mean `loc` and standard deviation `scale`, conditioned on lying in `range`.
    public static func truncatedNormal(
        _ range: ClosedRange<Double> = -2...2, _ shape: [Int] = [], dtype: DType = .float32, loc: Double = 0,
        scale: Double = 1, key: RandomKey
    ) -> Tensor {
        precondition(scale > 0, "Random.truncatedNormal: the scale is \(scale)")
        let (low, high) = ((range.lowerBound - loc) / scale, (range.upperBound - loc) / scale)
        if dtype == .float64 {
            return truncated(Double.self, range, low, high, shape, loc, scale, key)
        }
        let result = truncated(Float.self, range, low, high, shape, loc, scale, key)
        return dtype == .float32 ? result : result.asType(dtype)
    }

    private static func truncated<T: BinaryFloatingPoint & TensorElement>(
        _ type: T.Type, _ range: ClosedRange<Double>, _ low: Double, _ high: Double, _ shape: [Int],
        _ loc: Double, _ scale: Double, _ key: RandomKey
    ) -> Tensor {
        let redraws = key.fold(in: 1)
        func draw(_ element: Int) -> T {
            var stream = RandomStream(redraws, element: element)
            let value = loc + scale * stream.truncatedNormal(low, high)
            return T(min(max(value, range.lowerBound), range.upperBound))
        }
        // Where most of the mass lies inside, normal draws are kept and only the others drawn anew.
        let isWide = low <= -0.5 && high >= 0.5
        let result =
            isWide
            ? normal(shape, dtype: T.dtype, loc: loc, scale: scale, key: key)
            : Tensor(uninitialized: shape, T.dtype)
        let out = result.mutablePointer(T.self)
        let (bottom, top) = (T(range.lowerBound), T(range.upperBound))
        Parallel.forRanges(result.count, grain: 4096) { elements in
            for i in elements where !isWide || out[i] < bottom || out[i] > top { out[i] = draw(i) }
        }
        return result
    }

    /// Exponential with the given rate; mean 1/rate.
    public static func exponential(
        _ shape: [Int] = [], dtype: DType = .float32, rate: Double = 1, key: RandomKey
    ) -> Tensor {
        precondition(rate > 0, "Random.exponential: the rate is \(rate)")
        let k = RandomFill.kernels
        return RandomKernel(
            float32: { k.exponential_f32($0, $1, $2.key, $2.stream, $3, Float(1 / rate)) },
            float64: { k.exponential_f64($0, $1, $2.key, $2.stream, $3, 1 / rate) }
        ).tensor(shape, dtype, key, "Random.exponential")
    }

    /// Laplace with location `loc` and scale `scale`; variance 2·scale².
    public static func laplace(
        _ shape: [Int] = [], dtype: DType = .float32, loc: Double = 0, scale: Double = 1, key: RandomKey
    ) -> Tensor {
        let k = RandomFill.kernels
        return RandomKernel(
            float32: { k.laplace_f32($0, $1, $2.key, $2.stream, $3, Float(loc), Float(scale)) },
            float64: { k.laplace_f64($0, $1, $2.key, $2.stream, $3, loc, scale) }
        ).tensor(shape, dtype, key, "Random.laplace")
    }

    /// Gumbel (of maxima) with location `loc` and scale `scale`.
    public static func gumbel(
        _ shape: [Int] = [], dtype: DType = .float32, loc: Double = 0, scale: Double = 1, key: RandomKey
    ) -> Tensor {
        let k = RandomFill.kernels
        return RandomKernel(
            float32: { k.gumbel_f32($0, $1, $2.key, $2.stream, $3, Float(loc), Float(scale)) },
            float64: { k.gumbel_f64($0, $1, $2.key, $2.stream, $3, loc, scale) }
        ).tensor(shape, dtype, key, "Random.gumbel")
    }

    /// Multivariate normal: vectors along a new last axis.
    ///
    /// - Parameters:
    ///   - mean: `[n]`.
    ///   - covariance: `[n, n]`, symmetric and positive definite.
    /// - Throws: ``LinearAlgebraError`` where the covariance is not positive definite.
    public static func multivariateNormal(
        mean: Tensor, covariance: Tensor, _ shape: [Int] = [], key: RandomKey
    ) throws -> Tensor {
        let n = mean.count
        precondition(
            mean.shape == [n] && covariance.shape == [n, n],
            "Random.multivariateNormal: mean of shape \(mean.shape), covariance of shape \(covariance.shape)")
        let l = try LinearAlgebra.cholesky(covariance)
        let z = normal([Shape.count(shape), n], dtype: l.dtype, key: key)
        return (matmul(z, l.transposed()) + mean).reshaped(shape + [n])
    }
}
