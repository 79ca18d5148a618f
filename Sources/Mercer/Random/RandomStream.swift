/// A sequence of random numbers from a key, for draws that need an unknown number of them (rejection), and
/// for Swift's own `shuffle(using:)` and `randomElement(using:)`.
public struct RandomStream: RandomNumberGenerator, Sendable {
    private let key: RandomKey
    /// Which of the key's sequences: one for each element of a tensor.
    private let element: UInt64
    private var block: UInt64 = 0
    private var spare: UInt64?
    private var spareNormal: Double?

    /// The sequence of a key.
    public init(_ key: RandomKey) { self.init(key, element: 0) }

    /// The sequence of one element of a tensor.
    init(_ key: RandomKey, element: Int) {
        self.key = key
        self.element = UInt64(element)
    }

    /// 64 random bits.
    public mutating func next() -> UInt64 {
        if let word = spare {
            spare = nil
            return word
        }
        let (first, second) = Philox.block(element, key.stream ^ block, key: key.key)
        block += 1
        spare = second
        return first
    }

    /// Uniform in the open interval (0, 1): an odd multiple of 2^-53.
    public mutating func uniform() -> Double { (Double(next() >> 12) + 0.5) * 0x1p-52 }

    /// Standard normal (Box-Muller).
    public mutating func normal() -> Double {
        if let value = spareNormal {
            spareNormal = nil
            return value
        }
        let radius = (-2 * PortableMath.log(uniform())).squareRoot()
        let (cosine, sine) = PortableMath.cosineAndSine(turn: next())
        spareNormal = radius * sine
        return radius * cosine
    }

    /// Exponential with mean 1.
    public mutating func exponential() -> Double { -PortableMath.log(uniform()) }

    /// A whole number in `0..<bound`, without bias (D. Lemire, "Fast random integer generation in an
    /// interval", 2019).
    public mutating func integer(below bound: UInt64) -> UInt64 {
        var product = bound.multipliedFullWidth(by: next())
        if product.low < bound {
            let threshold = (0 &- bound) % bound
            while product.low < threshold { product = bound.multipliedFullWidth(by: next()) }
        }
        return product.high
    }

    /// The logarithm of a gamma draw with the given shape and scale 1 (Marsaglia, Tsang, "A simple method for
    /// generating gamma variables", 2000). In logarithms, since draws of small shapes underflow.
    public mutating func logGamma(_ shape: Double) -> Double {
        if shape < 1 { return logGamma(shape + 1) + PortableMath.log(uniform()) / shape }
        let d = shape - 1.0 / 3
        let c = 1 / (9 * d).squareRoot()
        while true {
            let x = normal()
            let t = 1 + c * x
            if t <= 0 { continue }
            let v = t * t * t
            let logV = PortableMath.log(v)
            if PortableMath.log(uniform()) < 0.5 * x * x + d - d * v + d * logV {
                return PortableMath.log(d) + logV
            }
        }
    }

    /// A gamma draw with the given shape and scale 1.
    public mutating func gamma(_ shape: Double) -> Double { PortableMath.exp(logGamma(shape)) }

    /// A beta draw.
    public mutating func beta(_ a: Double, _ b: Double) -> Double {
        let x = logGamma(a)
        let y = logGamma(b)
        return 1 / (1 + PortableMath.exp(y - x))
    }

    /// A standard normal draw conditioned on lying in [low, high] (C. P. Robert, "Simulation of truncated
    /// normal variables", 1995).
    public mutating func truncatedNormal(_ low: Double, _ high: Double) -> Double {
        if high < 0 { return -truncatedNormal(-high, -low) }
        if low <= 0 {
            if high - low > 2.5066282746310002 {
                while true {
                    let z = normal()
                    if z >= low && z <= high { return z }
                }
            }
            return fromUniform(low, high) { -0.5 * $0 * $0 }
        }
        let root = (low * low + 4).squareRoot()
        let rate = 0.5 * (low + root)
        let reach = PortableMath.exp(0.25 * (low * low - low * root) + 0.5) / rate
        if high < low + reach { return fromUniform(low, high) { 0.5 * (low * low - $0 * $0) } }
        while true {
            let z = low + exponential() / rate
            let gap = z - rate
            if z <= high && PortableMath.log(uniform()) <= -0.5 * gap * gap { return z }
        }
    }

    /// Rejection from the uniform distribution; the logarithm of the acceptance is at most 0.
    private mutating func fromUniform(_ low: Double, _ high: Double, _ logAcceptance: (Double) -> Double)
        -> Double
    {
        while true {
            let z = low + (high - low) * uniform()
            if PortableMath.log(uniform()) <= logAcceptance(z) { return z }
        }
    }
}
