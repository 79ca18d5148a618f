import Mercer
import Testing

/// Makes GGUF files by hand.
struct GGUFBuilder {
    var keys: [[UInt8]] = []
    var entries: [[UInt8]] = []
    var data: [UInt8] = []
    var version: UInt32 = 3

    static func bytes<T: FixedWidthInteger>(_ number: T) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }

    static func text(_ text: String) -> [UInt8] { bytes(UInt64(text.utf8.count)) + Array(text.utf8) }

    mutating func key(_ name: String, _ type: UInt32, _ value: [UInt8]) {
        keys.append(Self.text(name) + Self.bytes(type) + value)
    }

    /// Lengths fastest first, as in the file.
    mutating func tensor(
        _ name: String, _ lengths: [UInt64], _ type: UInt32, _ bytes: [UInt8], at offset: UInt64? = nil
    ) {
        while data.count % 32 != 0 { data.append(0) }
        entries.append(
            Self.text(name) + Self.bytes(UInt32(lengths.count)) + lengths.flatMap { Self.bytes($0) }
                + Self.bytes(type) + Self.bytes(offset ?? UInt64(data.count)))
        data += bytes
    }

    var file: [UInt8] {
        var result = Array("GGUF".utf8) + Self.bytes(version) + Self.bytes(UInt64(entries.count))
        result += Self.bytes(UInt64(keys.count)) + keys.joined() + entries.joined()
        while result.count % 32 != 0 { result.append(0) }
        return result + data
    }

    /// A file with every kind of value and several types of tensors.
    static var sample: GGUFBuilder {
        var b = GGUFBuilder()
        b.key("general.architecture", 8, text("llama"))
        b.key("u8", 0, [200])
        b.key("i8", 1, [0xff])
        b.key("u16", 2, bytes(UInt16(60000)))
        b.key("i32", 5, bytes(Int32(-5)))
        b.key("f32", 6, bytes(Float(1.5).bitPattern))
        b.key("f64", 12, bytes((-2.5).bitPattern))
        b.key("yes", 7, [1])
        b.key("tokens", 9, bytes(UInt32(8)) + bytes(UInt64(2)) + text("a") + text("ü"))
        b.key(
            "scores", 9,
            bytes(UInt32(6)) + bytes(UInt64(2)) + bytes(Float(1).bitPattern) + bytes(Float(2).bitPattern))
        b.key("nested", 9, bytes(UInt32(9)) + bytes(UInt64(1)) + bytes(UInt32(0)) + bytes(UInt64(1)) + [7])
        b.tensor("x", [3, 2], 0, (0..<6).flatMap { bytes(Float($0).bitPattern) })
        b.tensor("half", [2], 1, [Float16(0.5), -2].flatMap { bytes($0.bitPattern) })
        b.tensor("q", [64, 3], 8, (0..<6 * 34).map { UInt8(truncatingIfNeeded: $0) })
        return b
    }
}

@Suite struct GGUFTests {
    private func open(_ builder: GGUFBuilder) throws -> GGUF {
        try GGUF(FileContents(builder.file, name: "m.gguf"))
    }

    private func message(_ builder: GGUFBuilder) -> String {
        do {
            _ = try open(builder)
            return "no error"
        } catch { return "\(error)" }
    }

    @Test func settingsOfEveryKindAreRead() throws {
        let m = try open(.sample).metadata
        guard case .text("llama")? = m["general.architecture"], case .unsigned(200)? = m["u8"],
            case .integer(-1)? = m["i8"], case .unsigned(60000)? = m["u16"], case .integer(-5)? = m["i32"],
            case .number(1.5)? = m["f32"], case .number(-2.5)? = m["f64"], case .bool(true)? = m["yes"],
            case .texts(["a", "ü"])? = m["tokens"], case .numbers(let scores)? = m["scores"],
            case .arrays(let nested)? = m["nested"], case .numbers(let inner)? = nested.first
        else {
            Issue.record("settings differ: \(m)")
            return
        }
        #expect(scores.toArray(Float.self) == [1, 2])
        #expect(inner.toArray(UInt8.self) == [7])
    }

    @Test func tensorsHaveTheSlowestAxisFirstAndBlocksTheirBytes() throws {
        let file = try open(.sample)
        #expect(file.names == ["x", "half", "q"])
        #expect(try file.shape(of: "x") == [2, 3])
        #expect(try file.tensor("x")[1].toArray(Float.self) == [3, 4, 5])
        #expect(try file.tensor("half").toArray(Float16.self) == [0.5, -2])
        #expect(try file.type(of: "q") == .q8_0)
        #expect(try file.blocks(of: "q").shape == [3, 68])
        #expect(try file.blocks(of: "q")[2, 0].item(UInt8.self) == 136)
    }

    @Test func malformedFilesAreRefusedWithTheReason() {
        var b = GGUFBuilder.sample
        b.version = 1
        #expect(message(b).contains("version 1 of GGUF is not supported"))
        b.version = UInt32(3).byteSwapped
        #expect(message(b).contains("a big-endian GGUF file is not supported"))
        b = .sample
        b.tensor("x", [1], 0, [0, 0, 0, 0])
        #expect(message(b).contains("entry \"x\": found the name twice"))
        b = .sample
        b.tensor("y", [8], 0, [UInt8](repeating: 0, count: 32), at: 0)
        #expect(message(b).contains("a place of its own"))
        b = .sample
        b.tensor("y", [1 << 40, 1 << 40], 0, [])
        #expect(message(b).contains("can be counted"))
        b = .sample
        b.tensor("y", [1 << 20], 0, [])
        #expect(message(b).contains("data within the"))
        b = .sample
        b.tensor("y", [33], 8, [])
        #expect(message(b).contains("a multiple of 32 for Q8_0"))
        b = .sample
        b.tensor("y", [1], 4, [])
        #expect(message(b).contains("the type 4"))
        b = .sample
        b.key("long", 8, GGUFBuilder.bytes(UInt64.max))
        #expect(message(b).contains("text of 18446744073709551615 bytes"))
        b = .sample
        b.key("general.alignment", 4, GGUFBuilder.bytes(UInt32(3)))
        #expect(message(b).contains("a multiple of 8"))
    }
}
