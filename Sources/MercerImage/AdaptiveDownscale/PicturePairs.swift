import Foundation
import Mercer
import MercerImageIO
import MercerNN

/// Pairs of a user's own: pictures of the same names in two folders.
public struct PicturePairs: Sendable {
    public let pairs: [PicturePair]
    /// What was cropped or shifted, in words.
    public let notes: [String]
    /// What the weights' metadata says of them.
    public let source: String

    /// - Parameters:
    ///   - fixesShift: whether pairs that are shifted by whole small pixels are cropped to what both show.
    /// - Throws: ``ADKError``; ``PictureFilesError``; `ImageError`.
    public init(large: String, small: String, scale: Int, fixesShift: Bool = false) throws {
        let (first, second) = (try Self.files(large), try Self.files(small))
        let single = Set(first.keys).symmetricDifference(second.keys).sorted()
        if Set(first.keys).isDisjoint(with: second.keys) { throw ADKError.noPairs(large: large, small: small) }
        if !single.isEmpty { throw ADKError.unpaired(large: large, small: small, names: single) }
        var pairs: [PicturePair] = []
        var notes: [String] = []
        for name in first.keys.sorted() {
            try Task.checkCancellation()
            let (a, b) = (first[name]!, second[name]!)
            let (x, y) = (try Self.colour(a), try Self.colour(b))
            let (h, w) = (y.shape[0], y.shape[1])
            let (moreRows, moreColumns) = (x.shape[0] - h * scale, x.shape[1] - w * scale)
            guard (0..<scale).contains(moreRows), (0..<scale).contains(moreColumns) else {
                throw ADKError.sizes(
                    large: a, largeSize: "\(x.shape[1])x\(x.shape[0])", small: b, smallSize: "\(w)x\(h)", scale: scale)
            }
            if moreRows + moreColumns > 0 {
                notes.append("\(a): \(moreRows) rows and \(moreColumns) columns at the end are cropped")
            }
            let whole = x[0..<(h * scale), 0..<(w * scale), 0...].contiguous()
            let shift = Self.shift(of: y, against: Photograph.reduced(whole, by: scale))
            if shift == (0, 0) {
                pairs.append(PicturePair(name, large: whole, small: y))
                continue
            }
            guard fixesShift else { throw ADKError.misaligned(b, x: shift.x, y: shift.y) }
            notes.append("\(b): shifted by \(shift.x) pixels across and \(shift.y) down, cropped to what both show")
            pairs.append(Self.cropped(name, whole, y, shift, scale))
        }
        self.pairs = pairs
        self.notes = notes
        source =
            "\(pairs.count) pairs of \((large as NSString).lastPathComponent) and \((small as NSString).lastPathComponent)"
    }

    private static func files(_ folder: String) throws -> [String: String] {
        var found: [String: String] = [:]
        for file in try PictureFile.plan([folder], output: folder) {
            found[((file.input as NSString).lastPathComponent as NSString).deletingPathExtension] = file.input
        }
        return found
    }

    private static func colour(_ path: String) throws -> Tensor {
        let opaque = try Bitmap(contentsOf: path).flattened()
        let bytes = opaque.depth == 8 ? opaque.pixels : Bitmap(opaque.tensor()).pixels
        if bytes.shape[2] == 3 { return bytes.contiguous() }
        let grey = bytes[0..., 0..., 0..<1]
        return concatenated([grey, grey, grey], axis: 2)
    }

    /// By how many pixels, at most two, a picture is shifted against another of its size: the peak of the phase
    /// correlation (Kuglin & Hines 1975).
    public static func shift(of picture: Tensor, against reference: Tensor) -> (x: Int, y: Int) {
        func spectrum(_ x: Tensor) -> Tensor {
            let luma: Tensor = ImageMetrics.luma(x).asType(.float64)
            let (h, w) = (luma.shape[0], luma.shape[1])
            // A window takes the borders away, which would correlate by themselves.
            func window(_ n: Int) -> Tensor {
                Tensor((0..<n).map { 0.5 - 0.5 * cos(2 * .pi * (Double($0) + 0.5) / Double(n)) })
            }
            let centred: Tensor = luma - luma.mean()
            return fft2(centred * window(h).reshaped(h, 1) * window(w).reshaped(1, w))
        }
        let cross: Tensor = spectrum(picture) * spectrum(reference).conjugate()
        let size: Tensor = (cross.realPart() * cross.realPart() + cross.imaginaryPart() * cross.imaginaryPart()).sqrt()
        let correlation = ifft2(cross / complex(size + 1e-9, Tensor.zeros(size.shape, .float64))).realPart()
        let (h, w) = (correlation.shape[0], correlation.shape[1])
        let numbers = correlation.contiguous().toArray(Double.self)
        var best = (x: 0, y: 0, value: -Double.infinity)
        for y in -2...2 {
            for x in -2...2 {
                let value = numbers[(y + h) % h * w + (x + w) % w]
                if value > best.value { best = (x, y, value) }
            }
        }
        return (best.x, best.y)
    }

    /// What both pictures of a shifted pair show.
    private static func cropped(
        _ name: String, _ large: Tensor, _ small: Tensor, _ shift: (x: Int, y: Int), _ scale: Int
    ) -> PicturePair {
        func ranges(_ length: Int, _ shift: Int) -> (small: Range<Int>, large: Range<Int>) {
            let kept = length - abs(shift)
            let (from, reference) = (max(0, shift), max(0, -shift))
            return (from..<(from + kept), (reference * scale)..<((reference + kept) * scale))
        }
        let (rows, columns) = (ranges(small.shape[0], shift.y), ranges(small.shape[1], shift.x))
        return PicturePair(
            name, large: large[rows.large, columns.large, 0...].contiguous(),
            small: small[rows.small, columns.small, 0...].contiguous())
    }
}

/// Parts of pairs to train on: random crops within tiles that have detail.
public struct PairTiles: Dataset {
    public let scale: Int
    /// Large pixels a side of an example.
    public let crop: Int
    /// Whether examples are turned and mirrored: only where the camera has no direction.
    public let symmetries: Bool
    let pairs: [PicturePair]
    let places: [(pair: Int, y: Int, x: Int)]
    /// Large pixels a side of a tile.
    static let tile = 96
    static let step = 72

    public var count: Int { places.count }

    /// - Throws: ``ADKError/noTiles(side:)``.
    public init(_ pairs: [PicturePair], scale: Int, crop: Int = 64, symmetries: Bool = true) throws {
        precondition(crop % scale == 0 && crop <= Self.tile, "PairTiles: crops of \(crop) for scale \(scale)")
        self.pairs = pairs
        self.scale = scale
        self.crop = crop
        self.symmetries = symmetries
        var places: [(pair: Int, y: Int, x: Int)] = []
        for (index, pair) in pairs.enumerated() {
            let (h, w) = (pair.large.shape[0], pair.large.shape[1])
            for y in Swift.stride(from: 0, through: h - Self.tile, by: Self.step) {
                for x in Swift.stride(from: 0, through: w - Self.tile, by: Self.step) {
                    let part = pair.large[y..<(y + Self.tile), x..<(x + Self.tile), 0...]
                    if PatchSampler.deviation(part) > 3 { places.append((index, y, x)) }
                }
            }
        }
        guard !places.isEmpty else { throw ADKError.noTiles(side: Self.tile) }
        self.places = places
    }

    /// `[crop, crop, 3]` and `[crop/s, crop/s, 3]`, float32 in [0, 1].
    public func example(_ index: Int, key: RandomKey) -> [Tensor] {
        var random = RandomStream(key)
        let place = places[index]
        let room = UInt64((Self.tile - crop) / scale + 1)
        let y = place.y / scale + Int(random.integer(below: room))
        let x = place.x / scale + Int(random.integer(below: room))
        let side = crop / scale
        let pair = pairs[place.pair]
        let large = pair.large[
            (y * scale)..<(y * scale + crop), (x * scale)..<(x * scale + crop), 0...]
        let small = pair.small[y..<(y + side), x..<(x + side), 0...]
        let symmetry = symmetries ? Int(random.integer(below: 8)) : 0
        return [large, small].map { (PatchSampler.turned($0.contiguous(), symmetry).asType(.float32) / 255.0) }
    }
}
