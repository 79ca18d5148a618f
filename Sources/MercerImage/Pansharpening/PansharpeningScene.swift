import Foundation
import Mercer

/// A multispectral and a panchromatic picture of one place, made ready for fusion.
public struct PansharpeningScene: Sendable {
    /// `[1, h, w, bands]`, digital numbers divided by ``scale``; missing pixels hold their band's mean.
    public let ms: Tensor
    /// `[1, R·h, R·w, 1]`.
    public let pan: Tensor
    public let ratio: Int
    /// What digital numbers are divided by: 2 to the power of the bits.
    public let scale: Double
    /// EXP of the bands, `[1, R·h, R·w, bands]`.
    public let enlarged: Tensor
    /// 1 where all bands are known, `[1, h, w, 1]` and `[1, R·h, R·w, 1]`; nil where nothing is missing.
    public let known: (ms: Tensor, pan: Tensor)?

    public var bands: Int { ms.dim(3) }
    /// What the network is given: enlarged bands and the panchromatic one.
    public var input: Tensor { concatenated([enlarged, pan], axis: 3) }

    /// - Parameters:
    ///   - ms: `[h, w, bands]` in digital numbers, NaN where nothing is known.
    ///   - pan: `[R·h, R·w]` or `[R·h, R·w, 1]`.
    ///   - scale: 2048 for numbers of 11 bits.
    /// - Throws: ``PansharpeningError``.
    public init(ms: Tensor, pan: Tensor, scale: Double = 2048) throws {
        let pan = pan.rank == 2 ? pan.expandedDimensions(axis: 2) : pan
        guard ms.rank == 3, ms.dim(2) >= 3 else { throw PansharpeningError.fewBands(ms.rank == 3 ? ms.dim(2) : 1) }
        guard pan.rank == 3, pan.dim(2) == 1 else { throw PansharpeningError.panBands(pan.dim(-1)) }
        let (h, w) = (ms.dim(0), ms.dim(1))
        let ratio = pan.dim(0) / max(1, h)
        guard ratio == 2 || ratio == 4, pan.dim(0) == ratio * h, pan.dim(1) == ratio * w else {
            throw PansharpeningError.ratio(ms: [w, h], pan: [pan.dim(1), pan.dim(0)])
        }
        guard h >= 32, w >= 32 else { throw PansharpeningError.tooSmall(width: w, height: h) }
        let (filledMS, knownMS) = try Self.filled(ms, scale)
        let (filledPan, knownPan) = try Self.filled(pan, scale)
        let least = filledMS.min(axes: [0, 1, 2]).toArray(Float.self)
        let largest = filledMS.max(axes: [0, 1, 2]).toArray(Float.self)
        if let band = least.indices.first(where: { least[$0] == largest[$0] }) {
            throw PansharpeningError.constantBand(band + 1)
        }
        self.ms = filledMS
        self.pan = filledPan
        self.ratio = ratio
        self.scale = scale
        enlarged = Interpolation23.enlarged(filledMS, ratio: ratio)
        if knownMS == nil && knownPan == nil {
            known = nil
        } else {
            let coarse = knownMS ?? Tensor.ones([1, h, w, 1])
            let fine = knownPan ?? Tensor.ones([1, pan.dim(0), pan.dim(1), 1])
            let spread = interpolate(coarse, size: [pan.dim(0), pan.dim(1)], mode: .nearest)
            let inside = avgPool2d(fine, kernel: PerAxis(ratio), stride: PerAxis(ratio))
            known = (coarse * (inside .== 1.0).asType(.float32), fine * spread)
        }
    }

    /// Numbers divided by the scale; missing ones replaced by their band's mean, and where none is missing.
    private static func filled(_ x: Tensor, _ scale: Double) throws -> (Tensor, Tensor?) {
        let numbers = x.detached.asType(.float32).contiguous().expandedDimensions(axis: 0) / scale
        let finite = isFinite(numbers)
        if finite.all().doubleValue != 0 { return (numbers, nil) }
        let flags = finite.asType(.float32)
        let zeroed = which(finite, numbers, Tensor.zeros(numbers.shape))
        let count = flags.sum(axes: [0, 1, 2])
        guard count.min().doubleValue > 0 else { throw PansharpeningError.nothingKnown }
        let mean: Tensor = zeroed.sum(axes: [0, 1, 2]) / count
        return (zeroed + (1.0 - flags) * mean, flags.min(axes: [3], keepDims: true))
    }

    /// Wald's protocol: a reference `[H, W, bands]` in digital numbers becomes a scene that it is the right answer for.
    ///
    /// - Parameters:
    ///   - panWeights: what the panchromatic picture is made of.
    public static func reduced(
        _ reference: Tensor, sensor: SatelliteSensor, ratio: Int = 4, panWeights: [Double], scale: Double = 2048
    ) throws -> PansharpeningScene {
        let numbers = reference.asType(.float32)
        let pan = (numbers * Tensor(panWeights.map { Float($0) })).sum(axes: [2], keepDims: true)
        let small = Reprojection(sensor, ratio: ratio)(numbers.expandedDimensions(axis: 0).contiguous())[0]
        return try PansharpeningScene(ms: small.contiguous(), pan: pan, scale: scale)
    }

    /// The picture in digital numbers: times the scale, not below 0.
    public func digital(_ fused: Tensor) -> Tensor { clip(fused * scale, min: 0) }
}
