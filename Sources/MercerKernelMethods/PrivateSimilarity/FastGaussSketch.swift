import Foundation

/// Moments of points in the cells of a lattice, from which Gaussian sums in few dimensions follow by Hermite's
/// expansion (Backurs et al. 2024): for d ≤ 3.
public struct FastGaussSketch: Sendable {
    public let dimension: Int
    /// ρ, moments 0 … ρ−1 a coordinate.
    public let order: Int
    /// The lowest cell's centre, and how many cells a side has.
    public let origin: [Int]
    public let sides: [Int]
    /// Mean moments, cells row-major, then multi-indices row-major.
    public let moments: [Double]

    public init(dimension: Int, order: Int, origin: [Int], sides: [Int], moments: [Double]) {
        precondition(
            origin.count == dimension && sides.count == dimension
                && moments.count == sides.reduce(1, *) * Self.power(order, dimension),
            "FastGaussSketch: \(moments.count) moments for cells \(sides) of order \(order)")
        self.dimension = dimension
        self.order = order
        self.origin = origin
        self.sides = sides
        self.moments = moments
    }

    /// The mean moments of points that are already in units of σ. Not private until noise is added.
    ///
    /// - Parameters:
    ///   - origin: the lowest cell's centre.
    ///   - sides: cells a side; points outside are counted in the nearest cell.
    public init(_ points: PointSet<Double>, order: Int, origin: [Int], sides: [Int]) {
        let d = points.dimension
        let indices = Self.power(order, d)
        var moments = [Double](repeating: 0, count: sides.reduce(1, *) * indices)
        for row in 0..<points.count {
            let x = points[row]
            var cell = 0
            var powers = [Double](repeating: 1, count: 1)
            for (k, value) in x.enumerated() {
                let place = min(sides[k] - 1, max(0, Int(value.rounded(.toNearestOrEven)) - origin[k]))
                cell = cell * sides[k] + place
                let offset = value - Double(origin[k] + place)
                var own = [1.0]
                for _ in 1..<max(1, order) { own.append(own.last! * offset) }
                powers = powers.flatMap { p in own.map { p * $0 } }
            }
            for j in 0..<indices { moments[cell * indices + j] += powers[j] }
        }
        let n = Double(points.count)
        self.init(
            dimension: d, order: order, origin: origin, sides: sides, moments: moments.map { $0 / n })
    }

    /// (2(1 − 2^−ρ))^d: the largest change of the sums of moments by one row, in ℓ1.
    public static func sensitivity(dimension: Int, order: Int) -> Double {
        pow(2 * (1 - exp2(-Double(order))), Double(dimension))
    }

    /// The mean of e^(−|x − y|²) over the points, and Σ c² over the moments in it.
    public func estimate(_ y: [Double]) -> (estimate: Double, squaredWeights: Double) {
        precondition(y.count == dimension, "FastGaussSketch: a query of \(y.count) columns, not \(dimension)")
        let indices = Self.power(order, dimension)
        var sum = 0.0
        var squares = 0.0
        for cell in 0..<sides.reduce(1, *) {
            let centre = self.centre(cell)
            let w = zip(y, centre).map { $0 - $1 }
            guard w.reduce(0, { $0 + $1 * $1 }) <= Double(order) else { continue }
            var coefficients = [1.0]
            for value in w {
                let own = Self.hermiteFunctions(value, order)
                coefficients = coefficients.flatMap { c in own.map { c * $0 } }
            }
            for j in 0..<indices {
                sum += coefficients[j] * moments[cell * indices + j]
                squares += coefficients[j] * coefficients[j]
            }
        }
        return (sum, squares)
    }

    private func centre(_ cell: Int) -> [Double] {
        var rest = cell
        var centre = [Double](repeating: 0, count: dimension)
        for k in Swift.stride(from: dimension - 1, through: 0, by: -1) {
            centre[k] = Double(origin[k] + rest % sides[k])
            rest /= sides[k]
        }
        return centre
    }

    /// H_k(w)/k! e^(−w²), k = 0 … order − 1.
    private static func hermiteFunctions(_ w: Double, _ order: Int) -> [Double] {
        var values = [exp(-w * w)]
        if order > 1 { values.append(2 * w * values[0]) }
        for k in 2..<max(2, order) {
            // H_k = 2w H_(k−1) − 2(k−1) H_(k−2), with the factorials divided out.
            values.append((2 * w * values[k - 1] - 2 * values[k - 2]) / Double(k))
        }
        return values
    }

    private static func power(_ base: Int, _ exponent: Int) -> Int {
        (0..<exponent).reduce(1) { p, _ in p * base }
    }
}
