import Foundation
import Mercer
import MercerImageIO

/// A picture of many bands in digital numbers, with its place on Earth: TIFF of 8 or 16 bits, or a NumPy file.
public struct Raster: Sendable {
    /// `[height, width, bands]`, float32; NaN where nothing is known.
    public var samples: Tensor
    public var tags: GeoTags?
    /// Whether the file holds whole numbers, which is where bits are counted.
    public let isWhole: Bool

    public init(samples: Tensor, tags: GeoTags? = nil, isWhole: Bool = true) {
        self.samples = samples
        self.tags = tags
        self.isWhole = isWhole
    }

    /// - Throws: ``PansharpeningError``, ``ImageError``, or what reading a NumPy file throws.
    public init(contentsOf path: String) throws {
        if path.hasSuffix(".npy") {
            let array = try Npy.read(contentsOf: path)
            guard array.rank == 2 || array.rank == 3 else {
                throw PansharpeningError.file(
                    path, reason: "an array of shape \(array.shape); [height, width, bands] is expected")
            }
            let samples = array.rank == 2 ? array.expandedDimensions(axis: 2) : array
            self.init(samples: samples.asType(.float32), isWhole: !array.dtype.isFloatingPoint)
            return
        }
        if path.hasSuffix(".mat") {
            throw PansharpeningError.file(
                path,
                reason: "MATLAB files aren't read; convert it, in Python: numpy.save(name, scipy.io.loadmat(file)[key])"
            )
        }
        let picture = try Bitmap(contentsOf: path)
        guard picture.format == .tiff || picture.format == .png else {
            throw PansharpeningError.file(path, reason: "a TIFF of 8 or 16 bits or a .npy file is expected")
        }
        let tags = try GeoTags(contentsOf: path)
        var samples = picture.pixels.asType(.float32)
        if let missing = tags.missing {
            samples = which(samples .== missing, Tensor.full(samples.shape, .nan), samples)
        }
        self.init(samples: samples, tags: tags)
    }

    /// Writes whole numbers of 16 bits: cut at 0 and 65535, fractions dropped. Missing pixels get the tags' no-data
    /// value, else 0. A name that ends in .npy gets float32 as it is.
    public func write(to path: String) throws {
        if path.hasSuffix(".npy") { return try Npy.write(samples.contiguous(), to: path) }
        let missing = UInt16(clamping: Int(tags?.missing ?? 0))
        let numbers = samples.contiguous().toArray(Float.self).map { value -> UInt16 in
            value.isFinite ? UInt16(min(65_535, max(0, value))) : missing
        }
        try TIFFWriter.write(numbers, samples.shape, tags, to: path)
    }
}

/// Plain TIFF: one picture of 16-bit samples, bands interleaved, without compression, and the tags that are given.
enum TIFFWriter {
    static func write(_ samples: [UInt16], _ shape: [Int], _ tags: GeoTags?, to path: String) throws {
        let (height, width, bands) = (shape[0], shape[1], shape[2])
        let line = width * bands * 2
        guard height * line < 1 << 32 - 1 << 20 else {
            throw PansharpeningError.file(path, reason: "\(height * line) bytes are more than a TIFF holds; write .npy")
        }
        func words(_ values: [Int], _ size: Int) -> [UInt8] {
            values.flatMap { value in (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
        }
        func short(_ tag: UInt16, _ values: [Int]) -> GeoTags.Entry {
            GeoTags.Entry(tag: tag, type: 3, count: values.count, bytes: words(values, 2))
        }
        func long(_ tag: UInt16, _ values: [Int]) -> GeoTags.Entry {
            GeoTags.Entry(tag: tag, type: 4, count: values.count, bytes: words(values, 4))
        }
        // The samples come directly after the header, then the directory.
        var entries = [
            long(256, [width]), long(257, [height]), short(258, [Int](repeating: 16, count: bands)),
            short(259, [1]), short(262, [1]), long(273, [8]), short(277, [bands]), long(278, [height]),
            long(279, [height * line]), short(284, [1]), short(339, [Int](repeating: 1, count: bands)),
        ]
        if bands > 1 { entries.append(short(338, [Int](repeating: 0, count: bands - 1))) }
        entries = (entries + (tags?.entries ?? [])).sorted { $0.tag < $1.tag }
        let directory = (8 + height * line + 1) / 2 * 2
        var rest: [UInt8] = []
        let after = directory + 2 + 12 * entries.count + 4
        var table = words([entries.count], 2)
        for entry in entries {
            table += words([Int(entry.tag), Int(entry.type)], 2) + words([entry.count], 4)
            if entry.bytes.count <= 4 {
                table += entry.bytes + [UInt8](repeating: 0, count: 4 - entry.bytes.count)
            } else {
                table += words([after + rest.count], 4)
                rest += entry.bytes
                if rest.count % 2 == 1 { rest.append(0) }
            }
        }
        table += words([0], 4)
        try AtomicFile.write(to: path) { file in
            try file.write([0x49, 0x49, 42, 0] + words([directory], 4))
            try samples.withUnsafeBytes { try file.write($0) }
            try file.write([UInt8](repeating: 0, count: directory - 8 - height * line) + table + rest)
        }
    }
}
