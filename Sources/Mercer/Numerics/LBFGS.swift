import Foundation

/// Minimisation of smooth functions by limited-memory BFGS with a line search for the strong Wolfe conditions
/// (J. Nocedal, S. Wright, "Numerical optimization", 2006, algorithms 3.5, 3.6, 7.4 and 7.5).
public struct LBFGS: Sendable {
    /// Pairs of steps and gradient changes that are kept.
    public var memory: Int
    public var maxIterations: Int
    /// Done when no component of the gradient is larger.
    public var gradientTolerance: Double
    /// Done when a step lowers the value by less than this, relative to max(|f|, 1).
    public var valueTolerance: Double

    public init(
        memory: Int = 10, maxIterations: Int = 1000, gradientTolerance: Double = 1e-8,
        valueTolerance: Double = 0
    ) {
        self.memory = max(1, memory)
        self.maxIterations = maxIterations
        self.gradientTolerance = gradientTolerance
        self.valueTolerance = valueTolerance
    }

    /// Where a minimisation stopped.
    public struct Result<Point: Sendable>: Sendable {
        public let point: Point
        public let value: Double
        /// The largest component of the gradient.
        public let gradientSize: Double
        public let iterations: Int
        public let evaluations: Int
        /// Whether a tolerance was met; false at the limit of iterations or where no lower value was found.
        public let converged: Bool
    }

    /// Where a minimisation is after an iteration: all that it needs to go on with the same bits.
    public struct State: Sendable, Equatable {
        public var point: [Double]
        public var value: Double
        public var gradient: [Double]
        /// The newest steps and how the gradient changed over each, oldest first; at most ``LBFGS/memory``.
        public var steps: [[Double]] = []
        public var changes: [[Double]] = []
        public var iterations = 0
        public var evaluations: Int

        public init(point: [Double], value: Double, gradient: [Double], evaluations: Int) {
            self.point = point
            self.value = value
            self.gradient = gradient
            self.evaluations = evaluations
        }
    }

    /// The state before the first iteration, from one evaluation.
    public func state(
        at start: [Double], _ f: ([Double]) throws -> (value: Double, gradient: [Double])
    ) rethrows -> State {
        let (value, gradient) = try f(start)
        return State(point: start, value: value, gradient: gradient, evaluations: 1)
    }

    /// Minimises a function that returns its value and gradient.
    public func minimize(
        from start: [Double], _ f: ([Double]) throws -> (value: Double, gradient: [Double])
    ) rethrows -> Result<[Double]> {
        try minimize(from: state(at: start, f), afterIteration: { _ in }, f)
    }

    /// Goes on from a state.
    ///
    /// - Parameter afterIteration: told the state after each iteration but the last; from it the rest has the same bits.
    public func minimize(
        from start: State, afterIteration: (State) throws -> Void,
        _ f: ([Double]) throws -> (value: Double, gradient: [Double])
    ) rethrows -> Result<[Double]> {
        var x = start.point
        var (value, gradient) = (start.value, start.gradient)
        var evaluations = start.evaluations
        var pairs = zip(start.steps, start.changes).map { (s: $0, y: $1, rho: 1 / dot($0, $1)) }
        func result(_ iterations: Int, _ converged: Bool) -> Result<[Double]> {
            Result(
                point: x, value: value, gradientSize: gradient.reduce(0) { max($0, abs($1)) },
                iterations: iterations, evaluations: evaluations, converged: converged)
        }
        for iteration in start.iterations..<max(start.iterations, maxIterations) {
            if gradient.allSatisfy({ abs($0) <= gradientTolerance }) { return result(iteration, true) }
            var direction = Self.direction(gradient, pairs)
            var slope = dot(gradient, direction)
            if !(slope < 0) {
                pairs.removeAll()
                direction = gradient.map { -$0 }
                slope = dot(gradient, direction)
            }
            let firstStep = pairs.isEmpty ? min(1, 1 / gradient.reduce(0) { $0 + abs($1) }) : 1
            let origin = (x, value, gradient)
            let line = try Self.search(from: value, slope: slope, firstStep: firstStep) { step in
                let point = zip(origin.0, direction).map { $0 + step * $1 }
                let (v, g) = try f(point)
                evaluations += 1
                return (v, dot(g, direction), (point, g))
            }
            guard let line, line.value <= value + Self.noise(value), line.payload.0 != x else {
                if pairs.isEmpty { return result(iteration, false) }
                // The curvature on record misleads: start again from the steepest descent.
                pairs.removeAll()
                continue
            }
            (x, value, gradient) = (line.payload.0, line.value, line.payload.1)
            let s = zip(x, origin.0).map { $0 - $1 }
            let y = zip(gradient, origin.2).map { $0 - $1 }
            let curvature = dot(s, y)
            if curvature > Double.ulpOfOne * dot(y, y) {
                pairs.append((s, y, 1 / curvature))
                if pairs.count > memory { pairs.removeFirst() }
            }
            if origin.1 - value <= valueTolerance * max(abs(value), 1) && valueTolerance > 0 {
                return result(iteration + 1, true)
            }
            var state = State(point: x, value: value, gradient: gradient, evaluations: evaluations)
            (state.steps, state.changes, state.iterations) = (pairs.map(\.s), pairs.map(\.y), iteration + 1)
            try afterIteration(state)
        }
        return result(maxIterations, gradient.allSatisfy { abs($0) <= gradientTolerance })
    }

    /// Minimises a scalar function of tensors, whose gradient is taken automatically. Computed in double
    /// precision, each tensor handed to the function in its own type.
    public func minimize(from start: [Tensor], _ f: @escaping ([Tensor]) -> Tensor) -> Result<[Tensor]> {
        let both: ([Tensor]) -> (Tensor, [Tensor]) = valueAndGrad(f)
        func tensors(_ x: [Double]) -> [Tensor] {
            var first = 0
            return start.map { like in
                defer { first += like.count }
                return Tensor(Array(x[first..<first + like.count]), like.shape).asType(like.dtype)
            }
        }
        func numbers(_ tensors: [Tensor]) -> [Double] {
            tensors.flatMap { $0.asType(.float64).toArray(Double.self) }
        }
        let flat = minimize(from: numbers(start)) { x in
            let (value, gradients) = both(tensors(x))
            return (value.doubleValue, numbers(gradients))
        }
        return Result(
            point: tensors(flat.point), value: flat.value, gradientSize: flat.gradientSize,
            iterations: flat.iterations, evaluations: flat.evaluations, converged: flat.converged)
    }

    /// −H·gradient by the two-loop recursion.
    private static func direction(_ gradient: [Double], _ pairs: [(s: [Double], y: [Double], rho: Double)])
        -> [Double]
    {
        var q = gradient
        var alphas = [Double](repeating: 0, count: pairs.count)
        for i in pairs.indices.reversed() {
            alphas[i] = pairs[i].rho * dot(pairs[i].s, q)
            for j in q.indices { q[j] -= alphas[i] * pairs[i].y[j] }
        }
        if let last = pairs.last {
            let gamma = 1 / (last.rho * dot(last.y, last.y))
            for j in q.indices { q[j] *= gamma }
        }
        for i in pairs.indices {
            let beta = pairs[i].rho * dot(pairs[i].y, q)
            for j in q.indices { q[j] += (alphas[i] - beta) * pairs[i].s[j] }
        }
        return q.map { -$0 }
    }

    /// What rounding may do to a value.
    private static func noise(_ value: Double) -> Double { 8 * Double.ulpOfOne * abs(value) }

    private struct LinePoint<Payload> {
        var step: Double
        var value: Double
        var slope: Double
        var payload: Payload
    }

    /// A step that lowers the value enough and flattens the slope enough; the best one seen where there is
    /// none.
    private static func search<Payload>(
        from value: Double, slope: Double, firstStep: Double,
        _ evaluate: (Double) throws -> (value: Double, slope: Double, payload: Payload)
    ) rethrows -> LinePoint<Payload>? {
        let (decrease, flatness) = (1e-4, 0.9)
        func point(_ step: Double) throws -> LinePoint<Payload> {
            let (v, s, payload) = try evaluate(step)
            return LinePoint(step: step, value: v.isNaN ? .infinity : v, slope: s, payload: payload)
        }
        // Where values no longer differ by more than rounding, slopes decide (W. W. Hager, H. Zhang, 2005).
        let noise = noise(value)
        func isLowEnough(_ p: LinePoint<Payload>) -> Bool {
            p.value <= value + decrease * p.step * slope
                || (p.value <= value + noise && p.slope <= (2 * decrease - 1) * slope)
        }
        func isFlatEnough(_ p: LinePoint<Payload>) -> Bool { abs(p.slope) <= -flatness * slope }

        var low: LinePoint<Payload>?
        var (lowStep, lowValue, lowSlope) = (0.0, value, slope)
        var high: LinePoint<Payload>?
        var step = firstStep
        for _ in 0..<25 {
            let p = try point(step)
            if !isLowEnough(p) || (low != nil && p.value > lowValue + noise) || !p.value.isFinite {
                high = p
                break
            }
            if isFlatEnough(p) { return p }
            if p.slope >= 0 {
                high = LinePoint(step: lowStep, value: lowValue, slope: lowSlope, payload: p.payload)
                (low, lowStep, lowValue, lowSlope) = (p, p.step, p.value, p.slope)
                break
            }
            (low, lowStep, lowValue, lowSlope) = (p, p.step, p.value, p.slope)
            step *= 2
        }
        guard var high else { return low }
        for _ in 0..<40 {
            let width = high.step - lowStep
            if abs(width) <= 1e-16 * max(abs(lowStep), abs(high.step)) { break }
            // The minimum of the parabola through both values and the slope at the better end, kept inside.
            var fraction = 0.5
            let bend = high.value - lowValue - lowSlope * width
            if high.value.isFinite && bend > 0 { fraction = -0.5 * lowSlope * width / bend }
            let p = try point(lowStep + min(max(fraction, 0.1), 0.9) * width)
            if !isLowEnough(p) || p.value > lowValue + noise {
                high = p
                continue
            }
            if isFlatEnough(p) { return p }
            if p.slope * width >= 0 {
                high = LinePoint(step: lowStep, value: lowValue, slope: lowSlope, payload: p.payload)
            }
            (low, lowStep, lowValue, lowSlope) = (p, p.step, p.value, p.slope)
        }
        return low
    }
}

private func dot(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for i in a.indices { sum += a[i] * b[i] }
    return sum
}
