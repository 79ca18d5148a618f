import Foundation
import Mercer

/// The correlation of two pictures around each pixel, in float64 through running sums (Ciotola et al. 2022, "Z-PNN").
///
/// Windows are even and off-centre: rows i − w + 1 … i + w, as many columns, zeros outside. The local means are taken
/// away, then ρ = S_ab / (√(max(S_aa, 1e-20)·max(S_bb, 1e-20)) + 1e-20).
public enum LocalCorrelation {
    private static let least = 1e-20

    /// ρ of each band of `y` with the same band of `x`, or with its only one. First derivatives go to `y`.
    ///
    /// - Parameters:
    ///   - y: `[N, H, W, C]`.
    ///   - x: `[N, H, W, C]` or `[N, H, W, 1]`.
    ///   - halfWidth: w.
    /// - Returns: `[N, H, W, C]` in y's type.
    public static func map(_ y: Tensor, _ x: Tensor, halfWidth: Int) -> Tensor {
        precondition(
            y.rank == 4 && x.rank == 4 && Array(x.shape.prefix(3)) == Array(y.shape.prefix(3))
                && (x.dim(3) == 1 || x.dim(3) == y.dim(3)) && halfWidth > 0,
            "LocalCorrelation: shapes \(y.shape) and \(x.shape)")
        let planes = Planes(y, x, halfWidth)
        let result = planes.correlation().asType(y.dtype)
        guard y.isTracked else { return result }
        return result.tracked("localCorrelation", from: y) { back in
            planes.gradient(back.gradient).asType(y.dtype)
        }
    }

    /// Pictures as planes `[N·C]` of H·W numbers.
    private struct Planes: Sendable {
        let height: Int
        let width: Int
        let half: Int
        let shape: [Int]
        let a: Tensor
        let b: Tensor
        let sharesB: Bool

        init(_ y: Tensor, _ x: Tensor, _ half: Int) {
            (height, width, self.half, shape) = (y.dim(1), y.dim(2), half, y.shape)
            a = Planes.split(y)
            b = Planes.split(x)
            sharesB = x.dim(3) != y.dim(3)
        }

        private static func split(_ x: Tensor) -> Tensor {
            x.detached.asType(.float64).movedAxis(3, to: 1).contiguous()
        }

        private func joined(_ planes: Tensor) -> Tensor { planes.movedAxis(1, to: 3).contiguous() }

        private var box: Box { Box(height: height, width: width, half: half) }

        /// Calls `body` for each plane with a, b and where its result goes.
        private func forEachPlane(
            _ extra: Tensor? = nil,
            _ body:
                @Sendable (
                    UnsafePointer<Double>, UnsafePointer<Double>, UnsafePointer<Double>?, UnsafeMutablePointer<Double>
                ) -> Void
        ) -> Tensor {
            let (count, size, channels) = (shape[0] * shape[3], height * width, shape[3])
            let shares = sharesB
            return Tensor([shape[0], channels, height, width], of: Double.self) { out in
                let target = UInt(bitPattern: out.baseAddress)
                a.withUnsafeBuffer(of: Double.self) { a in
                    b.withUnsafeBuffer(of: Double.self) { b in
                        let (pa, pb) = (UInt(bitPattern: a.baseAddress), UInt(bitPattern: b.baseAddress))
                        func run(_ pe: UInt?) {
                            Parallel.forEach(count) { plane in
                                let second = shares ? plane / channels : plane
                                body(
                                    UnsafePointer(bitPattern: pa)! + plane * size,
                                    UnsafePointer(bitPattern: pb)! + second * size,
                                    pe.map { UnsafePointer(bitPattern: $0)! + plane * size },
                                    UnsafeMutablePointer(bitPattern: target)! + plane * size)
                            }
                        }
                        if let extra {
                            extra.withUnsafeBuffer(of: Double.self) { run(UInt(bitPattern: $0.baseAddress)) }
                        } else {
                            run(nil)
                        }
                    }
                }
            }
        }

        func correlation() -> Tensor {
            let box = box
            let planes = forEachPlane { a, b, _, out in
                let moments = Moments(a, b, box)
                for i in 0..<box.count {
                    out[i] = moments.ab[i] / moments.size(i)
                }
            }
            return joined(planes)
        }

        /// The gradient with respect to a, given that with respect to ρ.
        func gradient(_ gradient: Tensor) -> Tensor {
            let box = box
            let planes = forEachPlane(Self.split(gradient)) { a, b, g, out in
                let moments = Moments(a, b, box)
                var fromAB = [Double](repeating: 0, count: box.count)
                var fromAA = fromAB
                for i in 0..<box.count {
                    let size = moments.size(i)
                    fromAB[i] = g![i] / size
                    // ∂(1/D)/∂S_aa = −D⁻²·½·√(S_bb/S_aa) where S_aa isn't held at its least value.
                    if moments.aa[i] > least {
                        let slope = 0.5 * (max(moments.bb[i], least) / moments.aa[i]).squareRoot()
                        fromAA[i] = -g![i] * moments.ab[i] / (size * size) * slope
                    }
                }
                let (ab, aa) = (box.sums(fromAB, transposed: true), box.sums(fromAA, transposed: true))
                var centred = fromAB
                for i in 0..<box.count { centred[i] = ab[i] * moments.b[i] + 2 * aa[i] * moments.a[i] }
                let mean = box.sums(centred, transposed: true)
                for i in 0..<box.count { out[i] = centred[i] - mean[i] / box.elements }
            }
            return joined(planes)
        }
    }

    /// Both pictures without their local means, and the windows' sums of their products.
    private struct Moments {
        var a: [Double]
        var b: [Double]
        let ab: [Double]
        let aa: [Double]
        let bb: [Double]

        init(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ box: Box) {
            func centred(_ x: UnsafePointer<Double>) -> [Double] {
                var values = Array(UnsafeBufferPointer(start: x, count: box.count))
                let sums = box.sums(values)
                for i in 0..<box.count { values[i] -= sums[i] / box.elements }
                return values
            }
            func products(_ x: [Double], _ y: [Double]) -> [Double] {
                var values = x
                for i in 0..<box.count { values[i] *= y[i] }
                return box.sums(values)
            }
            let (x, y) = (centred(a), centred(b))
            (self.a, self.b) = (x, y)
            ab = products(x, y)
            aa = products(x, x)
            bb = products(y, y)
        }

        func size(_ i: Int) -> Double { (max(aa[i], least) * max(bb[i], least)).squareRoot() + least }
    }

    /// Sums over the windows of a picture.
    private struct Box: Sendable {
        let height: Int
        let width: Int
        let half: Int

        var count: Int { height * width }
        var elements: Double { Double(4 * half * half) }

        /// Sums over rows i − w + 1 … i + w and such columns; transposed over i − w … i + w − 1.
        func sums(_ x: [Double], transposed: Bool = false) -> [Double] {
            let (before, after) = transposed ? (half, half - 1) : (half - 1, half)
            var rows = [Double](repeating: 0, count: count)
            x.withUnsafeBufferPointer { x in
                rows.withUnsafeMutableBufferPointer { rows in
                    for y in 0..<height {
                        let line = y * width
                        var sum = 0.0
                        for j in 0..<min(after, width) { sum += x[line + j] }
                        for j in 0..<width {
                            if j + after < width { sum += x[line + j + after] }
                            if j - before - 1 >= 0 { sum -= x[line + j - before - 1] }
                            rows[line + j] = sum
                        }
                    }
                }
            }
            var result = [Double](repeating: 0, count: count)
            var sum = [Double](repeating: 0, count: width)
            rows.withUnsafeBufferPointer { rows in
                for y in 0..<min(after, height) { for j in 0..<width { sum[j] += rows[y * width + j] } }
                for y in 0..<height {
                    if y + after < height { for j in 0..<width { sum[j] += rows[(y + after) * width + j] } }
                    if y - before - 1 >= 0 {
                        for j in 0..<width { sum[j] -= rows[(y - before - 1) * width + j] }
                    }
                    for j in 0..<width { result[y * width + j] = sum[j] }
                }
            }
            return result
        }
    }
}
