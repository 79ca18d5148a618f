import Foundation
import Mercer
import MercerImageIO

/// A blur kernel: odd sides, no negative element, sum 1.
public struct BlurKernel: Sendable {
    /// `[height, width]`, float64.
    public let values: Tensor
    /// What had to be changed to make a kernel of what was given, in words.
    public let notes: [String]

    public var height: Int { values.shape[0] }
    public var width: Int { values.shape[1] }
    /// How far the kernel reaches from its middle.
    public var reach: (rows: Int, columns: Int) { (height / 2, width / 2) }

    /// A kernel from numbers `[height, width]`: even sides are padded by a row or column of zeros, the sum is made 1;
    /// both are told in ``notes``.
    ///
    /// - Throws: ``DeblurError`` where a number is negative or not finite, or all are zero.
    public init(_ numbers: Tensor, name: String = "the kernel") throws {
        guard numbers.rank == 2, numbers.count > 0 else {
            throw DeblurError.kernelShape(name, numbers.shape)
        }
        var values = numbers.detached.asType(.float64).contiguous()
        let list = values.toArray(Double.self)
        guard list.allSatisfy(\.isFinite) else { throw DeblurError.kernelNotFinite(name) }
        if let least = list.min(), least < 0 { throw DeblurError.kernelNegative(name, least) }
        let sum = list.reduce(0, +)
        guard sum > 0 else { throw DeblurError.kernelEmpty(name) }
        var notes: [String] = []
        let (h, w) = (values.shape[0], values.shape[1])
        if h % 2 == 0 || w % 2 == 0 {
            values = padded(values, [(0, 1 - h % 2), (0, 1 - w % 2)]).contiguous()
            notes.append("\(name) of \(w)x\(h) was padded by zeros to \(values.shape[1])x\(values.shape[0])")
        }
        if abs(sum - 1) > 1e-5 { notes.append("\(name) summed to \(Float(sum)) and was divided by it") }
        self.values = values / sum
        self.notes = notes
    }

    /// A kernel that is known to be one.
    private init(normalising values: Tensor) {
        self.values = values / values.sum().doubleValue
        notes = []
    }

    /// The same kernel on a square of `side` pixels, or the kernel itself where that is larger.
    public func centred(side: Int) -> BlurKernel {
        let (rows, columns) = (max(0, side - height) / 2, max(0, side - width) / 2)
        return BlurKernel(normalising: padded(values, [(rows, rows), (columns, columns)]).contiguous())
    }

    /// A disk of uniform light, as defocus makes it: each pixel weighs the part of it that the disk covers, counted
    /// on 9×9 points.
    public static func disk(radius: Double, side: Int? = nil) -> BlurKernel {
        let side = side ?? 2 * Int(radius.rounded(.up)) + 1
        let (fine, middle) = (9, side / 2)
        return drawn(side) { row, column in
            var inside = 0
            for i in 0..<fine {
                for j in 0..<fine {
                    let y = Double(row - middle) + (Double(i) + 0.5) / Double(fine) - 0.5
                    let x = Double(column - middle) + (Double(j) + 0.5) / Double(fine) - 0.5
                    if x * x + y * y <= radius * radius { inside += 1 }
                }
            }
            return Double(inside)
        }
    }

    /// A normal distribution of standard deviation σ.
    public static func gaussian(sigma: Double, side: Int? = nil) -> BlurKernel {
        let side = side ?? 2 * Int((4 * sigma + 0.5).rounded(.down)) + 1
        let middle = side / 2
        return drawn(side) { row, column in
            let (y, x) = (Double(row - middle), Double(column - middle))
            return exp(-(x * x + y * y) / (2 * sigma * sigma))
        }
    }

    /// A straight stroke of a length in pixels and an angle in degrees, counter-clockwise from the horizontal: eight
    /// points a pixel, each shared among its four neighbours.
    public static func motion(length: Double, angle: Double, side: Int? = nil) -> BlurKernel {
        let side = side ?? 2 * Int((length / 2).rounded(.up)) + 1
        let middle = Double(side / 2)
        let count = max(1, Int((8 * length).rounded()))
        let (reach, turn) = (max(0, length - 1) / 2, angle * .pi / 180)
        var values = [Double](repeating: 0, count: side * side)
        for i in 0..<count {
            let t = count == 1 ? 0 : reach * (2 * Double(i) / Double(count - 1) - 1)
            let (x, y) = (middle + t * cos(turn), middle - t * sin(turn))
            let (column, row) = (Int(x.rounded(.down)), Int(y.rounded(.down)))
            let (fx, fy) = (x - Double(column), y - Double(row))
            for (dy, dx, share) in [
                (0, 0, (1 - fy) * (1 - fx)), (0, 1, (1 - fy) * fx), (1, 0, fy * (1 - fx)), (1, 1, fy * fx),
            ] where share > 0 && (0..<side).contains(row + dy) && (0..<side).contains(column + dx) {
                values[(row + dy) * side + column + dx] += share
            }
        }
        return BlurKernel(normalising: Tensor(values, [side, side]))
    }

    private static func drawn(_ side: Int, _ value: (Int, Int) -> Double) -> BlurKernel {
        BlurKernel(
            normalising: Tensor([side, side], of: Double.self) { out in
                for i in 0..<out.count { out[i] = value(i / side, i % side) }
            })
    }

    /// A kernel with an estimator's kind of error: normal noise of `level` times its largest element, cut at 0.
    public func noisy(level: Double, key: RandomKey) -> BlurKernel {
        let noise = Random.normal(values.shape, dtype: .float64, key: key) * (level * values.max().doubleValue)
        return BlurKernel(normalising: clip(values + noise, min: 0))
    }

    /// The kernel's Fourier transform on a picture of a size, the kernel's middle at the origin.
    ///
    /// - Returns: `[height, width]`, complex128.
    public func transfer(height: Int, width: Int) -> Tensor { fft2(placed(height, width)) }

    /// The kernel at the top left of a picture of zeros, turned so that its middle lies on the first pixel.
    func placed(_ height: Int, _ width: Int) -> Tensor {
        precondition(
            self.height <= height && self.width <= width,
            "BlurKernel: \(self.width)x\(self.height) on a picture of \(width)x\(height)")
        return padded(values, [(0, height - self.height), (0, width - self.width)])
            .rolled([-reach.rows, -reach.columns], axes: [0, 1])
    }
}
