import Foundation
import Mercer
import MercerPapers

/// The regimes of a table: thresholds from its spectrum, and the curve of likelihood and participation against h.
public struct DensityReport: Sendable, Encodable {
    public let rows: Int
    public let columns: Int
    /// α = log n / d.
    public let alpha: Double
    public let cltBandwidth: Double
    public let glassBandwidth: Double
    /// √2 × the bandwidth at which the mean leave-one-out Σp² crosses ½; nil where it doesn't within the curve.
    public let empiricalGlassBandwidth: Double?
    public let optimalBandwidth: Double
    public let scottBandwidth: Double
    public let silvermanBandwidth: Double
    /// The bandwidth in use.
    public let bandwidth: Double
    public let regime: DensityRegime
    public let curve: [BandwidthPoint]

    public init(_ kde: KernelDensity) throws {
        let theory = try kde.regimes()
        rows = kde.count
        columns = kde.dimension
        alpha = theory.alpha
        cltBandwidth = theory.cltBandwidth
        glassBandwidth = theory.glassBandwidth
        optimalBandwidth = theory.optimalBandwidth
        scottBandwidth = DensityBandwidth.scott(count: kde.effectiveCount, dimension: kde.dimension)
        silvermanBandwidth = DensityBandwidth.silverman(count: kde.effectiveCount, dimension: kde.dimension)
        bandwidth = kde.bandwidth
        regime = theory.regime(kde.bandwidth)
        let grid = (0..<20).map { theory.glassBandwidth * exp2(Double($0 - 12) / 4) }
        curve = try kde.leaveOneOut(grid)
        empiricalGlassBandwidth = Self.crossing(curve).map { 2.0.squareRoot() * $0 }
    }

    /// Where participation falls through ½, by interpolation in log h.
    private static func crossing(_ curve: [BandwidthPoint]) -> Double? {
        for (a, b) in zip(curve, curve.dropFirst()) where a.participation >= 0.5 && b.participation < 0.5 {
            let share = (a.participation - 0.5) / (a.participation - b.participation)
            return exp(log(a.bandwidth) + share * (log(b.bandwidth) - log(a.bandwidth)))
        }
        return nil
    }

    /// Participation against the bandwidth with the thresholds.
    public var chart: Chart {
        Chart(
            "regimes", "How much single points carry", x: .log("h"), y: .linear("mean Σp²", 0...1),
            series: [.line("Σp²", x: curve.map(\.bandwidth), y: curve.map(\.participation))],
            guides: [
                .vertical(glassBandwidth, "h_G"), .vertical(cltBandwidth, "h_CLT"),
                .vertical(bandwidth, "h in use"),
            ])
    }
}
