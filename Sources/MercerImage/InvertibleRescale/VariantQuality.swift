import Mercer

/// How much the small pictures of drawn z_D differ from the thumbnail of z_D = 0, and how well they come back, as
/// ``RescaleQuality`` measures it.
public struct VariantQuality: Sendable {
    /// The deviation of z_D.
    public let spread: Double
    /// Mean absolute difference of bytes.
    public let levels: Double
    /// Of each draw the mean PSNR of the restored pictures, in dB.
    public let psnrs: [Double]

    /// - Parameters:
    ///   - pictures: bytes `[height, width, 3]`.
    ///   - key: of the draws; each picture's and draw's follows from it.
    public init(
        _ network: InvertibleRescaler, _ pictures: [Tensor], spread: Double, draws: Int, border: Int, key: RandomKey
    ) {
        let sampler = DualLatent(network)
        var sum = 0.0
        var psnrs = [Double](repeating: 0, count: draws)
        for (place, picture) in pictures.enumerated() {
            let x = RescaleQuality.numbers(picture)
            let plain = RescaleQuality.bytes(sampler.downscale(x)).asType(.float32)
            for draw in 0..<draws {
                let small = sampler.downscale(x, spread: spread, key: key[place][draw])
                let difference: Tensor = RescaleQuality.bytes(small).asType(.float32) - plain
                sum += difference.abs().mean().doubleValue
                let quality = RescaleQuality(
                    picture, border: border, down: { _ in small }, up: { sampler.upscale($0) })
                psnrs[draw] += quality.psnr / Double(pictures.count)
            }
        }
        self.spread = spread
        self.psnrs = psnrs
        levels = sum / Double(pictures.count * draws)
    }

    /// The smallest spread of 1, 2, 4, … 64 at which small pictures differ by `levels`: networks learn to hardly look at
    /// z_D, since what it changes is lost on the way up.
    public static func telling(
        _ network: InvertibleRescaler, _ pictures: [Tensor], levels: Double = 0.3, border: Int
    ) -> VariantQuality {
        var spread = 1.0
        while true {
            let quality = VariantQuality(
                network, pictures, spread: spread, draws: 1, border: border, key: RandomKey(0).fold(in: "variants"))
            if quality.levels >= levels || spread >= 64 { return quality }
            spread *= 2
        }
    }
}
