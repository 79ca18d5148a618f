import Foundation
import Mercer

/// Draws from φⱼ² dμ, j = 0, 1, …: of Legendre, Chebyshev and Fourier by rejection from a law that is at least half
/// of it, of the others by inverting a distribution function that is tabulated by Gauss-Legendre panels.
final class SquaredBasisLaws: Sendable {
    let table: OrthonormalTable
    private let inverse: [InverseLaw]

    /// For j below `count`.
    init(_ basis: OrthonormalBasis, count: Int) {
        table = OrthonormalTable(basis, count: count)
        switch basis {
        case .legendre, .chebyshev, .fourier: inverse = []
        default: inverse = (0..<count).map { InverseLaw(basis, degree: $0) }
        }
    }

    /// A draw from φⱼ² dμ.
    func draw(_ j: Int, using generator: inout some RandomNumberGenerator) -> Double {
        switch table.basis {
        case .legendre: return legendre(j, using: &generator)
        case .chebyshev:
            while true {
                let angle = Double.pi * generator.uniform()
                if j == 0 { return cos(angle) }
                let c = cos(Double(j) * angle)
                if generator.uniform() < c * c { return cos(angle) }
            }
        case .fourier:
            let frequency = 2 * Double.pi * Double((j + 1) / 2)
            while true {
                let x = generator.uniform()
                if j == 0 { return x }
                let c = j % 2 == 1 ? cos(frequency * x) : sin(frequency * x)
                if generator.uniform() < c * c { return x }
            }
        default: return inverse[j].draw(generator.uniform())
        }
    }

    /// Arcsine proposals; ¼π√(1 − x²) φⱼ(x)² is at most 1, and ½ on average.
    private func legendre(_ j: Int, using generator: inout some RandomNumberGenerator) -> Double {
        while true {
            let angle = Double.pi * generator.uniform()
            let x = cos(angle)
            if j == 0 {
                if generator.uniform() < sin(angle) { return x }
                continue
            }
            var (p, before) = (1.0, 0.0)
            for k in 0..<j {
                let n = Double(k)
                (p, before) = (((2 * n + 1) * x * p - n * before) / (n + 1), p)
            }
            let share = 0.25 * Double.pi * sin(angle) * Double(2 * j + 1) * p * p
            if generator.uniform() < share { return x }
        }
    }
}

/// The distribution function of φⱼ² dμ in a variable in which its density is smooth, and its inverse.
private struct InverseLaw: Sendable {
    private let smooth: SmoothSquare
    private let edges: [Double]
    /// The mass left of each edge.
    private let mass: [Double]

    init(_ basis: OrthonormalBasis, degree j: Int) {
        let smooth = SmoothSquare(basis, degree: j)
        let edges = Self.edges(basis, degree: j)
        var mass = [0.0]
        withUnsafeTemporaryAllocation(of: Double.self, capacity: j + 1) { work in
            for k in 1..<edges.count {
                mass.append(mass[k - 1] + smooth.integral(edges[k - 1], edges[k], work.baseAddress!))
            }
        }
        (self.smooth, self.edges, self.mass) = (smooth, edges, mass)
    }

    private static func edges(_ basis: OrthonormalBasis, degree j: Int) -> [Double] {
        let panels = 2 * (j + 1) + 24
        let turning = (4 * Double(j) + 2).squareRoot()
        switch basis {
        case .hermite: return (0...panels).map { (turning + 9) * (2 * Double($0) / Double(panels) - 1) }
        case .laguerre: return (0...panels).map { (turning + 8) * Double($0) / Double(panels) }
        default:
            // Panels shrink towards both ends, where the density has a power of the angle.
            let middle = (0...panels).map { Double.pi * Double($0) / Double(panels) }
            let graded = (1...30).map { middle[1] * pow(0.5, Double(31 - $0)) }
            let mirrored: [Double] = graded.reversed().map { Double.pi - $0 }
            var all: [Double] = [0]
            all += graded
            all += middle[1..<panels]
            all += mirrored
            return all + [Double.pi]
        }
    }

    /// The place with the share u of the mass to its left.
    func draw(_ u: Double) -> Double {
        let target = u * mass.last!
        var (low, high) = (0, edges.count - 1)
        while high - low > 1 {
            let middle = (low + high) / 2
            if mass[middle] <= target { low = middle } else { high = middle }
        }
        let rest = target - mass[low]
        return withUnsafeTemporaryAllocation(of: Double.self, capacity: smooth.degree + 1) { buffer in
            let work = buffer.baseAddress!
            // Newton steps that stay inside a shrinking bracket.
            var (left, right) = (edges[low], edges[high])
            var t = left + (right - left) * rest / max(mass[high] - mass[low], .leastNormalMagnitude)
            for _ in 0..<60 {
                let error = smooth.integral(edges[low], t, work) - rest
                if error > 0 { right = t } else { left = t }
                var next = t - error / smooth.density(t, work)
                if !(next > left && next < right) { next = 0.5 * (left + right) }
                let isDone = abs(next - t) <= 1e-14 * max(1, abs(t))
                t = next
                if isDone { break }
            }
            return smooth.place(t)
        }
    }
}

/// φⱼ(x(t))² ρ(x(t)) |dx/dt| with x = t (Hermite), t² (Laguerre) or cos t (Jacobi).
private struct SmoothSquare: Sendable {
    let degree: Int
    private let basis: OrthonormalBasis
    private let table: OrthonormalTable
    private let logNormaliser: Double
    private static let rule = Quadrature.gaussLegendre(10)

    init(_ basis: OrthonormalBasis, degree: Int) {
        self.basis = basis
        self.degree = degree
        table = OrthonormalTable(basis, count: degree + 1)
        switch basis {
        case .hermite: logNormaliser = -0.5 * log(2 * Double.pi)
        case .laguerre: logNormaliser = log(2)
        default:
            let (a, b) = basis.jacobiExponents!
            logNormaliser = -Special.logBeta(a + 1, b + 1)
        }
    }

    func place(_ t: Double) -> Double {
        switch basis {
        case .hermite: t
        case .laguerre: t * t
        default: cos(t)
        }
    }

    func integral(_ a: Double, _ b: Double, _ work: UnsafeMutablePointer<Double>) -> Double {
        let (middle, half) = (0.5 * (a + b), 0.5 * (b - a))
        var sum = 0.0
        for i in 0..<Self.rule.nodes.count {
            sum += Self.rule.weights[i] * density(middle + half * Self.rule.nodes[i], work)
        }
        return half * sum
    }

    func density(_ t: Double, _ work: UnsafeMutablePointer<Double>) -> Double {
        var logDensity = logNormaliser
        switch basis {
        case .hermite: logDensity -= 0.5 * t * t
        case .laguerre:
            guard t > 0 else { return 0 }
            logDensity += log(t) - t * t
        default:
            // 1 − cos t = 2 sin²(t/2), 1 + cos t = 2 cos²(t/2), dx = sin t dt; the powers of 2 cancel.
            let (a, b) = basis.jacobiExponents!
            let (s, c) = (sin(0.5 * t), cos(0.5 * t))
            guard s > 0, c > 0 else { return 0 }
            logDensity += (2 * a + 1) * log(s) + (2 * b + 1) * log(c)
        }
        table.evaluate(place(t), start: exp(0.5 * logDensity), into: work)
        return work[degree] * work[degree]
    }
}
