import Foundation
import Mercer

/// Text chunks of PNG files (tEXt): a keyword and a value that programs pass on without touching the pixels.
///
/// They are edited on the bytes of the file, so that it doesn't matter what the installed libvips makes of them.
public enum PNGText {
    private static let signature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]

    /// The texts of a PNG file by keyword; empty for other bytes. A damaged chunk ends the list.
    public static func texts(in bytes: some Collection<UInt8>) -> [String: String] {
        let bytes = Array(bytes)
        var found: [String: String] = [:]
        for chunk in chunks(bytes) where chunk.type == "tEXt" {
            let data = bytes[chunk.data]
            guard let end = data.firstIndex(of: 0), CRC32.of(chunk, bytes) == chunk.checksum else { continue }
            found[latin(data[..<end])] = latin(data[(end + 1)...])
        }
        return found
    }

    /// The texts of the PNG file at a path; empty for other files. Pixels aren't read.
    public static func texts(ofFile path: String) -> [String: String] {
        guard let data = FileManager.default.contents(atPath: path), data.starts(with: signature) else { return [:] }
        return texts(in: data)
    }

    /// A PNG file with texts, which replace those of the same keywords.
    ///
    /// - Parameters:
    ///   - texts: keywords of 1 to 79 Latin-1 characters and their values, Latin-1 too.
    ///   - bytes: a PNG file as a whole.
    public static func setting(_ texts: [String: String], in bytes: [UInt8]) -> [UInt8] {
        precondition(bytes.starts(with: signature), "PNGText: these \(bytes.count) bytes are no PNG file")
        var result = signature
        for chunk in chunks(bytes) {
            if chunk.type == "tEXt", let end = bytes[chunk.data].firstIndex(of: 0),
                texts[latin(bytes[chunk.data.lowerBound..<end])] != nil
            {
                continue
            }
            result += bytes[chunk.whole]
            if chunk.type == "IHDR" {
                for (keyword, value) in texts.sorted(by: { $0.key < $1.key }) { result += encoded(keyword, value) }
            }
        }
        return result
    }

    private static func encoded(_ keyword: String, _ value: String) -> [UInt8] {
        func latinBytes(_ text: String) -> [UInt8] {
            text.unicodeScalars.map { scalar in
                precondition(scalar.value > 0 && scalar.value < 256, "PNGText: '\(text)' isn't Latin-1")
                return UInt8(scalar.value)
            }
        }
        let key = latinBytes(keyword)
        precondition((1...79).contains(key.count), "PNGText: the keyword '\(keyword)' has \(key.count) characters")
        let body = Array("tEXt".utf8) + key + [0] + latinBytes(value)
        return big(UInt32(body.count - 4)) + body + big(body.withUnsafeBytes { CRC32.of($0) })
    }

    private static func big(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }

    private static func latin(_ bytes: ArraySlice<UInt8>) -> String {
        String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }

    fileprivate struct Chunk {
        let type: String
        let data: Range<Int>
        /// With length, type and checksum.
        let whole: Range<Int>
        let checksum: UInt32
    }

    private static func chunks(_ bytes: [UInt8]) -> [Chunk] {
        guard bytes.starts(with: signature) else { return [] }
        func number(_ at: Int) -> UInt32 { bytes[at..<(at + 4)].reduce(0) { $0 << 8 | UInt32($1) } }
        var chunks: [Chunk] = []
        var at = signature.count
        while at + 12 <= bytes.count {
            let length = Int(number(at))
            guard length <= bytes.count - at - 12 else { break }
            let data = (at + 8)..<(at + 8 + length)
            chunks.append(
                Chunk(
                    type: latin(bytes[(at + 4)..<(at + 8)]), data: data, whole: at..<(data.upperBound + 4),
                    checksum: number(data.upperBound)))
            at = data.upperBound + 4
        }
        return chunks
    }
}

extension CRC32 {
    /// The checksum that a chunk should have: of its type and data.
    fileprivate static func of(_ chunk: PNGText.Chunk, _ bytes: [UInt8]) -> UInt32 {
        bytes.withUnsafeBytes {
            CRC32.of(UnsafeRawBufferPointer(rebasing: $0[(chunk.data.lowerBound - 4)..<chunk.data.upperBound]))
        }
    }
}
