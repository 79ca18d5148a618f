import Mercer
import MercerPapers

/// The ten test photographs made smaller by the bicubic filter, and how well an enlargement gives their luma back.
public struct SuperResolutionTest: Sendable {
    public let scale: Int
    public let names: [String]
    /// Luma in [0, 1] of the small photographs, `[h, w, 1]`.
    public let small: [Tensor]
    /// Luma of the photographs, not rounded, `[r·h, r·w]`, float64.
    public let truth: [Tensor]
    /// The small photographs, `[h, w, 3]`, uint8.
    public let pictures: [Tensor]

    /// - Parameter photographs: fewer than the ten for a quick look.
    public init(
        scale: Int, _ photographs: [Photograph] = Photograph.test10, from cache: DataCache,
        note: @Sendable (String) -> Void = { _ in }
    ) async throws {
        self.scale = scale
        names = photographs.map(\.name)
        var (pictures, small, truth): ([Tensor], [Tensor], [Tensor]) = ([], [], [])
        for photograph in photographs {
            let x = try await photograph.testPixels(from: cache, note: note)
            let reduced = Resample.imresize(x, by: 1 / Double(scale))
            pictures.append(reduced)
            small.append(SubPixelPatches.numbers(reduced, 1))
            truth.append(ImageMetrics.luma(x))
        }
        self.pictures = pictures
        self.small = small
        self.truth = truth
    }

    /// PSNR (dB) on luma of each photograph; results are clamped to 16…235, rounded, and cropped by `scale` pixels.
    ///
    /// - Parameter enlarge: from small luma `[h, w, 1]` to large, both in [0, 1].
    public func psnr(_ enlarge: (Tensor) -> Tensor) -> [Double] {
        zip(small, truth).map { x, y in
            ImageMetrics.psnr(Self.levels(enlarge(x)), y, border: scale)
        }
    }

    /// The mean over the photographs.
    public func mean(_ enlarge: (Tensor) -> Tensor) -> Double {
        let values = psnr(enlarge)
        return values.reduce(0, +) / Double(values.count)
    }

    /// Numbers in [0, 1] as whole levels from 16 to 235, `[h, w]`, float64.
    static func levels(_ y: Tensor) -> Tensor {
        y.withUnsafeBuffer(of: Float.self) { numbers in
            Tensor([y.shape[0], y.shape[1]], of: Double.self) { out in
                for i in 0..<out.count {
                    out[i] = min(max((Double(numbers[i]) * 255 + 0.5).rounded(.down), 16), 235)
                }
            }
        }
    }
}
