/// A safetensors file: tensors by name, read when they are asked for.
///
/// ```swift
/// let file = try Safetensors(contentsOf: "model.safetensors")
/// print(file.names, file.metadata)
/// let weight = try file.tensor("fc.weight")   // over the mapped file: nothing is copied
/// ```
///
/// Opening checks the whole header against the format's rules: its size (at most 100 MB and within the file), names
/// that occur twice, element counts that overflow, shapes that don't fit their bytes, and data that overlaps, leaves
/// holes or goes on beyond the last tensor. See <https://huggingface.co/docs/safetensors>.
///
/// A model in several files with a `model.safetensors.index.json` is opened by ``ShardedSafetensors``.
public struct Safetensors: Sendable {
    /// The names of the tensors, in the order of the header.
    public let names: [String]
    /// Strings that the file says about itself (`__metadata__`).
    public let metadata: [String: String]
    private let contents: FileContents
    private let entries: [String: Entry]

    private struct Entry: Sendable {
        var type = ""
        var shape: [Int] = []
        /// Offsets in the file.
        var data = 0..<0
    }

    /// The format's own bound on the header.
    private static let headerLimit = 100_000_000
    /// More axes than anybody has; a bound keeps nonsense out.
    private static let rankLimit = 64

    /// Opens a file. Its tensors share the mapped pages.
    public init(contentsOf path: String) throws {
        try self.init(FileContents(mapping: path))
    }

    /// Opens bytes that are mapped or in memory already.
    public init(_ contents: FileContents) throws {
        self.contents = contents
        let header = try contents.withUnsafeBytes { bytes in
            let length = try Self.headerLength(bytes, contents.path)
            let json = UnsafeRawBufferPointer(rebasing: bytes[8..<(8 + length)])
            return try Header(json, dataCount: bytes.count - 8 - length, path: contents.path)
        }
        names = header.names
        metadata = header.metadata
        entries = header.entries
    }

    /// The length of each axis of a tensor.
    public func shape(of name: String) throws -> [Int] { try entry(name).shape }

    /// The name that the format gives a tensor's type, `BF16` for instance.
    public func typeName(of name: String) throws -> String { try entry(name).type }

    /// The type of a tensor.
    ///
    /// - Throws: where it is one that Mercer doesn't have (the 8-, 6- and 4-bit floats).
    public func dtype(of name: String) throws -> DType {
        let type = try entry(name).type
        if let dtype = Self.dtypes[type] { return dtype }
        throw TensorFileError.unsupported(
            path: contents.path, place: .entry(name), found: "the element type \(type)",
            supported: Self.dtypes.keys.sorted().joined(separator: ", ") + "; its bytes can be had as uint8")
    }

    /// A tensor.
    ///
    /// - Parameter copied: whether it gets memory of its own. Otherwise it lies over the mapped file, and is a copy only
    ///   where the file's offsets don't suit its type; writing to it copies first.
    public func tensor(_ name: String, copied: Bool = false) throws -> Tensor {
        let dtype = try dtype(of: name)
        let entry = try entry(name)
        return try contents.tensor(at: entry.data.lowerBound, entry.shape, dtype, entry: name, copied: copied)
    }

    /// The bytes of a tensor of any type, as uint8 with one axis.
    public func bytes(of name: String) throws -> Tensor {
        let data = try entry(name).data
        return try contents.tensor(at: data.lowerBound, [data.count], .uint8, entry: name)
    }

    /// All tensors, in memory of their own or over the mapped file.
    public func tensors(copied: Bool = false) throws -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        for name in names { result[name] = try tensor(name, copied: copied) }
        return result
    }

    private func entry(_ name: String) throws -> Entry {
        if let entry = entries[name] { return entry }
        throw TensorFileError.missing(path: contents.path, name: name, available: names)
    }
}

// MARK: Types

extension Safetensors {
    static let dtypes: [String: DType] = [
        "BOOL": .bool, "U8": .uint8, "I8": .int8, "U16": .uint16, "I16": .int16, "U32": .uint32,
        "I32": .int32,
        "U64": .uint64, "I64": .int64, "F16": .float16, "BF16": .bfloat16, "F32": .float32, "F64": .float64,
        "C64": .complex64,
    ]

    /// Types of the format that Mercer has no element for, with their bits.
    private static let otherBits: [String: Int] = [
        "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "F6_E2M3": 6,
        "F6_E3M2": 6,
        "F4": 4,
    ]

    private static func bits(of type: String) -> Int? { dtypes[type].map { $0.size * 8 } ?? otherBits[type] }
}

// MARK: Header

extension Safetensors {
    private static func headerLength(_ bytes: UnsafeRawBufferPointer, _ path: String) throws -> Int {
        guard bytes.count >= 8 else {
            throw TensorFileError.malformed(
                path: path, place: .file, found: "\(bytes.count) bytes",
                expected: "at least the 8 of a safetensors header"
            )
        }
        let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        let room = min(bytes.count - 8, headerLimit)
        guard length <= UInt64(room) else {
            throw TensorFileError.malformed(
                path: path, place: .byte(0), found: "a header length of \(length)",
                expected: "at most \(room) in a safetensors file of \(bytes.count) bytes")
        }
        guard length > 0, bytes[8] == UInt8(ascii: "{") else {
            throw TensorFileError.malformed(
                path: path, place: .byte(8), found: "no JSON object",
                expected: "a safetensors header that starts with {")
        }
        return Int(length)
    }

    private struct Header {
        var names: [String] = []
        var metadata: [String: String] = [:]
        var entries: [String: Entry] = [:]

        init(_ json: UnsafeRawBufferPointer, dataCount: Int, path: String) throws {
            var scanner = JSONScanner(json, path: path, origin: 8)
            var hasMetadata = false
            try scanner.object { scanner, name in
                if name == "__metadata__" {
                    if hasMetadata { throw scanner.failure("a second __metadata__", "one") }
                    hasMetadata = true
                    try readMetadata(&scanner)
                } else {
                    let entry = try Self.entry(&scanner, name: name, dataCount: dataCount, path: path)
                    guard entries.updateValue(entry, forKey: name) == nil else {
                        throw TensorFileError.malformed(
                            path: path, place: .entry(name), found: "the name twice",
                            expected: "each name once")
                    }
                    names.append(name)
                }
            }
            try scanner.expectEnd()
            try checkCoverage(dataCount, path)
            let start = 8 + json.count
            for name in names {
                let data = entries[name]!.data
                entries[name]!.data = (data.lowerBound + start)..<(data.upperBound + start)
            }
        }

        private mutating func readMetadata(_ scanner: inout JSONScanner) throws {
            try scanner.object { scanner, key in
                let value = try scanner.string()
                if metadata.updateValue(value, forKey: key) != nil {
                    throw scanner.failure("the metadata key \(TensorFileError.quoted(key)) twice", "it once")
                }
            }
        }

        private static func entry(
            _ scanner: inout JSONScanner, name: String, dataCount: Int, path: String
        ) throws -> Entry {
            var type: String?
            var shape: [Int]?
            var offsets: [Int]?
            try scanner.object { scanner, key in
                switch key {
                case "dtype" where type == nil: type = try scanner.string()
                case "shape" where shape == nil: shape = try numbers(&scanner, atMost: rankLimit)
                case "data_offsets" where offsets == nil: offsets = try numbers(&scanner, atMost: 2)
                case "dtype", "shape", "data_offsets": throw scanner.failure("\(key) twice", "it once")
                default: try scanner.skipValue()
                }
            }
            func failure(_ found: String, _ expected: String) -> TensorFileError {
                .malformed(path: path, place: .entry(name), found: found, expected: expected)
            }
            guard let type else { throw failure("no dtype", "dtype, shape and data_offsets") }
            guard let shape else { throw failure("no shape", "dtype, shape and data_offsets") }
            guard let offsets, offsets.count == 2 else {
                throw failure("no pair of data_offsets", "two numbers")
            }
            guard let bits = bits(of: type) else {
                throw failure(
                    "the element type \(TensorFileError.quoted(type))", "a type of the safetensors format")
            }
            guard offsets[0] <= offsets[1], offsets[1] <= dataCount else {
                throw failure("the data offsets \(offsets)", "a range within the \(dataCount) bytes of data")
            }
            guard let count = CheckedSize.count(shape, times: bits), count % 8 == 0 else {
                throw failure(
                    "the shape \(shape) of \(type)", "a whole number of bytes that fits the machine")
            }
            guard count / 8 == offsets[1] - offsets[0] else {
                throw failure(
                    "\(offsets[1] - offsets[0]) bytes of data",
                    "\(count / 8) for the shape \(shape) of \(type)")
            }
            return Entry(type: type, shape: shape, data: offsets[0]..<offsets[1])
        }

        private static func numbers(_ scanner: inout JSONScanner, atMost limit: Int) throws -> [Int] {
            var result: [Int] = []
            try scanner.array { scanner in
                if result.count == limit { throw scanner.failure("more than \(limit) numbers", "no more") }
                result.append(try scanner.count())
            }
            return result
        }

        /// The tensors must cover the data from its first byte to its last, each byte once.
        private func checkCoverage(_ dataCount: Int, _ path: String) throws {
            let ordered = names.map { ($0, entries[$0]!.data) }
                .sorted { ($0.1.lowerBound, $0.1.upperBound) < ($1.1.lowerBound, $1.1.upperBound) }
            var end = 0
            for (name, data) in ordered {
                guard data.lowerBound == end else {
                    let what =
                        data.lowerBound < end ? "overlaps the tensor before it" : "leaves a hole before it"
                    throw TensorFileError.malformed(
                        path: path, place: .entry(name),
                        found: "data at offset \(data.lowerBound), which \(what)",
                        expected: "offset \(end)")
                }
                end = data.upperBound
            }
            guard end == dataCount else {
                throw TensorFileError.malformed(
                    path: path, place: .byte(8 + end),
                    found: "\(dataCount - end) bytes behind the last tensor",
                    expected: "the end of the file")
            }
        }
    }
}

/// Sizes from files, multiplied without trapping.
enum CheckedSize {
    /// The product of a shape and a factor; nil where an `Int` doesn't hold it. The axes other than those of length
    /// 0 must fit as well, since strides are made from them.
    static func count(_ shape: [Int], times factor: Int) -> Int? {
        var product = factor
        var isEmpty = false
        for length in shape {
            if length < 0 { return nil }
            if length == 0 {
                isEmpty = true
                continue
            }
            let (next, overflow) = product.multipliedReportingOverflow(by: length)
            if overflow { return nil }
            product = next
        }
        return isEmpty ? 0 : product
    }
}
