import Foundation
import Mercer

/// Public features of small grey pictures: histograms of gradient directions in cells, and cell means (Backurs et al. 2024).
/// A fixed function of each picture alone, so it spends no privacy.
public enum GradientHistograms {
    /// Pixels a cell's side and directions a histogram.
    static let cell = 4
    static let bins = 8

    /// `[n, cells² · (bins + 1)]` for pictures `[n, side · side]`; square roots of the histograms, normalised over the
    /// picture, then cell means.
    public static func features(_ pictures: Tensor, side: Int) -> Tensor {
        precondition(
            pictures.rank == 2 && pictures.shape[1] == side * side && side % cell == 0,
            "GradientHistograms: pictures of shape \(pictures.shape), \(side) × \(side) pixels expected")
        let n = pictures.shape[0]
        let cells = side / cell
        let width = cells * cells * (bins + 1)
        let pixels = pictures.asType(.float64).contiguous()
        return Tensor([n, width], of: Double.self) { result in
            let target = UncheckedAddress(result.baseAddress)
            pixels.withUnsafeBuffer(of: Double.self) { pixels in
                let source = pixels.baseAddress!
                let address = UInt(bitPattern: source)
                Parallel.forRanges(n, grain: 64) { rows in
                    let source = UnsafePointer<Double>(bitPattern: address)!
                    for row in rows {
                        describe(source + row * side * side, side, into: target.pointer + row * width)
                    }
                }
            }
        }
    }

    private static func describe(
        _ p: UnsafePointer<Double>, _ side: Int, into out: UnsafeMutablePointer<Double>
    ) {
        let cells = side / cell
        let histograms = cells * cells * bins
        for i in 0..<cells * cells * (bins + 1) { out[i] = 0 }
        func pixel(_ y: Int, _ x: Int) -> Double {
            p[min(max(y, 0), side - 1) * side + min(max(x, 0), side - 1)]
        }
        for y in 0..<side {
            for x in 0..<side {
                let dx = pixel(y, x + 1) - pixel(y, x - 1)
                let dy = pixel(y + 1, x) - pixel(y - 1, x)
                let place = y / cell * cells + x / cell
                out[histograms + place] += p[y * side + x] / Double(cell * cell)
                let size = (dx * dx + dy * dy).squareRoot()
                guard size > 0 else { continue }
                // Shared by the two nearest directions.
                let angle = (atan2(dy, dx) / (2 * Double.pi) + 1) * Double(bins)
                let low = Int(angle.rounded(.down))
                let share = angle - Double(low)
                out[place * bins + low % bins] += size * (1 - share)
                out[place * bins + (low + 1) % bins] += size * share
            }
        }
        var total = 0.0
        for i in 0..<histograms { total += out[i] }
        guard total > 0 else { return }
        for i in 0..<histograms { out[i] = (out[i] / total).squareRoot() }
    }
}
