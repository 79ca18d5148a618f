import Foundation
import Mercer
import MercerPapers

/// Grey patches of the twenty photographs, training patches from their left part and test patches from their right.
public struct GreyPatches: Sendable {
    /// `[count, size, size, 1]`, float32.
    public let images: Tensor
    /// `[count]`, int64.
    public let labels: Tensor

    public var count: Int { images.shape[0] }

    /// Which part of the photographs patches come from; the parts share no pixel.
    public enum Part: Sendable { case train, test }

    /// The photographs in grey, in [0, 1].
    public struct Source: Sendable {
        let pictures: [(height: Int, width: Int, pixels: [Float])]

        /// - Throws: ``DataError``, ``ImageError``.
        public init(from cache: DataCache, note: @Sendable (String) -> Void = { _ in }) async throws {
            var pictures: [(height: Int, width: Int, pixels: [Float])] = []
            for photograph in Photograph.patches20 {
                let grey = ImageMetrics.grey(try await photograph.pixels(from: cache, note: note))
                let pixels = (grey.asType(.float32) / 255.0).toArray(Float.self)
                pictures.append((grey.shape[0], grey.shape[1], pixels))
            }
            self.pictures = pictures
        }

        /// Columns at which the left edge of a patch may stand.
        func columns(_ picture: Int, _ size: Int, _ part: Part) -> Range<Int> {
            let width = pictures[picture].width
            switch part {
            case .train: return 0..<(Int(0.55 * Double(width)) - size)
            case .test: return Int((0.6 * Double(width)).rounded(.up))..<(width - size)
            }
        }

        /// A place for a patch with a standard deviation of at least 0.03.
        func place(
            _ picture: Int, _ size: Int, _ part: Part, _ random: inout RandomStream
        ) -> (left: Int, top: Int) {
            let columns = columns(picture, size, part)
            let rows = pictures[picture].height - size
            var place = (left: columns.lowerBound, top: 0)
            for _ in 0..<1000 {
                place.left = columns.lowerBound + Int(random.integer(below: UInt64(columns.count)))
                place.top = Int(random.integer(below: UInt64(rows)))
                if Self.deviation(cut(picture, place.left, place.top, size, margin: 0)) >= 0.03 { break }
            }
            return place
        }

        /// A square of pixels; beyond the picture it is mirrored with the edge repeated.
        func cut(_ picture: Int, _ left: Int, _ top: Int, _ size: Int, margin: Int) -> [Float] {
            let source = pictures[picture]
            let side = size + 2 * margin
            let columns = (0..<side).map { borderIndex(left + $0 - margin, source.width, .symmetric) }
            var patch = [Float](repeating: 0, count: side * side)
            for y in 0..<side {
                let row = borderIndex(top + y - margin, source.height, .symmetric) * source.width
                for x in 0..<side { patch[y * side + x] = source.pixels[row + columns[x]] }
            }
            return patch
        }

        static func deviation(_ patch: [Float]) -> Float {
            let mean = patch.reduce(0, +) / Float(patch.count)
            return (patch.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(patch.count)).squareRoot()
        }
    }

    /// Patches at five levels of blur; the label is the level.
    ///
    /// - Parameter size: pixels a side.
    public static func blurLevels(
        _ source: Source, count: Int, size: Int = 56, part: Part, key: RandomKey
    ) -> GreyPatches {
        let sigmas = [0, 0.6, 0.9, 1.2, 1.6]
        return make(count, size) { index, random in
            let level = index % sigmas.count
            let picture = Int(random.integer(below: UInt64(source.pictures.count)))
            let place = source.place(picture, size, part, &random)
            let radius = Int(4 * sigmas[level] + 0.5)
            let patch = source.cut(picture, place.left, place.top, size, margin: radius)
            if radius == 0 { return (patch, level) }
            // Only the inner part is kept, so what happens at the rim of the cut doesn't show.
            let taps = Resampler.gaussian(kernel: 2 * radius + 1, sigma: sigmas[level])
            let blur = Resampler(
                input: size + 2 * radius, rows: (0..<size).map { ($0, taps) })
            let side = size + 2 * radius
            let blurred = Resample.apply(
                vertical: blur, horizontal: blur, to: Tensor(patch, [side, side, 1]))
            return (blurred.toArray(Float.self), level)
        } key: {
            key[$0]
        }
    }

    /// Standardised patches, as many of each photograph; the label is the photograph.
    public static func recognition(
        _ source: Source, perClass: Int, size: Int, part: Part, key: RandomKey
    ) -> GreyPatches {
        let classes = source.pictures.count
        return make(perClass * classes, size) { index, random in
            let picture = index % classes
            let place = source.place(picture, size, part, &random)
            let patch = source.cut(picture, place.left, place.top, size, margin: 0)
            let mean = patch.reduce(0, +) / Float(patch.count)
            let deviation = Source.deviation(patch)
            return (patch.map { ($0 - mean) / deviation * 0.25 + 0.5 }, picture)
        } key: {
            key[$0]
        }
    }

    private static func make(
        _ count: Int, _ size: Int, _ patch: (Int, inout RandomStream) -> (pixels: [Float], label: Int),
        key: (Int) -> RandomKey
    ) -> GreyPatches {
        var pixels: [Float] = []
        pixels.reserveCapacity(count * size * size)
        var labels: [Int64] = []
        for index in 0..<count {
            var random = RandomStream(key(index))
            let made = patch(index, &random)
            pixels += made.pixels
            labels.append(Int64(made.label))
        }
        return GreyPatches(images: Tensor(pixels, [count, size, size, 1]), labels: Tensor(labels))
    }
}
