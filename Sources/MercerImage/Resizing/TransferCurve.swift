import Foundation

/// The transfer curve of sRGB (IEC 61966-2-1): between the numbers of a picture and light.
enum TransferCurve {
    /// Light of a number in [0, 1].
    static func light(_ v: Float) -> Float {
        v <= 0.04045 ? v / 12.92 : Foundation.pow((v + 0.055) / 1.055, 2.4)
    }

    /// The number in [0, 1] of a light.
    static func number(_ light: Float) -> Float {
        light <= 0.003_130_8 ? light * 12.92 : 1.055 * Foundation.pow(light, 1 / 2.4) - 0.055
    }

    /// The light of every sample of 8 bits.
    static let light8: [Float] = (0..<256).map { light(Float($0) / 255) }

    /// The light of every sample of 16 bits.
    static let light16: [Float] = (0..<65_536).map { light(Float($0) / 65_535) }
}
