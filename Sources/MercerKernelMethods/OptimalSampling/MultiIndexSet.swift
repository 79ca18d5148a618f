import Foundation

/// Which products φ_{i₁}(x₁) … φ_{i_d}(x_d) span a space, sorted by total degree, then descending first index.
public struct MultiIndexSet: Sendable, Equatable {
    public let indices: [[Int]]
    public let dimension: Int
    /// How it was asked for: `total 5`, `hyperbolic 5`, `tensor 5`, `file`.
    public let name: String

    /// The most functions that a space may have.
    public static let limit = 20_000

    /// i₁ + … + i_d ≤ p.
    public static func totalDegree(_ p: Int, dimension: Int) throws -> MultiIndexSet {
        try MultiIndexSet("total", p, dimension) { $0.reduce(0, +) <= p }
    }

    /// Π (i_j + 1) ≤ p + 1.
    public static func hyperbolicCross(_ p: Int, dimension: Int) throws -> MultiIndexSet {
        try MultiIndexSet("hyperbolic", p, dimension) { $0.reduce(1) { $0 * ($1 + 1) } <= p + 1 }
    }

    /// max i_j ≤ p.
    public static func tensor(_ p: Int, dimension: Int) throws -> MultiIndexSet {
        try MultiIndexSet("tensor", p, dimension) { _ in true }
    }

    /// A rule by its name: `total`, `hyperbolic` or `tensor`.
    public static func named(_ name: String, degree: Int, dimension: Int) throws -> MultiIndexSet {
        switch name {
        case "total": return try totalDegree(degree, dimension: dimension)
        case "hyperbolic": return try hyperbolicCross(degree, dimension: dimension)
        case "tensor": return try tensor(degree, dimension: dimension)
        default:
            throw KernelMethodError.option(
                "--index", found: "'\(name)'", expected: "total, hyperbolic, tensor or file:PATH")
        }
    }

    /// These indices, in their order.
    ///
    /// - Throws: ``KernelMethodError`` for none, too many, negative or repeated ones.
    public init(_ indices: [[Int]]) throws {
        guard let dimension = indices.first?.count, dimension >= 1 else {
            throw KernelMethodError.tooFew("an index set", found: indices.count, needed: 1)
        }
        for (row, index) in indices.enumerated() where index.count != dimension || index.contains(where: { $0 < 0 }) {
            throw KernelMethodError.option(
                "index \(row + 1)", found: "\(index)", expected: "\(dimension) numbers that aren't negative")
        }
        guard Set(indices).count == indices.count else {
            throw KernelMethodError.option("the index set", found: "with repeated indices", expected: "distinct ones")
        }
        try Self.checkSize(indices.count)
        self.indices = indices
        self.dimension = dimension
        name = "file"
    }

    private init(_ rule: String, _ p: Int, _ dimension: Int, where holds: ([Int]) -> Bool) throws {
        guard p >= 0 else { throw KernelMethodError.option("--degree", found: "\(p)", expected: "0 or more") }
        guard dimension >= 1, dimension <= 1000 else {
            throw KernelMethodError.option("--dim", found: "\(dimension)", expected: "a number from 1 to 1000")
        }
        // All three rules are closed downwards, so that every prefix of an index, filled with zeros, is in the set.
        var found: [[Int]] = [[Int](repeating: 0, count: dimension)]
        for axis in 0..<dimension {
            var longer: [[Int]] = []
            for index in found {
                for i in 0...p {
                    var next = index
                    next[axis] = i
                    guard holds(next) else { break }
                    longer.append(next)
                    if longer.count > Self.limit { try Self.checkSize(longer.count) }
                }
            }
            found = longer
        }
        indices = found.sorted(by: Self.precedes)
        self.dimension = dimension
        name = "\(rule) \(p)"
    }

    private static func checkSize(_ count: Int) throws {
        guard count <= limit else {
            throw KernelMethodError.option(
                "the space's dimension", found: "above \(limit)", expected: "at most \(limit); lower --degree")
        }
    }

    private static func precedes(_ a: [Int], _ b: [Int]) -> Bool {
        let (m, n) = (a.reduce(0, +), b.reduce(0, +))
        return m == n ? b.lexicographicallyPrecedes(a) : m < n
    }

    /// The largest index of each coordinate.
    public var degrees: [Int] { (0..<dimension).map { axis in indices.map { $0[axis] }.max()! } }
}
