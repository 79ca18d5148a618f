import Foundation
import Mercer

/// A picture of a function of two features over (0, 2π]² or another square: blue below zero, red above, white at zero, with
/// the points of both classes on it and rings around support vectors.
public struct DecisionMap: Sendable {
    /// Values, `side × side`, the first feature fastest; the second grows upwards.
    public let values: [Double]
    public let side: Int
    public let range: ClosedRange<Double>

    /// - Parameter values: the function at ``grid(side:range:)``.
    public init(_ values: [Double], side: Int, range: ClosedRange<Double> = 0...2 * Double.pi) {
        precondition(values.count == side * side, "DecisionMap: \(values.count) values for a side of \(side)")
        self.values = values
        self.side = side
        self.range = range
    }

    /// Where a map's values are taken, `[side², 2]`: the middles of the cells.
    public static func grid(side: Int, range: ClosedRange<Double> = 0...2 * Double.pi) -> Tensor {
        let step = (range.upperBound - range.lowerBound) / Double(side)
        return Tensor([side * side, 2], of: Double.self) { target in
            for row in 0..<side * side {
                target[2 * row] = range.lowerBound + step * (Double(row % side) + 0.5)
                target[2 * row + 1] = range.lowerBound + step * (Double(row / side) + 0.5)
            }
        }
    }

    /// The picture, `[side · scale, side · scale, 3]`, uint8.
    ///
    /// - Parameters:
    ///   - points: `[n, 2]` with labels 1 (white squares) and −1 (black squares).
    ///   - ringed: rows of points that are support vectors.
    public func pixels(points: Tensor? = nil, labels: [Int] = [], ringed: [Int] = [], scale: Int = 4) -> Tensor {
        let width = side * scale
        let largest = max(values.lazy.map(abs).max() ?? 1, .leastNormalMagnitude)
        var bytes = [UInt8](repeating: 0, count: width * width * 3)
        for y in 0..<width {
            for x in 0..<width {
                let value = values[(side - 1 - y / scale) * side + x / scale] / largest
                let faded = UInt8(255 * (1 - 0.85 * min(1, abs(value).squareRoot())))
                let at = (y * width + x) * 3
                bytes[at] = value > 0 ? 235 : faded
                bytes[at + 1] = faded
                bytes[at + 2] = value > 0 ? faded : 235
            }
        }
        func paint(_ x: Int, _ y: Int, _ shade: UInt8) {
            guard (0..<width).contains(x), (0..<width).contains(y) else { return }
            for channel in 0..<3 { bytes[(y * width + x) * 3 + channel] = shade }
        }
        let span = range.upperBound - range.lowerBound
        let places = points?.asType(.float64).toArray(Double.self) ?? []
        for (row, label) in labels.enumerated() {
            let column = Int((places[2 * row] - range.lowerBound) / span * Double(width))
            let line = width - 1 - Int((places[2 * row + 1] - range.lowerBound) / span * Double(width))
            for dy in -3...3 {
                for dx in -3...3 {
                    let isEdge = max(abs(dx), abs(dy)) == 3
                    paint(column + dx, line + dy, (label > 0) != isEdge ? 255 : 0)
                }
            }
            guard ringed.contains(row) else { continue }
            for step in 0..<64 {
                let angle = Double(step) / 64 * 2 * Double.pi
                for radius in [7.0, 7.7] {
                    paint(
                        column + Int((radius * cos(angle)).rounded()), line + Int((radius * sin(angle)).rounded()), 0)
                }
            }
        }
        return Tensor(bytes, [width, width, 3])
    }
}
