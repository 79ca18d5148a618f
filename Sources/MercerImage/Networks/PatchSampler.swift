import Mercer
import MercerNN

/// Square patches of pictures to train on: each example is a patch at a random place of a random picture, as its key
/// says, so that the same seed gives the same patches on any number of threads.
///
/// Larger pictures are drawn more often, by their pixels. A patch whose luma varies too little is drawn anew, or half
/// of all would be sky.
public struct PatchSampler: Dataset {
    /// Examples an epoch.
    public let count: Int
    /// Pixels a side.
    public let size: Int
    /// The least standard deviation of a patch's luma, in levels of 255.
    public let minimumDeviation: Double
    /// Patches begin at multiples of this.
    public let alignment: Int
    /// Whether patches are turned and mirrored: the 8 symmetries of the square, equally likely.
    public let symmetries: Bool
    private let pictures: [Tensor]
    /// The pixels of the pictures up to and with each.
    private let sums: [Int]

    /// - Parameter pictures: `[height, width, channels]`, uint8, all with the same number of channels, none smaller
    ///   than a patch.
    public init(
        _ pictures: [Tensor], size: Int, count: Int, minimumDeviation: Double = 3, alignment: Int = 1,
        symmetries: Bool = true
    ) {
        precondition(!pictures.isEmpty && size > 0 && count > 0 && alignment > 0, "PatchSampler: nothing to draw")
        for picture in pictures {
            precondition(
                picture.rank == 3 && picture.dtype == .uint8 && picture.shape[0] >= size
                    && picture.shape[1] >= size && picture.shape[2] == pictures[0].shape[2],
                "PatchSampler: a \(picture.dtype) picture of shape \(picture.shape) for patches of \(size)")
        }
        self.pictures = pictures.map { $0.contiguous() }
        self.size = size
        self.count = count
        self.minimumDeviation = minimumDeviation
        self.alignment = alignment
        self.symmetries = symmetries
        var total = 0
        sums = pictures.map {
            total += $0.shape[0] * $0.shape[1]
            return total
        }
    }

    /// A patch `[size, size, channels]`, uint8.
    public func example(_ index: Int, key: RandomKey) -> [Tensor] {
        var random = RandomStream(key)
        var patch = draw(&random)
        // A picture without any detail still gives patches.
        for _ in 0..<50 where Self.deviation(patch) < minimumDeviation { patch = draw(&random) }
        if symmetries { patch = Self.turned(patch, Int(random.integer(below: 8))) }
        return [patch]
    }

    private func draw(_ random: inout RandomStream) -> Tensor {
        let place = Int(random.integer(below: UInt64(sums.last!)))
        let picture = pictures[sums.firstIndex { place < $0 }!]
        let top = start(picture.shape[0], &random)
        let left = start(picture.shape[1], &random)
        return picture[top..<(top + size), left..<(left + size), 0...].contiguous()
    }

    private func start(_ length: Int, _ random: inout RandomStream) -> Int {
        Int(random.integer(below: UInt64((length - size) / alignment + 1))) * alignment
    }

    /// A square under one of its 8 symmetries: bit 0 mirrors columns, bit 1 rows, bit 2 exchanges both.
    ///
    /// - Parameter patch: `[size, size, channels]`.
    public static func turned(_ patch: Tensor, _ symmetry: Int) -> Tensor {
        precondition((0..<8).contains(symmetry), "turned: there is no symmetry \(symmetry)")
        var result = patch
        if symmetry & 1 != 0 { result = result.flipped(axes: [1]) }
        if symmetry & 2 != 0 { result = result.flipped(axes: [0]) }
        if symmetry & 4 != 0 { result = result.transposed(1, 0, 2) }
        return result.contiguous()
    }

    /// The standard deviation of luma (Rec. 601 weights) in levels.
    ///
    /// - Parameter patch: `[height, width, channels]`, uint8; other than three channels count equally.
    public static func deviation(_ patch: Tensor) -> Double {
        let channels = patch.shape[2]
        let weights =
            channels == 3 ? [0.299, 0.587, 0.114] : [Double](repeating: 1 / Double(channels), count: channels)
        return patch.contiguous().withUnsafeBuffer(of: UInt8.self) { samples in
            var (sum, squares) = (0.0, 0.0)
            let pixels = samples.count / channels
            for i in 0..<pixels {
                var luma = 0.0
                for c in 0..<channels { luma += weights[c] * Double(samples[i * channels + c]) }
                sum += luma
                squares += luma * luma
            }
            let mean = sum / Double(pixels)
            return max(0, squares / Double(pixels) - mean * mean).squareRoot()
        }
    }
}
