import Foundation
import Mercer

/// A fitted function that can be kept in a file, evaluated and differentiated.
public struct Surrogate: Sendable {
    /// Where its inputs come from.
    public enum Space: Sendable {
        /// Coordinates in the domain of orthonormal functions.
        case polynomial(PolynomialSpace)
        /// Columns of a table; the coefficients are those of the features themselves.
        case table(TableFeatures)
    }

    public let space: Space
    public let coefficients: [Double]
    public let record: Record

    /// How it was fitted.
    public struct Record: Sendable, Codable, Equatable {
        public var points: Int
        public var dimension: Int
        public var smallestEigenvalue: Double
        public var largestEigenvalue: Double
        /// Root of the weighted mean square of the residuals, and of leave-one-out residuals.
        public var residual: Double
        public var leaveOneOut: Double?
        public var holdout: Double?

        public init(_ system: WeightedLeastSquares, _ fit: WeightedLeastSquares.Fit) {
            points = system.points
            dimension = system.dimension
            smallestEigenvalue = system.smallestEigenvalue
            largestEigenvalue = system.largestEigenvalue
            residual = fit.residualSquared.squareRoot()
            leaveOneOut = fit.leaveOneOutSquared?.squareRoot()
        }
    }

    public init(_ space: Space, coefficients: [Double], record: Record) {
        self.space = space
        self.coefficients = coefficients
        self.record = record
    }

    /// The same with what it errs on other data.
    public func with(holdout: Double) -> Surrogate {
        var record = record
        record.holdout = holdout
        return Surrogate(space, coefficients: coefficients, record: record)
    }

    // MARK: Values

    /// Values at the rows of a table whose columns are the coordinates, in order, or have the names of the features.
    ///
    /// - Throws: ``KernelMethodError`` for other columns, or points outside the domain, by row and value.
    public func values(_ table: DataTable) throws -> [Double] {
        switch space {
        case .polynomial(let space):
            let points = try Self.points(table, space)
            let phi = space.features(points)
            return points.indices.map { row in
                (0..<space.count).reduce(0) { $0 + phi[row * space.count + $1] * coefficients[$1] }
            }
        case .table(let features):
            let matrix = try features.matrix(table).toArray(Double.self)
            let m = coefficients.count
            return (0..<table.rowCount).map { row in
                (0..<m).reduce(0) { $0 + matrix[row * m + $1] * coefficients[$1] }
            }
        }
    }

    /// ∂/∂xᵢ at the rows, `[rows][dimension]`.
    ///
    /// - Throws: ``KernelMethodError`` as ``values(_:)``, and for a surrogate of a table's columns.
    public func gradients(_ table: DataTable) throws -> [[Double]] {
        guard case .polynomial(let space) = space else {
            throw KernelMethodError.option(
                "--derivatives", found: "asked of a fit to columns of a table", expected: "a polynomial surrogate")
        }
        return try Self.points(table, space).map { point in
            space.gradients(point).map { slopes in zip(slopes, coefficients).reduce(0) { $0 + $1.0 * $1.1 } }
        }
    }

    private static func points(_ table: DataTable, _ space: PolynomialSpace) throws -> [[Double]] {
        guard table.columns.count == space.dimension else {
            throw KernelMethodError.width(
                found: table.columns.count, expected: space.dimension, what: "the points of \(table.name)")
        }
        let columns = try table.columns.map { try table.numbers($0.name) }
        let points = (0..<table.rowCount).map { row in columns.map { $0[row] } }
        try space.check(points, columns: table.columnNames)
        return points
    }

    // MARK: Files

    static let format = "mercer-surrogate 1"

    /// Writes coefficients, basis and indices to a safetensors file.
    public func save(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        func text(_ value: some Encodable) throws -> String {
            String(decoding: try encoder.encode(value), as: UTF8.self)
        }
        var tensors = ["coefficients": Tensor(coefficients)]
        var metadata = ["format": Self.format, "record": try text(record)]
        switch space {
        case .polynomial(let space):
            metadata["bases"] = space.bases.map(\.name).joined(separator: ",")
            metadata["index"] = space.index.name
            tensors["indices"] = Tensor(
                space.index.indices.flatMap { $0.map(Int64.init) }, [space.count, space.dimension])
        case .table(let features): metadata["features"] = try text(features)
        }
        try saveTensors(tensors, to: path, metadata: metadata)
    }

    /// Reads a surrogate.
    ///
    /// - Throws: ``KernelMethodError/file(_:reason:)`` for files that hold something else, ``TensorFileError``.
    public init(contentsOf path: String) throws {
        let file = try Safetensors(contentsOf: path)
        guard file.metadata["format"] == Self.format else {
            throw KernelMethodError.file(path, reason: "it isn't a surrogate; 'mercer kernel fit' makes one")
        }
        let broken = KernelMethodError.file(path, reason: "its record of the fit can't be read")
        func decoded<T: Decodable>(_ key: String, _ type: T.Type) throws -> T {
            guard let text = file.metadata[key], let value = try? JSONDecoder().decode(T.self, from: Data(text.utf8))
            else { throw broken }
            return value
        }
        let values = try file.tensor("coefficients", copied: true)
        guard values.dtype == .float64, values.rank == 1 else { throw broken }
        let space: Space
        if let names = file.metadata["bases"] {
            let indices = try file.tensor("indices", copied: true)
            guard indices.dtype == .int64, indices.rank == 2, indices.shape[0] == values.count else { throw broken }
            let (d, flat) = (indices.shape[1], indices.toArray(Int64.self).map(Int.init))
            let set = try MultiIndexSet((0..<values.count).map { Array(flat[$0 * d..<($0 + 1) * d]) })
            let bases = try names.split(separator: ",").map { try OrthonormalBasis(String($0)) }
            space = .polynomial(try PolynomialSpace(bases, index: set))
        } else {
            let features = try decoded("features", TableFeatures.self)
            guard features.names.count == values.count else { throw broken }
            space = .table(features)
        }
        self.init(
            space, coefficients: values.toArray(Double.self), record: try decoded("record", Record.self))
    }
}
