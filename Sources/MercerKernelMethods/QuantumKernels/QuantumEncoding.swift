import Foundation
import Mercer

/// How rows of a table become points of a feature map: standardised columns, principal components where there are more
/// columns than features, a bandwidth, and scales and rotations if they were trained.
public struct QuantumEncoding: Sendable, Codable {
    /// Nil where columns are taken as angles as they are.
    let scaling: Standardizer?
    let components: PrincipalComponents?
    public let bandwidth: Double
    let scales: [Double]
    let rotations: [Double]
    /// Columns that a table must have.
    public let columns: Int

    /// Fits the parts that don't depend on labels.
    ///
    /// - Parameters:
    ///   - raw: whether columns are angles already.
    /// - Throws: ``KernelMethodError`` for fewer columns (that vary) than the map has features.
    public init(fitting rows: Tensor, features: Int, bandwidth: Double = 1, raw: Bool = false) throws {
        columns = rows.shape[1]
        let scaling = raw ? nil : Standardizer(fitting: rows)
        let scaled = scaling?.apply(rows) ?? rows
        guard scaled.shape[1] >= features else {
            let varying = scaled.shape[1] < columns ? " that vary" : ""
            throw KernelMethodError.option(
                "the number of columns\(varying)", found: "\(scaled.shape[1])",
                expected: "as many as the map takes features, \(features), or more")
        }
        if raw, scaled.shape[1] > features {
            throw KernelMethodError.option(
                "the number of columns", found: "\(scaled.shape[1])",
                expected: "as many as features, \(features), where columns are angles; choose some with --columns")
        }
        components = scaled.shape[1] > features ? try PrincipalComponents(fitting: scaled, components: features) : nil
        self.scaling = scaling
        self.bandwidth = bandwidth
        scales = []
        rotations = []
    }

    private init(_ other: QuantumEncoding, bandwidth: Double, scales: [Double], rotations: [Double]) {
        scaling = other.scaling
        components = other.components
        columns = other.columns
        self.bandwidth = bandwidth
        self.scales = scales
        self.rotations = rotations
    }

    /// The same with another bandwidth.
    public func with(bandwidth: Double) -> QuantumEncoding {
        QuantumEncoding(self, bandwidth: bandwidth, scales: scales, rotations: rotations)
    }

    /// The same with trained scales and rotations behind it.
    public func with(_ alignment: KernelAlignment) -> QuantumEncoding {
        QuantumEncoding(
            self, bandwidth: bandwidth, scales: alignment.scales, rotations: alignment.rotations)
    }

    /// Whether columns were reduced to principal components, and the share of the variance that these hold.
    public var componentShare: Double? {
        components.map { parts in
            parts.variances.prefix(parts.count).reduce(0, +) / parts.variances.reduce(0, +)
        }
    }

    /// Rows as points, `[n, features]`.
    ///
    /// - Throws: ``KernelMethodError/width(found:expected:what:)``.
    public func apply(_ rows: Tensor) throws -> Tensor {
        guard rows.rank == 2, rows.shape[1] == columns else {
            throw KernelMethodError.width(found: rows.shape.last ?? 0, expected: columns, what: "the rows")
        }
        var x = rows.asType(.float64)
        if let scaling { x = scaling.apply(x) }
        if let components { x = components.apply(x) }
        x = x * bandwidth
        return scales.isEmpty ? x : x * Tensor(scales) + Tensor(rotations)
    }

    /// The share of points with a coordinate outside one turn: (0, 2π] of angles, [−π, π] of standardised columns. Phases
    /// of such points wrap.
    public func wrappedShare(_ x: Tensor) -> Double {
        let (low, high) = scaling == nil ? (0.0, 2 * Double.pi) : (-Double.pi, Double.pi)
        let (n, d) = (x.shape[0], x.shape[1])
        let values = x.toArray(Double.self)
        let outside = (0..<n).count { row in
            values[row * d..<(row + 1) * d].contains { $0 < low || $0 > high }
        }
        return Double(outside) / Double(max(1, n))
    }
}
