import Foundation
import Mercer

/// Products of orthonormal functions of the coordinates, under the product of their measures.
///
/// ```swift
/// let space = try PolynomialSpace(.legendre, index: .totalDegree(5, dimension: 2))
/// let design = try space.sample(.repeatedDPP(times: 3), key: RandomKey(1))
/// let fit = try WeightedLeastSquares(space, design).fit(design.points.map(simulate))
/// ```
public struct PolynomialSpace: ApproximationSpace {
    /// The basis of each coordinate.
    public let bases: [OrthonormalBasis]
    public let index: MultiIndexSet
    private let tables: [OrthonormalTable]
    private let laws: [SquaredBasisLaws]
    /// For each function and coordinate its place among the values of all coordinates.
    private let places: [Int]
    private let offsets: [Int]
    private let valueCount: Int
    private let isPlain: Bool
    private let kernels: [CoordinateKernel]

    public var count: Int { index.indices.count }
    public var dimension: Int { bases.count }

    /// One basis for all coordinates.
    public init(_ basis: OrthonormalBasis, index: MultiIndexSet) throws {
        try self.init([OrthonormalBasis](repeating: basis, count: index.dimension), index: index)
    }

    /// - Throws: ``KernelMethodError`` where the number of bases isn't the index set's, or a degree is above what a
    ///   basis allows.
    public init(_ bases: [OrthonormalBasis], index: MultiIndexSet) throws {
        guard bases.count == index.dimension else {
            throw KernelMethodError.length("bases", found: bases.count, expected: index.dimension)
        }
        let degrees = index.degrees
        for (basis, degree) in zip(bases, degrees) where degree > basis.largestDegree {
            throw KernelMethodError.option(
                "the degree of \(basis.name)", found: "\(degree)", expected: "at most \(basis.largestDegree)")
        }
        self.bases = bases
        self.index = index
        tables = zip(bases, degrees).map { OrthonormalTable($0, count: $1 + 1) }
        var shared: [OrthonormalBasis: SquaredBasisLaws] = [:]
        for basis in Set(bases) {
            let largest = zip(bases, degrees).filter { $0.0 == basis }.map(\.1).max()!
            shared[basis] = SquaredBasisLaws(basis, count: max(largest + 1, CoordinateKernel.terms(basis)))
        }
        laws = bases.map { shared[$0]! }
        kernels = bases.map(CoordinateKernel.init)
        var offset = 0
        var offsets: [Int] = []
        for degree in degrees {
            offsets.append(offset)
            offset += degree + 1
        }
        self.offsets = offsets
        valueCount = offset
        places = index.indices.flatMap { index in index.enumerated().map { offsets[$0.offset] + $0.element } }
        isPlain = bases.count == 1 && index.indices.enumerated().allSatisfy { $0.element == [$0.offset] }
    }

    public func evaluate(_ point: [Double], into phi: UnsafeMutablePointer<Double>) {
        if isPlain { return tables[0].evaluate(point[0], into: phi) }
        withUnsafeTemporaryAllocation(of: Double.self, capacity: valueCount) { values in
            for (axis, table) in tables.enumerated() {
                table.evaluate(point[axis], into: values.baseAddress! + offsets[axis])
            }
            let d = dimension
            places.withUnsafeBufferPointer { places in
                for j in 0..<count {
                    var product = values[places[j * d]]
                    for axis in 1..<max(1, d) where axis < d { product *= values[places[j * d + axis]] }
                    phi[j] = product
                }
            }
        }
    }

    /// ∂φⱼ/∂x_axis at a point, for all j, `[dimension][m]`.
    public func gradients(_ point: [Double]) -> [[Double]] {
        var values = [Double](repeating: 0, count: valueCount)
        var slopes = values
        values.withUnsafeMutableBufferPointer { values in
            slopes.withUnsafeMutableBufferPointer { slopes in
                for (axis, table) in tables.enumerated() {
                    table.evaluate(
                        point[axis], into: values.baseAddress! + offsets[axis],
                        derivatives: slopes.baseAddress! + offsets[axis])
                }
            }
        }
        let d = dimension
        return (0..<d).map { axis in
            (0..<count).map { j in
                (0..<d).reduce(1) { product, other in
                    let place = places[j * d + other]
                    return product * (other == axis ? slopes[place] : values[place])
                }
            }
        }
    }

    // MARK: Draws

    public func drawReference(using generator: inout RandomStream) -> [Double] {
        bases.map { $0.draw(using: &generator) }
    }

    /// A function of the basis, uniformly; then each coordinate from its square.
    public func drawOptimal(using generator: inout RandomStream) -> [Double] {
        let j = Int(generator.integer(below: UInt64(count)))
        return index.indices[j].enumerated().map { laws[$0.offset].draw($0.element, using: &generator) }
    }

    public func drawProjectionDPP(using generator: inout RandomStream) -> [[Double]] {
        guard isPlain, TridiagonalEnsemble.exists(for: bases[0]) else {
            return ChainRule.draw(self, using: &generator)
        }
        return TridiagonalEnsemble.draw(bases[0], count: count, using: &generator).map { [$0] }
    }

    /// The same law as ``drawProjectionDPP(using:)``, by the chain rule whatever the basis.
    public func drawByChainRule(using generator: inout RandomStream) -> [[Double]] {
        ChainRule.draw(self, using: &generator)
    }

    public func kernelDensity(_ point: [Double]) -> Double {
        zip(kernels, point).reduce(1) { $0 * $1.0.density($1.1) }
    }

    public func drawKernel(using generator: inout RandomStream) -> [Double] {
        kernels.indices.map { laws[$0].draw(kernels[$0].drawTerm(using: &generator), using: &generator) }
    }

    // MARK: Checks

    /// - Throws: ``KernelMethodError`` for points with other coordinates or outside the domain, by their row.
    public func check(_ points: [[Double]], columns: [String]? = nil) throws {
        for (row, point) in points.enumerated() {
            guard point.count == dimension else {
                throw KernelMethodError.width(found: point.count, expected: dimension, what: "the points")
            }
            for (axis, x) in point.enumerated() {
                let name = columns?[axis] ?? "x\(axis + 1)"
                guard x.isFinite else {
                    throw KernelMethodError.notFinite(row: row + 1, column: name, value: "\(x)")
                }
                let domain = bases[axis].domain
                guard domain.contains(x) else {
                    throw KernelMethodError.option(
                        "row \(row + 1), column \(name)", found: "\(x)",
                        expected: "a number from \(domain.lowerBound) to \(domain.upperBound), where "
                            + "\(bases[axis].name) lives")
                }
            }
        }
    }

    /// Coefficients ∫ f φ dμ by a product rule of `nodes` nodes a coordinate, and ∫ f² dμ.
    public func project(nodes: Int, _ f: ([Double]) -> Double) -> (coefficients: [Double], squaredNorm: Double) {
        let rules = bases.map { $0.quadrature(nodes) }
        var coefficients = [Double](repeating: 0, count: count)
        var square = 0.0
        var phi = coefficients
        var place = [Int](repeating: 0, count: dimension)
        while true {
            let point = place.enumerated().map { rules[$0.offset].nodes[$0.element] }
            let weight = place.enumerated().reduce(1) { $0 * rules[$1.offset].weights[$1.element] }
            let value = f(point)
            evaluate(point, into: &phi)
            square += weight * value * value
            for j in 0..<count { coefficients[j] += weight * value * phi[j] }
            var axis = 0
            while axis < dimension, place[axis] == nodes - 1 {
                place[axis] = 0
                axis += 1
            }
            if axis == dimension { return (coefficients, square) }
            place[axis] += 1
        }
    }
}

/// The factor of one coordinate of the reproducing kernel Σ λ_α φ_α(x) φ_α(y), λ_α = Π (1 + α_j)⁻²: a Sobolev-like space
/// of functions of about one derivative, cut off after some terms.
struct CoordinateKernel: Sendable {
    private let table: OrthonormalTable
    private let share: [Double]
    private let cumulative: [Double]

    static func terms(_ basis: OrthonormalBasis) -> Int { basis == .laguerre || basis == .hermite ? 16 : 32 }

    init(_ basis: OrthonormalBasis) {
        let terms = Self.terms(basis)
        table = OrthonormalTable(basis, count: terms)
        let lambda = (0..<terms).map { 1 / Double(($0 + 1) * ($0 + 1)) }
        let total = lambda.reduce(0, +)
        share = lambda.map { $0 / total }
        var sum = 0.0
        cumulative = share.map {
            sum += $0
            return sum
        }
    }

    /// k(x, x)/∫k dμ.
    func density(_ x: Double) -> Double {
        withUnsafeTemporaryAllocation(of: Double.self, capacity: share.count) { phi in
            table.evaluate(x, into: phi.baseAddress!)
            return share.indices.reduce(0) { $0 + share[$1] * phi[$1] * phi[$1] }
        }
    }

    /// A term by its share.
    func drawTerm(using generator: inout RandomStream) -> Int {
        let u = generator.uniform()
        return cumulative.firstIndex { u < $0 } ?? share.count - 1
    }
}
