/// NumPy's `.npy` files: one array each (format versions 1, 2 and 3).
///
/// ```swift
/// let x = try Npy.read(contentsOf: "x.npy")
/// try Npy.write(x, to: "y.npy")
/// ```
public enum Npy {
    /// Reads an array.
    ///
    /// Arrays in Fortran order become transposed views of their data, big-endian ones are converted. Structured, text,
    /// date and object arrays are refused by name.
    ///
    /// - Parameter mapped: whether the tensor lies over the mapped file where its layout allows, rather than in memory
    ///   of its own.
    public static func read(contentsOf path: String, mapped: Bool = false) throws -> Tensor {
        try read(FileContents(mapping: path), copied: !mapped)
    }

    /// Reads an array from bytes that are mapped or in memory already.
    public static func read(_ contents: FileContents, copied: Bool = false) throws -> Tensor {
        let header = try contents.withUnsafeBytes { try NpyHeader($0, contents.path) }
        let dense = header.isFortran ? Array(header.shape.reversed()) : header.shape
        var tensor = try contents.tensor(
            at: header.dataStart, dense, header.dtype, copied: copied || header.isSwapped)
        if header.isSwapped { tensor = swapped(tensor) }
        if header.isFortran && header.shape.count > 1 {
            tensor = Tensor(
                storage: tensor.storage, shape: header.shape, strides: Shape.denseStrides(dense).reversed(),
                offset: tensor.offset, dtype: header.dtype)
        }
        return tensor
    }

    /// Writes an array in row-major order, beside the destination first.
    ///
    /// - Throws: for bfloat16, which NumPy doesn't have.
    public static func write(_ tensor: Tensor, to path: String) throws {
        let header = try header(of: tensor, path, .file)
        try AtomicFile.write(to: path) { file in
            try file.write(header)
            try tensor.withUnsafeBytes { try file.write($0) }
        }
    }

    /// The header of a tensor's file, padded so that the data starts at a multiple of 64.
    static func header(of tensor: Tensor, _ path: String, _ place: TensorFileError.Place) throws -> [UInt8] {
        guard let type = NpyHeader.name(of: tensor.dtype) else {
            throw TensorFileError.unsupported(
                path: path, place: place, found: "a \(tensor.dtype) tensor in NumPy's format",
                supported: "all other types; convert it to float32")
        }
        let lengths = tensor.shape.map(String.init)
        let shape = lengths.count == 1 ? "\(lengths[0])," : lengths.joined(separator: ", ")
        var text = Array("{'descr': '\(type)', 'fortran_order': False, 'shape': (\(shape)), }".utf8)
        // A header beyond 64 KiB would take thousands of axes: version 1 holds every tensor's.
        while (10 + text.count + 1) % 64 != 0 { text.append(UInt8(ascii: " ")) }
        text.append(UInt8(ascii: "\n"))
        return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(text.count & 0xff), UInt8(text.count >> 8)] + text
    }

    /// The bytes of each number reversed, in place.
    private static func swapped(_ tensor: Tensor) -> Tensor {
        let size = tensor.dtype.realPart.size
        func swap<T: FixedWidthInteger>(_ type: T.Type) {
            let numbers = tensor.mutablePointer(T.self)
            for i in 0..<tensor.byteCount / size { numbers[i] = numbers[i].byteSwapped }
        }
        switch size {
        case 2: swap(UInt16.self)
        case 4: swap(UInt32.self)
        case 8: swap(UInt64.self)
        default: break
        }
        return tensor
    }
}

/// What the header of an `.npy` file says, checked against the file's size.
private struct NpyHeader {
    var dtype = DType.float32
    var isSwapped = false
    var isFortran = false
    var shape: [Int] = []
    var dataStart = 0

    /// NumPy's own bound on axes.
    private static let rankLimit = 64

    init(_ bytes: UnsafeRawBufferPointer, _ path: String) throws {
        var reader = ByteReader(bytes, path: path)
        let magic = try reader.take(6, "NumPy's signature")
        guard magic.elementsEqual([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]) else {
            throw reader.failure("no NumPy signature", "\\x93NUMPY", at: 0)
        }
        let version = try reader.number(UInt8.self, "a version")
        _ = try reader.number(UInt8.self, "a version")
        guard (1...3).contains(version) else {
            throw TensorFileError.unsupported(
                path: path, place: .byte(6), found: "version \(version) of NumPy's format",
                supported: "1, 2 and 3")
        }
        let length =
            version == 1
            ? UInt64(try reader.number(UInt16.self, "a header length"))
            : UInt64(try reader.number(UInt32.self, "a header length"))
        let start = reader.position
        let text = try reader.take(length, "a header")
        dataStart = reader.position
        var literal = PythonLiteral(text, path: path, origin: start)
        try read(&literal)
        guard let size = CheckedSize.count(shape, times: dtype.size) else {
            throw reader.failure("the shape \(shape)", "one whose elements can be counted", at: start)
        }
        guard size == reader.remaining else {
            throw reader.failure(
                "\(reader.remaining) bytes of data", "\(size) for the shape \(shape) of \(dtype)")
        }
    }

    private mutating func read(_ literal: inout PythonLiteral) throws {
        var seen: Set<String> = []
        try literal.expect("{")
        while try !literal.take("}") {
            let key = try literal.string()
            guard seen.insert(key).inserted else {
                throw literal.failure("the key '\(key)' twice", "it once")
            }
            try literal.expect(":")
            switch key {
            case "descr": try readType(&literal)
            case "fortran_order": isFortran = try literal.bool()
            case "shape": shape = try literal.tuple(atMost: Self.rankLimit)
            default:
                throw literal.failure("the key \(TensorFileError.quoted(key))", "descr, fortran_order, shape")
            }
            if try !literal.take(",") {
                try literal.expect("}")
                break
            }
        }
        guard seen.count == 3 else {
            throw literal.failure("\(seen.count) keys", "descr, fortran_order and shape")
        }
        try literal.expectEnd()
    }

    private mutating func readType(_ literal: inout PythonLiteral) throws {
        let supported = "bool, integers, float16 to float64, complex64 and complex128"
        if try literal.take("[") {
            throw TensorFileError.unsupported(
                path: literal.path, place: .byte(literal.offset), found: "a structured array",
                supported: supported)
        }
        let name = try literal.string()
        var code = Substring(name)
        let order: Character? = "<>|=".contains(code.first ?? " ") ? code.removeFirst() : nil
        guard let dtype = Self.types[String(code)] else {
            throw TensorFileError.unsupported(
                path: literal.path, place: .byte(literal.offset),
                found: "NumPy's type \(TensorFileError.quoted(name))", supported: supported)
        }
        self.dtype = dtype
        isSwapped = order == ">" && dtype.size > 1
    }

    private static let types: [String: DType] = [
        "b1": .bool, "u1": .uint8, "i1": .int8, "u2": .uint16, "i2": .int16, "u4": .uint32, "i4": .int32,
        "u8": .uint64, "i8": .int64, "f2": .float16, "f4": .float32, "f8": .float64, "c8": .complex64,
        "c16": .complex128,
    ]

    static func name(of dtype: DType) -> String? {
        types.first { $0.value == dtype }.map { (dtype.size == 1 ? "|" : "<") + $0.key }
    }
}

/// The part of Python's literals that `.npy` headers use.
private struct PythonLiteral {
    private let bytes: UnsafeRawBufferPointer
    let path: String
    private let origin: Int
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer, path: String, origin: Int) {
        self.bytes = bytes
        self.path = path
        self.origin = origin
    }

    /// Offset in the file.
    var offset: Int { origin + position }

    func failure(_ found: String, _ expected: String) -> TensorFileError {
        .malformed(path: path, place: .byte(offset), found: found, expected: expected)
    }

    private mutating func skipBlanks() {
        while position < bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(bytes[position]) { position += 1 }
    }

    /// What comes next instead of what was expected.
    private mutating func unexpected(_ expected: String) -> TensorFileError {
        skipBlanks()
        guard position < bytes.count else { return failure("the end of the header", expected) }
        return failure(TensorFileError.quoted(String(Character(Unicode.Scalar(bytes[position])))), expected)
    }

    mutating func take(_ mark: Unicode.Scalar) throws -> Bool {
        skipBlanks()
        guard position < bytes.count, bytes[position] == UInt8(ascii: mark) else { return false }
        position += 1
        return true
    }

    mutating func expect(_ mark: Unicode.Scalar) throws {
        if try !take(mark) { throw unexpected("\"\(mark)\"") }
    }

    mutating func expectEnd() throws {
        skipBlanks()
        if position < bytes.count { throw unexpected("the end of the header") }
    }

    /// A string without escapes, in either kind of quotation marks.
    mutating func string() throws -> String {
        skipBlanks()
        guard position < bytes.count, [UInt8(ascii: "'"), UInt8(ascii: "\"")].contains(bytes[position]) else {
            throw unexpected("a string")
        }
        let mark = bytes[position]
        let start = position + 1
        guard let end = bytes[start...].firstIndex(of: mark),
            let text = String(validating: bytes[start..<end], as: UTF8.self), !text.contains("\\")
        else { throw failure("a string without end or with escapes", "a plain one") }
        position = end + 1
        return text
    }

    mutating func bool() throws -> Bool {
        skipBlanks()
        for (word, value) in [("True", true), ("False", false)]
        where bytes[position...].starts(with: word.utf8) {
            position += word.utf8.count
            return value
        }
        throw unexpected("True or False")
    }

    /// A tuple of whole numbers.
    mutating func tuple(atMost limit: Int) throws -> [Int] {
        var result: [Int] = []
        try expect("(")
        while try !take(")") {
            if result.count == limit { throw failure("more than \(limit) axes", "no more") }
            result.append(try number())
            if try !take(",") {
                try expect(")")
                break
            }
        }
        return result
    }

    private mutating func number() throws -> Int {
        skipBlanks()
        let end =
            bytes[position...].firstIndex { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            ?? bytes.count
        guard end > position else { throw unexpected("a whole number") }
        guard let value = Int(String(decoding: bytes[position..<end], as: UTF8.self)) else {
            throw failure("a number beyond \(Int.max)", "a smaller one")
        }
        position = end
        // Python 2 wrote 3L.
        _ = try take("L")
        return value
    }
}
