/// A GGUF file (versions 2 and 3, little-endian): a language model's settings and tensors, as llama.cpp keeps them.
///
/// ```swift
/// let file = try GGUF(contentsOf: "model.gguf")
/// if case .text(let name)? = file.metadata["general.architecture"] { print(name) }
/// let norm = try file.tensor("output_norm.weight")
/// let packed = try file.blocks(of: "blk.0.attn_q.weight")    // uint8 [rows, bytes a row]
/// ```
public struct GGUF: Sendable {
    /// The settings, by key.
    public let metadata: [String: Value]
    /// The names of the tensors, in the order of the file.
    public let names: [String]
    private let contents: FileContents
    private let entries: [String: Entry]

    /// A setting.
    public indirect enum Value: Sendable {
        case integer(Int64)
        case unsigned(UInt64)
        case number(Double)
        case bool(Bool)
        case text(String)
        /// Numbers or bools of one type, with one axis.
        case numbers(Tensor)
        case texts([String])
        /// Arrays of arrays.
        case arrays([Value])
    }

    private struct Entry: Sendable {
        var type: BlockType
        /// Slowest axis first, as everywhere in Mercer; the file lists the fastest first.
        var shape: [Int]
        var data: Range<Int>
    }

    /// Opens a file. Its tensors share the mapped pages.
    public init(contentsOf path: String) throws { try self.init(FileContents(mapping: path)) }

    /// Opens bytes that are mapped or in memory already.
    public init(_ contents: FileContents) throws {
        self.contents = contents
        (metadata, names, entries) = try contents.withUnsafeBytes { bytes in
            var header = Header(reader: ByteReader(bytes, path: contents.path))
            try header.read()
            return (header.metadata, header.names, header.entries)
        }
    }

    /// The length of each axis, the slowest first: a weight is `[outputs, inputs]`.
    public func shape(of name: String) throws -> [Int] { try entry(name).shape }

    /// How the elements are stored.
    public func type(of name: String) throws -> BlockType { try entry(name).type }

    /// A tensor of plain numbers, over the mapped file.
    ///
    /// - Throws: for quantised ones; see ``blocks(of:)``.
    public func tensor(_ name: String, copied: Bool = false) throws -> Tensor {
        let entry = try entry(name)
        guard let dtype = entry.type.dtype else {
            throw TensorFileError.unsupported(
                path: contents.path, place: .entry(name),
                found: "a tensor of \(entry.type) blocks as numbers",
                supported: "its bytes through blocks(of:)")
        }
        return try contents.tensor(at: entry.data.lowerBound, entry.shape, dtype, entry: name, copied: copied)
    }

    /// The bytes of a tensor of any type, as uint8 `[…, bytes of a row]`: its last axis is stored in blocks.
    public func blocks(of name: String) throws -> Tensor {
        let entry = try entry(name)
        let rowElements = entry.shape.last ?? 1
        let row = rowElements / entry.type.blockLength * entry.type.blockBytes
        return try contents.tensor(
            at: entry.data.lowerBound, entry.shape.dropLast() + [row], .uint8, entry: name)
    }

    private func entry(_ name: String) throws -> Entry {
        if let entry = entries[name] { return entry }
        throw TensorFileError.missing(path: contents.path, name: name, available: names)
    }
}

// MARK: Header

extension GGUF {
    private struct Header {
        var reader: ByteReader
        var metadata: [String: Value] = [:]
        var names: [String] = []
        var entries: [String: Entry] = [:]

        private static let depthLimit = 8

        mutating func read() throws {
            guard try reader.take(4, "GGUF's signature").elementsEqual("GGUF".utf8) else {
                throw reader.failure("no GGUF signature", "GGUF", at: 0)
            }
            let version = try reader.number(UInt32.self, "a version")
            guard version == 2 || version == 3 else {
                let isSwapped = (1...3).contains(version.byteSwapped)
                throw TensorFileError.unsupported(
                    path: reader.path, place: .byte(4),
                    found: isSwapped ? "a big-endian GGUF file" : "version \(version) of GGUF",
                    supported: "little-endian files of versions 2 and 3")
            }
            let tensorCount = try reader.number(UInt64.self, "a number of tensors")
            let keyCount = try reader.number(UInt64.self, "a number of keys")
            // The least that a key or a tensor's description takes.
            guard keyCount <= UInt64(reader.remaining / 13), tensorCount <= UInt64(reader.remaining / 24)
            else {
                throw reader.failure(
                    "\(tensorCount) tensors and \(keyCount) keys", "as many as fit the file", at: 8)
            }
            for _ in 0..<keyCount { try readKey() }
            let alignment = try self.alignment()
            for _ in 0..<tensorCount { try readEntry(alignment) }
            try placeData(alignment)
        }

        private mutating func readKey() throws {
            let start = reader.position
            let key = try text()
            let type = try reader.number(UInt32.self, "a value's type")
            let value = try self.value(type, 0)
            guard metadata.updateValue(value, forKey: key) == nil else {
                throw reader.failure("the key \(TensorFileError.quoted(key)) twice", "it once", at: start)
            }
        }

        private mutating func text() throws -> String {
            let length = try reader.number(UInt64.self, "a text's length")
            let bytes = try reader.take(length, "text")
            // Vocabularies hold pieces that aren't whole UTF-8 characters.
            return String(decoding: bytes, as: UTF8.self)
        }

        private mutating func value(_ type: UInt32, _ depth: Int) throws -> Value {
            switch type {
            case 0: return .unsigned(UInt64(try reader.number(UInt8.self, "a value")))
            case 1: return .integer(Int64(try reader.number(Int8.self, "a value")))
            case 2: return .unsigned(UInt64(try reader.number(UInt16.self, "a value")))
            case 3: return .integer(Int64(try reader.number(Int16.self, "a value")))
            case 4: return .unsigned(UInt64(try reader.number(UInt32.self, "a value")))
            case 5: return .integer(Int64(try reader.number(Int32.self, "a value")))
            case 6: return .number(Double(Float(bitPattern: try reader.number(UInt32.self, "a value"))))
            case 7: return .bool(try reader.number(UInt8.self, "a value") != 0)
            case 8: return .text(try text())
            case 9: return try array(depth + 1)
            case 10: return .unsigned(try reader.number(UInt64.self, "a value"))
            case 11: return .integer(try reader.number(Int64.self, "a value"))
            case 12: return .number(Double(bitPattern: try reader.number(UInt64.self, "a value")))
            default: throw reader.failure("a value of type \(type)", "0 to 12", at: reader.position - 4)
            }
        }

        private static let numberTypes: [UInt32: DType] = [
            0: .uint8, 1: .int8, 2: .uint16, 3: .int16, 4: .uint32, 5: .int32, 6: .float32, 7: .bool,
            10: .uint64,
            11: .int64, 12: .float64,
        ]

        private mutating func array(_ depth: Int) throws -> Value {
            guard depth <= Self.depthLimit else {
                throw reader.failure("arrays nested deeper than \(Self.depthLimit)", "fewer levels")
            }
            let type = try reader.number(UInt32.self, "an element type")
            let count = try reader.number(UInt64.self, "a number of elements")
            if let dtype = Self.numberTypes[type] {
                let (size, overflow) = count.multipliedReportingOverflow(by: UInt64(dtype.size))
                let bytes = try reader.take(overflow ? .max : size, "an array")
                if dtype == .bool { return .numbers(Tensor(bytes.map { $0 != 0 })) }
                return .numbers(Tensor(bytes: bytes, [Int(count)], dtype))
            }
            guard count <= UInt64(reader.remaining / 8) else {
                throw reader.failure(
                    "an array of \(count) elements", "as many as fit the file", at: reader.position - 8)
            }
            if type == 8 {
                var texts: [String] = []
                for _ in 0..<count { texts.append(try text()) }
                return .texts(texts)
            }
            guard type == 9 else {
                throw reader.failure("elements of type \(type)", "0 to 12", at: reader.position - 12)
            }
            var arrays: [Value] = []
            for _ in 0..<count { arrays.append(try array(depth + 1)) }
            return .arrays(arrays)
        }

        private func alignment() throws -> Int {
            guard let value = metadata["general.alignment"] else { return 32 }
            guard case .unsigned(let alignment) = value, alignment > 0, alignment % 8 == 0,
                alignment <= 1 << 20
            else {
                throw TensorFileError.malformed(
                    path: reader.path, place: .entry("general.alignment"), found: "\(value)",
                    expected: "a multiple of 8")
            }
            return Int(alignment)
        }

        private mutating func readEntry(_ alignment: Int) throws {
            let name = try text()
            func failure(_ found: String, _ expected: String) -> TensorFileError {
                .malformed(path: reader.path, place: .entry(name), found: found, expected: expected)
            }
            let rank = try reader.number(UInt32.self, "a number of axes")
            guard rank <= 4 else { throw failure("\(rank) axes", "at most 4") }
            var lengths: [Int] = []
            for _ in 0..<rank {
                let length = try reader.number(UInt64.self, "a length")
                guard let length = Int(exactly: length) else {
                    throw failure("an axis of \(length)", "a shorter one")
                }
                lengths.append(length)
            }
            let code = try reader.number(UInt32.self, "a type")
            let offset = try reader.number(UInt64.self, "an offset")
            guard let type = BlockType(rawValue: code) else {
                throw failure("the type \(code)", "a type of GGUF")
            }
            guard (lengths.first ?? 1) % type.blockLength == 0 else {
                throw failure(
                    "rows of \(lengths.first ?? 1) elements", "a multiple of \(type.blockLength) for \(type)")
            }
            var blocks = lengths
            if !blocks.isEmpty { blocks[0] /= type.blockLength }
            guard let size = CheckedSize.count(blocks, times: type.blockBytes),
                CheckedSize.count(lengths, times: 16) != nil
            else { throw failure("the shape \(lengths)", "one whose bytes can be counted") }
            guard offset % UInt64(alignment) == 0 else {
                throw failure("data at offset \(offset)", "a multiple of \(alignment)")
            }
            let (end, overflow) = offset.addingReportingOverflow(UInt64(size))
            guard !overflow, end <= UInt64(reader.bytes.count) else {
                throw failure(
                    "\(size) bytes at offset \(offset)",
                    "data within the \(reader.bytes.count) bytes of the file")
            }
            let entry = Entry(type: type, shape: lengths.reversed(), data: Int(offset)..<Int(end))
            guard entries.updateValue(entry, forKey: name) == nil else {
                throw failure("the name twice", "each name once")
            }
            names.append(name)
        }

        /// Turns offsets from the start of the data into offsets in the file, and checks that no two tensors share bytes.
        private mutating func placeData(_ alignment: Int) throws {
            let start = (reader.position + alignment - 1) / alignment * alignment
            var end = start
            let ordered = names.sorted { entries[$0]!.data.lowerBound < entries[$1]!.data.lowerBound }
            for name in ordered {
                let data = (entries[name]!.data.lowerBound + start)..<(entries[name]!.data.upperBound + start)
                guard data.upperBound <= reader.bytes.count, data.isEmpty || data.lowerBound >= end else {
                    throw TensorFileError.malformed(
                        path: reader.path, place: .entry(name), found: "data in bytes \(data)",
                        expected: "a place of its own from byte \(end) to \(reader.bytes.count)")
                }
                end = max(end, data.upperBound)
                entries[name]!.data = data
            }
        }
    }
}
