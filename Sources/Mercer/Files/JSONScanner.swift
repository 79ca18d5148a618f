/// Reads JSON from bytes piece by piece, without building a tree: the caller says what it expects next, and what isn't
/// that is an error with its byte offset. Memory is taken only for strings that the caller asks for.
struct JSONScanner {
    private let bytes: UnsafeRawBufferPointer
    private let path: String
    /// Offset of `bytes` in the file, for messages.
    private let origin: Int
    private(set) var position = 0

    /// Nested values that are skipped may be this deep.
    private static let depthLimit = 128

    init(_ bytes: UnsafeRawBufferPointer, path: String, origin: Int = 0) {
        self.bytes = bytes
        self.path = path
        self.origin = origin
    }

    func failure(_ found: String, _ expected: String, at position: Int? = nil) -> TensorFileError {
        .malformed(
            path: path, place: .byte(origin + (position ?? self.position)), found: found, expected: expected)
    }

    /// The next byte that isn't white space, not consumed.
    mutating func peek() -> UInt8? {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0a, 0x0d: position += 1
            default: return bytes[position]
            }
        }
        return nil
    }

    /// Consumes one punctuation mark if it comes next.
    mutating func take(_ mark: Unicode.Scalar) -> Bool {
        guard let next = peek(), next == UInt8(ascii: mark) else { return false }
        position += 1
        return true
    }

    /// Consumes one punctuation mark that must come next.
    mutating func expect(_ mark: Unicode.Scalar) throws {
        if !take(mark) { throw unexpected("\"\(mark)\"") }
    }

    /// Only white space may be left.
    mutating func expectEnd() throws {
        if peek() != nil { throw unexpected("the end of the JSON text") }
    }

    /// What comes next instead of what was expected.
    private mutating func unexpected(_ expected: String) -> TensorFileError {
        guard let next = peek() else { return failure("the end of the JSON text", expected) }
        let isVisible = next >= 0x20 && next < 0x7f
        return failure(
            isVisible ? "\"\(Unicode.Scalar(next))\"" : "the byte 0x\(String(next, radix: 16))", expected)
    }

    /// `{ "key": …, … }`: `member` is called with each key and must consume its value.
    mutating func object(_ member: (inout JSONScanner, String) throws -> Void) throws {
        try expect("{")
        if take("}") { return }
        repeat {
            let key = try string()
            try expect(":")
            try member(&self, key)
        } while take(",")
        try expect("}")
    }

    /// `[ …, … ]`: `element` must consume one value.
    mutating func array(_ element: (inout JSONScanner) throws -> Void) throws {
        try expect("[")
        if take("]") { return }
        repeat { try element(&self) } while take(",")
        try expect("]")
    }

    /// A string.
    mutating func string() throws -> String {
        try expect("\"")
        let start = position
        while position < bytes.count, bytes[position] != UInt8(ascii: "\""),
            bytes[position] != UInt8(ascii: "\\"),
            bytes[position] >= 0x20
        {
            position += 1
        }
        if position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
            position += 1
            return try text(UnsafeRawBufferPointer(rebasing: bytes[start..<(position - 1)]), start)
        }
        return try escapedString(start)
    }

    private func text(_ part: UnsafeRawBufferPointer, _ start: Int) throws -> String {
        guard let text = String(validating: part, as: UTF8.self) else {
            throw failure("bytes that are not UTF-8 in a string", "UTF-8", at: start)
        }
        return text
    }

    private mutating func escapedString(_ start: Int) throws -> String {
        var result = Array(bytes[start..<position])
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return try result.withUnsafeBytes { try text($0, start) }
            case UInt8(ascii: "\\"): try escape(&result)
            case 0..<0x20: throw failure("a control character in a string", "it escaped", at: position - 1)
            default: result.append(byte)
            }
        }
        throw failure("a string without end", "a closing quotation mark", at: start)
    }

    private mutating func escape(_ result: inout [UInt8]) throws {
        let start = position - 1
        guard position < bytes.count else { throw failure("a lone backslash", "an escape", at: start) }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(byte)
        case UInt8(ascii: "b"): result.append(8)
        case UInt8(ascii: "f"): result.append(12)
        case UInt8(ascii: "n"): result.append(10)
        case UInt8(ascii: "r"): result.append(13)
        case UInt8(ascii: "t"): result.append(9)
        case UInt8(ascii: "u"):
            var value = try hexadecimal(start)
            if value & 0xfc00 == 0xd800, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
                bytes[position + 1] == UInt8(ascii: "u")
            {
                position += 2
                let low = try hexadecimal(start)
                guard low & 0xfc00 == 0xdc00 else {
                    throw failure("half a surrogate pair", "both", at: start)
                }
                value = 0x10000 + (value & 0x3ff) << 10 + (low & 0x3ff)
            }
            guard let scalar = Unicode.Scalar(value) else {
                throw failure("half a surrogate pair", "both", at: start)
            }
            result += Array(String(Character(scalar)).utf8)
        default: throw failure("an unknown escape", "one of \" \\ / b f n r t u", at: start)
        }
    }

    private mutating func hexadecimal(_ start: Int) throws -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard position < bytes.count,
                let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue,
                bytes[position] < 0x80
            else { throw failure("an incomplete \\u escape", "four hexadecimal digits", at: start) }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    /// A whole number that isn't negative and fits an `Int`.
    mutating func count() throws -> Int {
        guard let first = peek(), isDigit(first) else { throw unexpected("a whole number") }
        let start = position
        var value = 0
        while position < bytes.count, isDigit(bytes[position]) {
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(Int(bytes[position] - UInt8(ascii: "0")))
            if overflow || carry {
                throw failure("a number beyond \(Int.max)", "a smaller one", at: start)
            }
            value = sum
            position += 1
        }
        if first == UInt8(ascii: "0") && position > start + 1 {
            throw failure("a number with a leading zero", "none", at: start)
        }
        if position < bytes.count,
            [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(bytes[position])
        {
            throw failure("a number with a fraction or exponent", "a whole number", at: start)
        }
        return value
    }

    /// Consumes a value of any kind.
    mutating func skipValue(depth: Int = 0) throws {
        guard depth < Self.depthLimit else {
            throw failure("values nested deeper than \(Self.depthLimit)", "fewer levels")
        }
        switch peek() {
        case UInt8(ascii: "{"): try object { scanner, _ in try scanner.skipValue(depth: depth + 1) }
        case UInt8(ascii: "["): try array { try $0.skipValue(depth: depth + 1) }
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "t"): try literal("true")
        case UInt8(ascii: "f"): try literal("false")
        case UInt8(ascii: "n"): try literal("null")
        default: try skipNumber()
        }
    }

    private mutating func literal(_ word: StaticString) throws {
        for i in 0..<word.utf8CodeUnitCount {
            guard position < bytes.count, bytes[position] == word.utf8Start[i] else {
                throw unexpected("\(word)")
            }
            position += 1
        }
    }

    private mutating func skipNumber() throws {
        _ = take("-")
        try skipDigits()
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            position += 1
            try skipDigits()
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < bytes.count,
                bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-")
            {
                position += 1
            }
            try skipDigits()
        }
    }

    private mutating func skipDigits() throws {
        let start = position
        while position < bytes.count, isDigit(bytes[position]) { position += 1 }
        if position == start { throw unexpected("a JSON value") }
    }

    /// A string as JSON text, with its quotation marks.
    static func encoded(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

private func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
