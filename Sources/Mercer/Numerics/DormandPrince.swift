import Foundation

/// Ordinary differential equations by the embedded Runge-Kutta pair of orders 5 and 4 of J. R. Dormand and P.
/// J. Prince (1980) with step control; results at given times by the method's own interpolant of order 4.
public enum DormandPrince {
    private static let c: [Double] = [0, 1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1]
    private static let a: [[Double]] = [
        [],
        [1.0 / 5],
        [3.0 / 40, 9.0 / 40],
        [44.0 / 45, -56.0 / 15, 32.0 / 9],
        [19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729],
        [9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656],
        [35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84],
    ]
    private static let error: [Double] = [
        71.0 / 57600, 0, -71.0 / 16695, 71.0 / 1920, -17253.0 / 339200, 22.0 / 525, -1.0 / 40,
    ]
    private static let dense: [Double] = [
        -12715105075.0 / 11282082432, 0, 87487479700.0 / 32700410799, -10690763975.0 / 1880347072,
        701980252875.0 / 199316789632, -1453857185.0 / 822651844, 69997945.0 / 29380423,
    ]

    /// The solution of y' = f(t, y), y(times[0]) = y0, at the given times (rising or falling).
    ///
    /// - Parameters:
    ///   - relativeTolerance, absoluteTolerance: the error of a step is at most absolute + relative·|y|, in
    ///     the mean square over the components.
    ///   - maxSteps: steps between two of the times.
    /// - Returns: one state for each time.
    /// - Throws: ``NumericsError`` where steps become too small or too many.
    public static func solve(
        from y0: [Double], times: [Double], relativeTolerance: Double = 1e-6,
        absoluteTolerance: Double = 1e-9,
        maxSteps: Int = 100_000, _ f: (_ t: Double, _ y: [Double]) throws -> [Double]
    ) throws -> [[Double]] {
        guard let start = times.first else { return [] }
        let n = y0.count
        var results = [y0]
        guard let end = times.last, times.count > 1, n > 0 else {
            return [[Double]](repeating: y0, count: times.count)
        }
        let direction = end >= start ? 1.0 : -1.0
        var t = start
        var y = y0
        var k = [[Double]](repeating: [], count: 7)
        k[0] = try f(t, y)
        var h = try firstStep(t, y, k[0], direction, relativeTolerance, absoluteTolerance, f)
        var next = 1
        var steps = 0
        while next < times.count {
            if times[next] == t {
                results.append(y)
                next += 1
                continue
            }
            if abs(h) <= 4 * abs(t).ulp {
                throw NumericsError.stepTooSmall(method: "DormandPrince.solve", at: t)
            }
            if steps == maxSteps {
                throw NumericsError.tooManySteps(method: "DormandPrince.solve", limit: maxSteps, at: t)
            }
            steps += 1
            if direction * (t + h - end) > 0 { h = end - t }
            var trial = y
            for stage in 1..<7 {
                for i in 0..<n {
                    var sum = 0.0
                    for j in 0..<stage { sum += a[stage][j] * k[j][i] }
                    trial[i] = y[i] + h * sum
                }
                k[stage] = try f(t + c[stage] * h, trial)
            }
            var squares = 0.0
            for i in 0..<n {
                var e = 0.0
                for j in 0..<7 { e += error[j] * k[j][i] }
                let scale = absoluteTolerance + relativeTolerance * max(abs(y[i]), abs(trial[i]))
                squares += (h * e / scale) * (h * e / scale)
            }
            let ratio = (squares / Double(n)).squareRoot()
            guard ratio <= 1 else {
                h *= ratio.isFinite ? max(0.2, 0.9 * pow(ratio, -0.2)) : 0.1
                continue
            }
            let after = t + h == t || abs(t + h - end) < abs(end).ulp ? end : t + h
            while next < times.count, direction * (times[next] - after) <= 0 {
                results.append(
                    times[next] == after ? trial : interpolated((times[next] - t) / h, h, y, trial, k))
                next += 1
                steps = 0
            }
            t = after
            y = trial
            k[0] = k[6]
            h *= min(5, max(0.2, 0.9 * pow(max(ratio, 1e-10), -0.2)))
        }
        return results
    }

    /// Hairer, Nørsett, Wanner, "Solving ordinary differential equations I", section II.6.
    private static func interpolated(
        _ theta: Double, _ h: Double, _ y: [Double], _ yNext: [Double], _ k: [[Double]]
    ) -> [Double] {
        y.indices.map { i in
            let difference = yNext[i] - y[i]
            let bend = h * k[0][i] - difference
            let twist = difference - h * k[6][i] - bend
            var rest = 0.0
            for j in 0..<7 { rest += dense[j] * k[j][i] }
            let inner = twist + (1 - theta) * h * rest
            return y[i] + theta * (difference + (1 - theta) * (bend + theta * inner))
        }
    }

    private static func firstStep(
        _ t: Double, _ y: [Double], _ slope: [Double], _ direction: Double, _ relative: Double,
        _ absolute: Double,
        _ f: (Double, [Double]) throws -> [Double]
    ) throws -> Double {
        func size(_ v: [Double]) -> Double {
            let squares = zip(v, y).reduce(0.0) {
                let e = $1.0 / (absolute + relative * abs($1.1))
                return $0 + e * e
            }
            return (squares / Double(v.count)).squareRoot()
        }
        let (d0, d1) = (size(y), size(slope))
        let h0 = d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : 0.01 * d0 / d1
        let ahead = try f(t + direction * h0, zip(y, slope).map { $0 + direction * h0 * $1 })
        let d2 = size(zip(ahead, slope).map { $0 - $1 }) / h0
        let h1 = max(d1, d2) <= 1e-15 ? max(1e-6, h0 * 1e-3) : pow(0.01 / max(d1, d2), 0.2)
        return direction * min(100 * h0, h1)
    }
}
