import Foundation
import Mercer

/// The projection determinantal process of polynomials of degree below m in one variable as the eigenvalues of a
/// random tridiagonal matrix: O(m²) a sample.
public enum TridiagonalEnsemble {
    /// Whether a basis has one.
    public static func exists(for basis: OrthonormalBasis) -> Bool { basis != .fourier }

    /// m points in ascending order.
    public static func draw(
        _ basis: OrthonormalBasis, count m: Int, using generator: inout some RandomNumberGenerator
    ) -> [Double] {
        switch basis {
        case .hermite:
            // Dumitriu and Edelman, "Matrix models for beta ensembles", 2002.
            let diagonal = (0..<m).map { _ in generator.normal() }
            let off = (1..<max(1, m)).map { (generator.chiSquared(2 * Double(m - $0)) / 2).squareRoot() }
            return Tridiagonal.eigenvalues(diagonal: diagonal, offDiagonal: m > 1 ? off : [])
        case .laguerre:
            // Squared singular values of a bidiagonal matrix of χ numbers, halved (the same source).
            let d = (0..<m).map { generator.chiSquared(2 * Double(m - $0)).squareRoot() }
            let s = (1..<max(1, m)).map { generator.chiSquared(2 * Double(m - $0)).squareRoot() }
            let diagonal = (0..<m).map { k -> Double in
                let before = k > 0 ? s[k - 1] : 0
                return 0.5 * (d[k] * d[k] + before * before)
            }
            let off = (0..<max(0, m - 1)).map { 0.5 * s[$0] * d[$0] }
            return Tridiagonal.eigenvalues(diagonal: diagonal, offDiagonal: off)
        case .fourier:
            preconditionFailure("TridiagonalEnsemble: Fourier functions aren't polynomials in x")
        default:
            let (a, b) = basis.jacobiExponents!
            let alpha = (0..<2 * m - 1).map { k -> Double in
                let (s, t) = verblunskyShapes(k, m, a, b)
                return 1 - 2 * generator.beta(s, t)
            }
            let matrix = jacobiMatrix(alpha)
            // Rounding may put an eigenvalue a little outside the interval.
            return Tridiagonal.eigenvalues(diagonal: matrix.diagonal, offDiagonal: matrix.offDiagonal)
                .map { min(1, max(-1, $0)) }
        }
    }

    /// The shapes of the Beta law of (1 − αₖ)/2 (Killip and Nenciu, "Matrix models for circular ensembles", 2004).
    private static func verblunskyShapes(_ k: Int, _ m: Int, _ a: Double, _ b: Double) -> (Double, Double) {
        if k % 2 == 0 {
            let half = Double(2 * m - k - 2) / 2
            return (half + a + 1, half + b + 1)
        }
        return (Double(2 * m - k - 3) / 2 + a + b + 2, Double(2 * m - k - 1) / 2)
    }

    /// The tridiagonal matrix of α₀ … α₂ₘ₋₂, with α₋₁ = −1.
    public static func jacobiMatrix(_ alpha: [Double]) -> (diagonal: [Double], offDiagonal: [Double]) {
        let m = (alpha.count + 1) / 2
        func at(_ k: Int) -> Double { k < 0 ? -1 : alpha[k] }
        let diagonal = (0..<m).map { k -> Double in
            let left = (1 - at(2 * k - 1)) * at(2 * k)
            let right = k == 0 ? 0 : (1 + at(2 * k - 1)) * at(2 * k - 2)
            return 0.5 * (left - right)
        }
        let off = (0..<max(0, m - 1)).map { k -> Double in
            let square = (1 - at(2 * k - 1)) * (1 - at(2 * k) * at(2 * k)) * (1 + at(2 * k + 1))
            return 0.5 * max(0, square).squareRoot()
        }
        return (diagonal, off)
    }
}
