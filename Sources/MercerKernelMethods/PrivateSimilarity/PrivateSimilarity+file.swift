import Foundation
import Mercer

// The file of a release: safetensors with the sanitised arrays alone, and the public record as metadata.

extension PrivateSimilarity {
    private static let form = ReleaseFile<PrivateRelease>(
        format: "mercer-private-similarity 1", content: "a release of similarities",
        maker: "mercer kernel private build")

    /// The sanitised arrays by their names.
    var tensors: [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        switch sketch {
        case .features(let sketches, _):
            for (j, sketch) in sketches.enumerated() { tensors["features.\(j)"] = Tensor(sketch.means) }
            tensors["weights"] = Tensor(sketches.map(\.weight))
        case .trees(let trees):
            for (k, tree) in trees.enumerated() { tensors["counts.\(k)"] = Tensor(tree.nodes) }
        case .sumTrees(let trees):
            for (k, tree) in trees.enumerated() {
                tensors["counts.\(k)"] = Tensor(tree.counts.nodes)
                tensors["sums.\(k)"] = Tensor(tree.sums.nodes)
            }
        case .moments(let mean, let square): tensors["moments"] = Tensor(mean + [square])
        case .lattice(let lattice):
            tensors["lattice"] = Tensor(lattice.moments)
            tensors["lattice.shape"] = Tensor(
                (lattice.origin + lattice.sides + [lattice.order]).map(Int64.init))
        }
        return tensors
    }

    /// Writes the release to a safetensors file.
    public func save(to path: String) throws {
        try Self.form.save(tensors, record, isPrivate: record.isPrivate, to: path)
    }

    /// Reads a release.
    ///
    /// - Throws: ``KernelMethodError/file(_:reason:)`` for files that hold something else, ``TensorFileError``.
    public init(contentsOf path: String) throws {
        let (file, record) = try Self.form.open(path)
        try self.init(record, file, path)
    }

    /// A release from arrays of a file whose names begin with a prefix.
    init(_ record: PrivateRelease, _ file: Safetensors, _ path: String, prefix: String = "") throws {
        self.init(record: record, sketch: try ReleaseReader(file: file, path: path, prefix: prefix).sketch(record))
    }
}

/// Puts a sketch together from the arrays of a file, checking every length.
private struct ReleaseReader {
    let file: Safetensors
    let path: String
    let prefix: String

    private func has(_ name: String) -> Bool { file.names.contains(prefix + name) }

    func sketch(_ record: PrivateRelease) throws -> PrivateSimilarity.Sketch {
        guard record.dimension >= 1, record.count >= 1 else {
            throw KernelMethodError.file(
                path, reason: "its record has \(record.dimension) columns, \(record.count) rows")
        }
        if has("lattice") { return .lattice(try lattice(record)) }
        if has("moments") {
            let values = try numbers("moments", count: record.dimension + 1)
            return .moments(mean: Array(values.dropLast()), square: values.last!)
        }
        if has("counts.0") { return try trees(record) }
        return try features(record)
    }

    private func numbers(_ name: String, count: Int? = nil) throws -> [Double] {
        let tensor = try file.tensor(prefix + name, copied: true)
        guard tensor.dtype == .float64, tensor.rank == 1, count == nil || tensor.count == count else {
            throw KernelMethodError.file(
                path,
                reason: "'\(name)' is \(tensor.dtype) of shape \(tensor.shape), but "
                    + "\(count.map(String.init) ?? "a list of") float64 numbers are expected")
        }
        let values = tensor.toArray(Double.self)
        guard values.allSatisfy(\.isFinite) else {
            throw KernelMethodError.file(path, reason: "'\(name)' has a number that isn't finite")
        }
        return values
    }

    private func features(_ record: PrivateRelease) throws -> PrivateSimilarity.Sketch {
        guard let (kernel, terms) = try record.function.terms(alpha: record.alpha) else {
            throw KernelMethodError.file(
                path, reason: "it has features, but releases \(record.function.name)")
        }
        guard terms.allSatisfy({ $0.bandwidth > 0 && $0.bandwidth.isFinite }) else {
            throw KernelMethodError.file(path, reason: "its record has a bandwidth that isn't positive")
        }
        let weights = try numbers("weights")
        guard weights.count == terms.count, weights.count == record.mechanisms.count else {
            throw KernelMethodError.file(
                path, reason: "it has \(weights.count) kernels, but \(terms.count) are expected")
        }
        var projection: Projection?
        if let k = record.projection, k < record.dimension {
            projection = Projection(
                record.projectionKind, from: record.dimension, to: k, publicSeed: record.publicSeed)
        }
        let sketches = try weights.indices.map { j in
            let means = try numbers("features.\(j)")
            return PrivateSimilarity.FeatureSketch(
                weight: weights[j],
                features: RandomFeatures(
                    kernel, bandwidth: terms[j].bandwidth, count: means.count,
                    dimension: projection?.reduced ?? record.dimension,
                    publicSeed: record.publicSeed &+ UInt64(j)),
                means: means, deviation: record.mechanisms[j].mechanism.deviation / Double(record.count))
        }
        return .features(sketches, projection)
    }

    private func trees(_ record: PrivateRelease) throws -> PrivateSimilarity.Sketch {
        let coordinates = record.function == .l2 ? record.projection ?? 32 : record.dimension
        let cells = CountTree.cells(atLeast: record.count, arity: record.arity)
        guard record.bound ?? 0 > 0, [2, 4, 8, 16].contains(record.arity) else {
            throw KernelMethodError.file(
                path, reason: "its record has no bound or a tree of arity \(record.arity)")
        }
        var nodes = 1
        var width = cells
        while width > 1 {
            nodes += width
            width /= record.arity
        }
        let counts = try (0..<coordinates).map {
            CountTree(nodes: try numbers("counts.\($0)", count: nodes), cells: cells, arity: record.arity)
        }
        guard has("sums.0") else {
            guard record.mechanisms.count == coordinates else {
                throw KernelMethodError.file(path, reason: "it lacks a mechanism for each of its trees")
            }
            return .trees(counts)
        }
        guard record.mechanisms.count == 2 * coordinates else {
            throw KernelMethodError.file(path, reason: "it lacks a mechanism for each of its trees")
        }
        return .sumTrees(
            try counts.enumerated().map { k, tree in
                SumTree(
                    counts: tree,
                    sums: CountTree(
                        nodes: try numbers("sums.\(k)", count: nodes), cells: cells, arity: record.arity),
                    range: record.function.treeRange(bound: record.bound!, coordinates: coordinates))
            })
    }

    private func lattice(_ record: PrivateRelease) throws -> FastGaussSketch {
        let shape = try file.tensor(prefix + "lattice.shape", copied: true)
        let d = record.dimension
        guard shape.dtype == .int64, shape.count == 2 * d + 1, d <= 3 else {
            throw KernelMethodError.file(
                path, reason: "'lattice.shape' has \(shape.count) numbers, \(2 * d + 1) expected")
        }
        let values = shape.toArray(Int64.self).map(Int.init)
        let (sides, order) = (Array(values[d..<2 * d]), values[2 * d])
        guard (1...12).contains(order), sides.allSatisfy({ (1...1 << 20).contains($0) }) else {
            throw KernelMethodError.file(path, reason: "'lattice.shape' has \(sides) cells of order \(order)")
        }
        var count = sides.reduce(1, *)
        for _ in 0..<d { count *= order }
        return FastGaussSketch(
            dimension: d, order: order, origin: Array(values[..<d]), sides: sides,
            moments: try numbers("lattice", count: count))
    }
}
