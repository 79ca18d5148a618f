/// A value of R's serialisation format (versions 2 and 3, big-endian XDR): what data sets of R packages are made of.
public indirect enum RValue: Sendable {
    case null
    /// Logical values and integers; nil for NA.
    case integers([Int?], attributes: [String: RValue])
    case numbers([Double], attributes: [String: RValue])
    /// Nil for NA.
    case strings([String?], attributes: [String: RValue])
    case list([RValue], attributes: [String: RValue])
    /// Names and values of a pairlist.
    case pairs([(String, RValue)])
    case symbol(String)

    /// Elements of a list or pairlist by their names.
    public subscript(name: String) -> RValue? {
        switch self {
        case .pairs(let pairs): return pairs.first { $0.0 == name }?.1
        case .list(let values, let attributes):
            guard case .strings(let names, _)? = attributes["names"], let place = names.firstIndex(of: name) else {
                return nil
            }
            return place < values.count ? values[place] : nil
        default: return nil
        }
    }

    /// The names of a list's elements, in order.
    public var names: [String] {
        switch self {
        case .pairs(let pairs): return pairs.map(\.0)
        case .list(_, let attributes):
            guard case .strings(let names, _)? = attributes["names"] else { return [] }
            return names.map { $0 ?? "" }
        default: return []
        }
    }
}

/// Reading of the tables that R packages carry, without R.
///
/// ```swift
/// let concrete = try RData.object("concrete", of: "…/modeldata/data/Rdata")
/// ```
public enum RData {
    /// The objects of an `.rda` or `.RData` file, plain or packed by gzip.
    public static func objects(contentsOf path: String) throws -> RValue {
        let contents = try Gzip.contents(of: path)
        return try contents.withUnsafeBytes { bytes in
            guard bytes.starts(with: "RDX2\n".utf8) || bytes.starts(with: "RDX3\n".utf8) else {
                throw TensorFileError.unsupported(
                    path: path, place: .byte(0), found: "a file that doesn't begin with RDX2 or RDX3",
                    supported: "R data, plain or packed by gzip")
            }
            return try read(UnsafeRawBufferPointer(rebasing: bytes[5...]), path: path)
        }
    }

    /// An object of a package's database: `PATH.rdx` says where in `PATH.rdb` it stands.
    public static func object(_ name: String, of path: String) throws -> RValue {
        let index = try Gzip.contents(of: path + ".rdx").withUnsafeBytes { try read($0, path: path + ".rdx") }
        guard let variables = index["variables"], case .integers(let flags, _)? = index["compressed"],
            let compression = flags.first ?? nil
        else {
            throw TensorFileError.malformed(
                path: path + ".rdx", place: .file, found: "no list of variables", expected: "the index of a database")
        }
        guard case .integers(let place, _)? = variables[name], place.count == 2, let offset = place[0],
            let length = place[1]
        else { throw TensorFileError.missing(path: path + ".rdx", name: name, available: variables.names) }
        let file = try FileContents(mapping: path + ".rdb")
        return try file.withUnsafeBytes { bytes in
            guard offset >= 0, length > 5, offset + length <= bytes.count else {
                throw TensorFileError.malformed(
                    path: path + ".rdb", place: .byte(offset), found: "\(bytes.count) bytes in all",
                    expected: "an object of \(length) bytes")
            }
            let chunk = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length])
            let unpacked = try unpack(chunk, compression: compression, path: path + ".rdb")
            return try unpacked.withUnsafeBytes { try read($0, path: "\(path).rdb, \(name)") }
        }
    }

    /// A chunk: its unpacked size, a letter for the method where there are several, the packed bytes.
    private static func unpack(_ chunk: UnsafeRawBufferPointer, compression: Int, path: String) throws -> [UInt8] {
        let size = chunk[..<4].reduce(0) { $0 << 8 | Int($1) }
        func rest(_ start: Int) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: chunk[start...]) }
        func inflated(_ start: Int) throws -> [UInt8] {
            // The zlib header has two bytes; the checksum behind the data isn't needed to read them.
            var output = GrowingBytes(forPacked: chunk.count, limit: size)
            _ = try Inflate.stream(rest(start + 2), into: &output, path: path, place: { .byte(start + 2 + $0) })
            return Array(output.bytes(from: 0))
        }
        switch (compression, chunk[4]) {
        case (0, _): return Array(rest(4))
        case (1, _): return try inflated(4)
        case (_, UInt8(ascii: "Z")): return try LZMA2.unpack(rest(5), size: size, path: path)
        case (_, UInt8(ascii: "0")): return Array(rest(5))
        case (_, let letter):
            throw TensorFileError.unsupported(
                path: path, place: .file, found: "compression '\(Character(Unicode.Scalar(letter)))'",
                supported: "none, zlib and xz")
        }
    }

    private static func read(_ bytes: UnsafeRawBufferPointer, path: String) throws -> RValue {
        var reader = RReader(bytes, path: path)
        return try reader.file()
    }
}

/// Walks through one serialised value.
private struct RReader {
    private var bytes: ByteReader
    private var references: [RValue] = []
    private var depth = 0

    init(_ bytes: UnsafeRawBufferPointer, path: String) { self.bytes = ByteReader(bytes, path: path) }

    private mutating func int() throws -> Int { Int(Int32(bigEndian: try bytes.number(Int32.self, "a number"))) }

    mutating func file() throws -> RValue {
        let kind = try bytes.take(2, "the head of a serialised value")
        guard kind[0] == UInt8(ascii: "X"), kind[1] == UInt8(ascii: "\n") else {
            throw bytes.failure("another format", "the letter X of the XDR format", at: 0)
        }
        let version = try int()
        _ = try (int(), int())
        guard version == 2 || version == 3 else {
            throw bytes.failure("version \(version)", "version 2 or 3")
        }
        if version == 3 { _ = try bytes.take(UInt64(max(0, try int())), "the name of an encoding") }
        return try value()
    }

    private mutating func length() throws -> Int {
        let n = try int()
        guard n >= 0, n <= bytes.remaining else { throw bytes.failure("a length of \(n)", "one within the file") }
        return n
    }

    private mutating func value() throws -> RValue {
        depth += 1
        defer { depth -= 1 }
        guard depth < 1000 else { throw bytes.failure("values nested \(depth) deep", "fewer than 1000") }
        let flags = try int()
        let hasAttributes = flags & 0x200 != 0
        switch flags & 0xFF {
        case 0, 254, 253, 242, 241, 251, 252: return .null
        case 1:
            let symbol = RValue.symbol(try text(try value()))
            references.append(symbol)
            return symbol
        case 255:
            let packed = flags >> 8
            let index = packed == 0 ? try int() : packed
            guard index >= 1, index <= references.count else {
                throw bytes.failure("reference \(index)", "one of \(references.count)")
            }
            return references[index - 1]
        case 2: return try pairs(flags)
        case 9: return try characters()
        case 10, 13:
            let values = try (0..<length()).map { _ -> Int? in
                let n = try int()
                return n == Int(Int32.min) ? nil : n
            }
            return .integers(values, attributes: try attributes(hasAttributes))
        case 14:
            let values = try (0..<length()).map { _ in
                Double(bitPattern: UInt64(bigEndian: try bytes.number(UInt64.self, "a number")))
            }
            return .numbers(values, attributes: try attributes(hasAttributes))
        case 16:
            let values = try (0..<length()).map { _ -> String? in
                guard case .strings(let one, _) = try value() else { return nil }
                return one[0]
            }
            return .strings(values, attributes: try attributes(hasAttributes))
        case 19, 20:
            let values = try (0..<length()).map { _ in try value() }
            return .list(values, attributes: try attributes(hasAttributes))
        case 238: return try compact()
        case let type: throw bytes.failure("a value of type \(type)", "vectors, lists and names")
        }
    }

    private mutating func characters() throws -> RValue {
        let n = try int()
        if n == -1 { return .strings([nil], attributes: [:]) }
        guard n >= 0 else { throw bytes.failure("a length of \(n)", "0 or more") }
        return .strings([String(decoding: try bytes.take(UInt64(n), "a string"), as: UTF8.self)], attributes: [:])
    }

    private func text(_ value: RValue) throws -> String {
        guard case .strings(let one, _) = value, let text = one[0] else {
            throw bytes.failure("no text", "a name")
        }
        return text
    }

    private mutating func pairs(_ first: Int) throws -> RValue {
        var flags = first
        var list: [(String, RValue)] = []
        while flags & 0xFF == 2 {
            if flags & 0x200 != 0 { _ = try value() }
            var name = ""
            if flags & 0x400 != 0, case .symbol(let tag) = try value() { name = tag }
            list.append((name, try value()))
            flags = try int()
        }
        guard flags & 0xFF == 254 else { throw bytes.failure("type \(flags & 0xFF)", "the end of a pairlist") }
        return .pairs(list)
    }

    private mutating func attributes(_ exist: Bool) throws -> [String: RValue] {
        guard exist, case .pairs(let list) = try value() else { return [:] }
        return Dictionary(list) { first, _ in first }
    }

    /// Length, first element and step of a sequence that may be written out.
    private static func isSequence(_ state: [Double]) -> Bool {
        state.count == 3 && (0...1e9).contains(state[0]) && state.allSatisfy { abs($0) < 1e15 }
    }

    /// Compact forms of version 3: sequences, and vectors wrapped with what is known about them.
    private mutating func compact() throws -> RValue {
        guard case .pairs(let info) = try value(), case .symbol(let name)? = info.first?.1 else {
            throw bytes.failure("no class", "the class of a compact vector")
        }
        let state = try value()
        let attributes = try value()
        var named: [String: RValue] = [:]
        if case .pairs(let list) = attributes { named = Dictionary(list) { first, _ in first } }
        switch (name, state) {
        case ("compact_intseq", .numbers(let s, _)) where Self.isSequence(s):
            return .integers((0..<Int(s[0])).map { Int(s[1]) + $0 * Int(s[2]) }, attributes: named)
        case ("compact_realseq", .numbers(let s, _)) where Self.isSequence(s):
            return .numbers((0..<Int(s[0])).map { s[1] + Double($0) * s[2] }, attributes: named)
        case ("deferred_string", .pairs(let pair)):
            switch pair.first?.1 {
            case .integers(let values, _)?: return .strings(values.map { $0.map(String.init) }, attributes: named)
            case .numbers(let values, _)?: return .strings(values.map { "\($0)" }, attributes: named)
            default: throw bytes.failure("a deferred string of something else", "numbers")
            }
        case (_, .list(let parts, _)) where name.hasPrefix("wrap_") && !parts.isEmpty: return parts[0]
        case (_, .pairs(let parts)) where name.hasPrefix("wrap_") && !parts.isEmpty: return parts[0].1
        default: throw bytes.failure("a compact vector of class \(name)", "a sequence or a wrapped vector")
        }
    }
}
