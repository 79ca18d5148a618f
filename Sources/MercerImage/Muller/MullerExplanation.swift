import Foundation
import Mercer
import MercerImageIO
import MercerPapers

/// What MULLER does to a picture, in numbers, charts and pictures.
public struct MullerExplanation {
    public let settings: MullerSettings
    public let weights: MullerWeights

    public init(_ settings: MullerSettings, _ weights: MullerWeights) {
        self.settings = settings
        self.weights = weights
    }

    /// Frequencies from 0 to ½ with the gain of the layer at each.
    public func response(count: Int = 101) -> (frequencies: [Double], gains: [Double]) {
        let frequencies = (0..<count).map { 0.5 * Double($0) / Double(count - 1) }
        let taps = settings.taps
        return (frequencies, frequencies.map { weights.response(at: $0, blur: taps) })
    }

    /// The frequency of the largest gain, and that gain.
    public func peak() -> (frequency: Double, gain: Double) {
        let (frequencies, gains) = response(count: 2001)
        let best = gains.indices.max { gains[$0] < gains[$1] }!
        return (frequencies[best], gains[best])
    }

    /// The response of the layer, and of the bands that its levels act on.
    public func chart(named name: String = "response", title: String = "Gain of small waves") -> Chart {
        let (frequencies, gains) = response()
        let taps = settings.taps
        var series: [Chart.Series] = [.line("MULLER", x: frequencies, y: gains)]
        for l in 0..<weights.layers {
            let band = frequencies.map { f in
                let g = MullerWeights.blurResponse(at: f, taps)
                return pow(g, Double(l)) * (1 - g)
            }
            series.append(.line("band \(l + 1)", x: frequencies, y: band, dashed: true))
        }
        return Chart(
            name, title, x: .linear("frequency (cycles/pixel)", 0...0.5), y: .linear("gain"), series: series,
            guides: [.horizontal(0, "")],
            caption: "H(f) = 1 + Σ αₗ Gˡ⁻¹(G − 1) at scale 1; the bands are the sharp picture minus the blurred.")
    }

    /// The bands R(dₗ) of a picture as pictures: grey for nothing, the largest value white or black.
    public func bands(
        of picture: Bitmap, to size: (height: Int, width: Int)
    ) -> [Bitmap] {
        let x = picture.flattened().tensor()
        return Muller(size: size, settings: settings).bands(of: x).map { band in
            let values = band.toArray(Float.self)
            let largest = max(values.reduce(0) { max($0, abs($1)) }, 1e-6)
            let shown = Tensor(values.map { 0.5 - 0.5 * $0 / largest }, Array(band.shape.dropFirst()))
            return Bitmap(shown, hasAlpha: false)
        }
    }
}
