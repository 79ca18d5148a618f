import Foundation
import Mercer

/// A classic NetCDF file (version 3, also with 64-bit offsets): variables of fixed size, no records.
public struct NetCDF: Sendable {
    private struct Variable {
        let shape: [Int]
        let type: Int
        let begin: Int
    }

    private let bytes: [UInt8]
    private let path: String
    private var variables: [String: Variable] = [:]

    /// The variables' names, sorted.
    public var names: [String] { variables.keys.sorted() }

    /// - Throws: ``PansharpeningError/file(_:reason:)`` where the file is damaged or of another kind.
    public init(contentsOf path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw PansharpeningError.file(path, reason: "there is no such file, or it can't be read")
        }
        try self.init([UInt8](data), path: path)
    }

    /// - Parameter path: what errors call it.
    public init(_ bytes: [UInt8], path: String) throws {
        self.bytes = bytes
        self.path = path
        var reader = Reader(bytes: bytes, path: path)
        guard bytes.starts(with: Array("CDF".utf8)), bytes.count > 4, bytes[3] == 1 || bytes[3] == 2 else {
            throw PansharpeningError.file(path, reason: "it is no classic NetCDF file")
        }
        reader.place = 4
        _ = try reader.number()
        var lengths: [Int] = []
        for _ in 0..<(try reader.listCount()) {
            _ = try reader.name()
            lengths.append(try reader.number())
        }
        try reader.skipAttributes()
        for _ in 0..<(try reader.listCount()) {
            let name = try reader.name()
            let rank = try reader.number()
            guard rank <= 64 else { throw reader.damaged }
            let shape = try (0..<rank).map { _ -> Int in
                let dimension = try reader.number()
                guard dimension < lengths.count else { throw reader.damaged }
                return lengths[dimension]
            }
            try reader.skipAttributes()
            let type = try reader.number()
            _ = try reader.number()
            var begin = try reader.number()
            if bytes[3] == 2 {
                let low = try reader.number()
                begin = begin << 32 | low
            }
            variables[name] = Variable(shape: shape, type: type, begin: begin)
        }
    }

    /// A variable as float64.
    public func tensor(_ name: String) throws -> Tensor {
        guard let variable = variables[name] else {
            throw PansharpeningError.file(
                path, reason: "it has no variable \(name), but \(names.joined(separator: ", "))")
        }
        let sizes = [1: 1, 3: 2, 4: 4, 5: 4, 6: 8]
        guard let size = sizes[variable.type] else {
            throw PansharpeningError.file(path, reason: "the variable \(name) doesn't hold numbers")
        }
        var count = 1
        for length in variable.shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: length)
            guard !overflow, length > 0, product <= bytes.count else {
                throw PansharpeningError.file(
                    path, reason: "the variable \(name) is larger than the file, or of records")
            }
            count = product
        }
        guard variable.begin >= 0, variable.begin <= bytes.count - count * size else {
            throw PansharpeningError.file(path, reason: "it breaks off within the variable \(name)")
        }
        return Tensor(variable.shape, of: Double.self) { out in
            for i in 0..<count {
                var word: UInt64 = 0
                for k in 0..<size { word = word << 8 | UInt64(bytes[variable.begin + i * size + k]) }
                out[i] =
                    switch variable.type {
                    case 1: Double(Int8(truncatingIfNeeded: word))
                    case 3: Double(Int16(truncatingIfNeeded: word))
                    case 4: Double(Int32(truncatingIfNeeded: word))
                    case 5: Double(Float(bitPattern: UInt32(truncatingIfNeeded: word)))
                    default: Double(bitPattern: word)
                    }
            }
        }
    }

    private struct Reader {
        let bytes: [UInt8]
        let path: String
        var place = 0

        var damaged: PansharpeningError { .file(path, reason: "its NetCDF header is damaged at byte \(place)") }

        mutating func number() throws -> Int {
            guard place + 4 <= bytes.count else { throw damaged }
            defer { place += 4 }
            return bytes[place..<(place + 4)].reduce(0) { $0 << 8 | Int($1) }
        }

        mutating func listCount() throws -> Int {
            _ = try number()
            let count = try number()
            guard count <= bytes.count / 4 else { throw damaged }
            return count
        }

        mutating func skip(_ count: Int) throws {
            let whole = (count + 3) / 4 * 4
            guard count >= 0, place + whole <= bytes.count else { throw damaged }
            place += whole
        }

        mutating func name() throws -> String {
            let count = try number()
            let start = place
            try skip(count)
            return String(decoding: bytes[start..<(start + count)], as: UTF8.self)
        }

        mutating func skipAttributes() throws {
            let sizes = [1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8]
            for _ in 0..<(try listCount()) {
                _ = try name()
                let type = try number()
                guard let size = sizes[type] else { throw damaged }
                let count = try number()
                guard count <= bytes.count else { throw damaged }
                try skip(count * size)
            }
        }
    }
}
