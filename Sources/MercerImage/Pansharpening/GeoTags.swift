import Foundation

/// Where a TIFF lies on Earth, and what is missing in it: the tags of GeoTIFF and GDAL, kept byte for byte.
public struct GeoTags: Sendable, Equatable {
    /// One tag as it stands in a file, its numbers little-endian.
    struct Entry: Sendable, Equatable {
        let tag: UInt16
        let type: UInt16
        let count: Int
        let bytes: [UInt8]
    }

    /// Pixel scale, tie points, transformation, keys with their numbers and texts, GDAL's metadata and no-data value.
    static let kept: Set<UInt16> = [33550, 33922, 34264, 34735, 34736, 34737, 42112, 42113]

    let entries: [Entry]

    public var isEmpty: Bool { entries.isEmpty }

    /// The coordinate system alone, to compare two files.
    public var system: [[UInt8]] {
        entries.filter { [34735, 34736, 34737].contains($0.tag) }.map(\.bytes)
    }

    /// GDAL's no-data value.
    public var missing: Double? {
        guard let entry = entries.first(where: { $0.tag == 42113 }) else { return nil }
        let text = String(decoding: entry.bytes.prefix { $0 != 0 }, as: UTF8.self)
        return Double(text.trimmingCharacters(in: .whitespaces))
    }

    /// The tags of a TIFF's first picture; empty where the file is no TIFF.
    ///
    /// - Throws: ``PansharpeningError/file(_:reason:)`` where the tags are damaged.
    public init(contentsOf path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw PansharpeningError.file(path, reason: "there is no such file, or it can't be read")
        }
        try self.init([UInt8](data), path: path)
    }

    /// - Parameter path: what errors call it.
    public init(_ bytes: [UInt8], path: String) throws {
        guard bytes.count >= 16 else {
            entries = []
            return
        }
        let little = bytes[0] == 0x49
        func number(_ at: Int, _ size: Int) throws -> Int {
            guard at >= 0, at <= bytes.count - size else {
                throw PansharpeningError.file(path, reason: "its TIFF tags are damaged at byte \(at)")
            }
            var value: UInt64 = 0
            for k in 0..<size { value = value << 8 | UInt64(bytes[at + (little ? size - 1 - k : k)]) }
            guard value <= UInt64(Int.max) else {
                throw PansharpeningError.file(path, reason: "its TIFF tags are damaged at byte \(at)")
            }
            return Int(value)
        }
        let mark = (bytes[0], bytes[1])
        guard mark == (0x49, 0x49) || mark == (0x4d, 0x4d), [42, 43].contains(try number(2, 2)) else {
            entries = []
            return
        }
        let big = try number(2, 2) == 43
        let directory = big ? try number(8, 8) : try number(4, 4)
        let (countSize, entrySize, wordSize) = big ? (8, 20, 8) : (2, 12, 4)
        let count = try number(directory, countSize)
        guard count <= bytes.count / entrySize else {
            throw PansharpeningError.file(path, reason: "its TIFF directory says \(count) tags")
        }
        let sizes = [1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 16: 8, 17: 8, 18: 8]
        var found: [Entry] = []
        for index in 0..<count {
            let place = directory + countSize + index * entrySize
            let tag = UInt16(try number(place, 2))
            guard Self.kept.contains(tag) else { continue }
            let type = try number(place + 2, 2)
            let elements = try number(place + 4, wordSize)
            guard let size = sizes[type], elements <= bytes.count else {
                throw PansharpeningError.file(path, reason: "its TIFF tag \(tag) is damaged")
            }
            let length = elements * size
            let start = length <= wordSize ? place + 4 + wordSize : try number(place + 4 + wordSize, wordSize)
            guard start >= 0, start <= bytes.count - length else {
                throw PansharpeningError.file(path, reason: "its TIFF tag \(tag) lies beyond the file's end")
            }
            var value = Array(bytes[start..<(start + length)])
            let part = [5, 10].contains(type) ? 4 : size
            if !little && part > 1 {
                for i in Swift.stride(from: 0, to: length, by: part) { value[i..<(i + part)].reverse() }
            }
            found.append(Entry(tag: tag, type: UInt16(type), count: elements, bytes: value))
        }
        entries = found
    }
}
