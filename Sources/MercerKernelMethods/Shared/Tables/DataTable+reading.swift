import Foundation
import Mercer

extension DataTable {
    /// Reads a table from a file: `.csv`, `.tsv`, `.txt`, `.dat` (also with `.gz`), `.npy`, `.npz` or `.safetensors`.
    ///
    /// Text: fields are separated by commas, semicolons, tabs or blanks, whichever the first line has; the first line
    /// names the columns unless all its fields are numbers. Archives: a matrix becomes columns 1, 2, … (with its name in
    /// front where there are several), a vector becomes one column of its name.
    ///
    /// - Throws: ``TensorFileError`` or ``KernelMethodError``.
    public init(contentsOf path: String) throws {
        let plain = path.hasSuffix(".gz") ? String(path.dropLast(3)) : path
        switch URL(filePath: plain).pathExtension.lowercased() {
        case "npy":
            let matrix = try DataTable.npyMatrix(path)
            self.init(name: path, matrix)
        case "npz", "safetensors":
            try self.init(name: path, tensors: try loadTensors(path))
        default:
            try self.init(name: path, records: try DataTable.records(path))
        }
    }

    /// The matrix of an `.npy` file, a vector as one column; over the mapped file where its layout allows.
    static func npyMatrix(_ path: String) throws -> Tensor {
        let tensor = try Npy.read(contentsOf: path, mapped: true)
        guard (1...2).contains(tensor.rank), tensor.rank == 1 || tensor.shape[1] > 0, !tensor.dtype.isComplex else {
            throw KernelMethodError.file(
                path,
                reason:
                    "it is \(tensor.dtype) of shape \(tensor.shape); a table needs a matrix or a vector of real numbers"
            )
        }
        return tensor.rank == 1 ? tensor.expandedDimensions(axis: 1) : tensor
    }

    /// Tensors by name: matrices and vectors of one length.
    init(name: String, tensors: [String: Tensor]) throws {
        var columns: [Column] = []
        for key in tensors.keys.sorted() {
            let tensor = tensors[key]!
            switch tensor.rank {
            case 1:
                columns.append(Column(key, .numbers(tensor.asType(.float64).toArray(Double.self))))
            case 2:
                let prefix = tensors.count > 1 ? "\(key)." : ""
                columns +=
                    DataTable(
                        name: name, tensor, columns: (1...max(1, tensor.shape[1])).map { "\(prefix)\($0)" }
                    ).columns
            default:
                throw KernelMethodError.file(
                    name, reason: "'\(key)' has shape \(tensor.shape); a table needs matrices or vectors")
            }
        }
        try DataTable.checkLengths(columns, name: name)
        self.init(name: name, columns: columns)
    }

    private static func checkLengths(_ columns: [Column], name: String) throws {
        guard let first = columns.first else {
            throw KernelMethodError.file(name, reason: "it has no columns")
        }
        if let odd = columns.first(where: { $0.count != first.count }) {
            throw KernelMethodError.file(
                name,
                reason:
                    "'\(odd.name)' has \(odd.count) rows, but '\(first.name)' has \(first.count); a table needs "
                    + "columns of one length")
        }
    }

    /// Records of text, the first of which names the columns unless all its fields are numbers.
    init(name: String, records: [[String]]) throws {
        guard let first = records.first else { throw KernelMethodError.file(name, reason: "it has no rows") }
        let body = Self.looksLikeHeader(records) ? records.dropFirst() : records[...]
        guard !body.isEmpty else { throw KernelMethodError.file(name, reason: "it has a header but no rows") }
        if let odd = body.firstIndex(where: { $0.count != first.count }) {
            throw KernelMethodError.file(
                name,
                reason:
                    "row \(odd - body.startIndex + 1) has \(body[odd].count) fields, but \(first.count) are expected"
            )
        }
        let hasHeader = body.count < records.count
        self.init(
            name: name,
            columns: first.indices.map { k in
                let fields = body.map { $0[k] }
                let title = hasHeader && !first[k].isEmpty ? first[k] : "\(k + 1)"
                let numbers = fields.map(Self.number)
                if numbers.allSatisfy({ $0 != nil }) { return Column(title, .numbers(numbers.map { $0! })) }
                return Column(title, .words(fields))
            })
    }

    /// A first record is a header where it isn't of numbers alone and some column has a number in every other record but
    /// not in the first, or where there are only words at all.
    static func looksLikeHeader(_ records: [[String]]) -> Bool {
        if records[0].allSatisfy({ number($0) != nil }) { return false }
        let rest = records.dropFirst().prefix(50)
        if rest.isEmpty { return true }
        let numeric = records[0].indices.filter { k in
            rest.allSatisfy { k < $0.count && number($0[k]) != nil }
        }
        return numeric.isEmpty || numeric.contains { number(records[0][$0]) == nil }
    }

    /// A number; NaN for what marks a missing one; nil for other text.
    static func number(_ text: String) -> Double? {
        switch text {
        case "", "NA", "NaN", "nan", "?", "null": return .nan
        default: return Double(text)
        }
    }
}

extension DataTable {
    /// A data frame of an R package's database (`…/data/Rdata`): numbers as numbers, factors and strings as words.
    ///
    /// - Throws: ``TensorFileError`` or ``KernelMethodError``.
    public init(frame: String, ofRDatabase path: String) throws {
        let value = try RData.object(frame, of: path)
        guard case .list(let values, _) = value, values.count == value.names.count else {
            throw KernelMethodError.file(path, reason: "'\(frame)' isn't a data frame")
        }
        let columns = try zip(value.names, values).map { name, column -> Column in
            switch column {
            case .numbers(let list, _): return Column(name, .numbers(list))
            case .integers(let list, let attributes):
                guard case .strings(let levels, _)? = attributes["levels"] else {
                    return Column(name, .numbers(list.map { $0.map(Double.init) ?? .nan }))
                }
                return Column(
                    name, .words(list.map { $0.flatMap { $0 >= 1 && $0 <= levels.count ? levels[$0 - 1] : nil } ?? "" })
                )
            case .strings(let list, _): return Column(name, .words(list.map { $0 ?? "" }))
            default: throw KernelMethodError.file(path, reason: "column '\(name)' of '\(frame)' isn't a vector")
            }
        }
        try Self.checkLengths(columns, name: "\(path), \(frame)")
        self.init(name: frame, columns: columns)
    }
}
