import Foundation
import Mercer

/// Builds a ``PrivateSimilarity`` from rows that come in parts: one pass, memory of the sketch and of a block of rows.
///
/// How the rows are parted changes nothing, not even the last bit: they are summed up in blocks of its own.
public struct PrivateSimilarityBuilder: Sendable {
    private let function: SimilarityFunction
    private let count: Int
    private let dimension: Int
    private let budget: PrivacyBudget
    private let bound: Double?
    private let options: PrivateOptions
    private let plan: Plan
    private var sums: [[Double]]
    private var seen = 0
    /// Rows that wait until a block is full, row-major.
    private var waiting: [Double] = []
    /// Rows outside the bound, and the first of them, counted from 1.
    private var outside = 0
    private var firstOutside = 0
    private let isPart: Bool

    /// What is summed up.
    private enum Plan: Sendable {
        case features([Component], Projection?)
        /// Cells of a tree, the public map of rows to its coordinates, and the range of each of these.
        case trees(cells: Int, embedding: Projection?, ranges: [Double])
        case moments
        case lattice(origin: [Int], sides: [Int])
    }

    /// One kernel of a sum of kernels, with its share of the budget.
    private struct Component: Sendable {
        let weight: Double
        let features: RandomFeatures
        let share: Double
    }

    /// - Parameters:
    ///   - count: n, which is public.
    ///   - dimension: d.
    ///   - isPart: whether other releases see the other rows of the n, so that fewer come here. How many is then not told.
    public init(
        _ function: SimilarityFunction, count: Int, dimension: Int, budget: PrivacyBudget, bound: Double?,
        options: PrivateOptions, isPart: Bool = false
    ) throws {
        guard count >= 1 else { throw KernelMethodError.tooFew("a private release", found: count, needed: 1) }
        guard dimension >= 1 else { throw KernelMethodError.width(found: 0, expected: 1, what: "the data") }
        try options.check(function, dimension: dimension)
        if function.needsBound || options.latticeOrder != nil {
            guard let bound else {
                throw KernelMethodError.privacy(
                    "--bound is missing: \(function.name) needs a public bound on the rows "
                        + "(\(function.boundsNorm ? "on |x|" : "on each |x_k|")); taking it from the private rows "
                        + "would break the guarantee")
            }
            guard bound > 0, bound.isFinite else {
                throw KernelMethodError.option("--bound", found: "\(bound)", expected: "a positive number")
            }
        }
        if budget.delta > 0, case .l1 = function { try Self.refuseDelta(function) }
        if budget.delta > 0, case .l2 = function { try Self.refuseDelta(function) }
        if budget.delta > 0, case .lp = function { try Self.refuseDelta(function) }
        self.function = function
        self.count = count
        self.dimension = dimension
        self.budget = budget
        self.bound = bound
        self.options = options
        self.isPart = isPart
        plan = try Self.plan(function, count, dimension, bound, options)
        switch plan {
        case .features(let components, _):
            sums = components.map { [Double](repeating: 0, count: $0.features.count) }
        case .trees(let cells, _, let ranges):
            sums = [[Double]](repeating: [Double](repeating: 0, count: cells), count: ranges.count)
        case .moments: sums = [[Double](repeating: 0, count: dimension + 1)]
        case .lattice(let origin, let sides):
            let empty = FastGaussSketch(
                PointSet<Double>([], count: 0, dimension: dimension), order: options.latticeOrder!,
                origin: origin,
                sides: sides)
            sums = [[Double](repeating: 0, count: empty.moments.count)]
        }
    }

    private static func refuseDelta(_ function: SimilarityFunction) throws {
        throw KernelMethodError.option(
            "--delta", found: "above 0",
            expected: "0 for \(function.name), whose counts take discrete Laplace noise")
    }

    // MARK: Plans

    private static func plan(
        _ function: SimilarityFunction, _ count: Int, _ dimension: Int, _ bound: Double?,
        _ options: PrivateOptions
    ) throws -> Plan {
        switch function {
        case .kernel, .inverse, .exponentials:
            if options.latticeOrder != nil, case .kernel(_, let bandwidth) = function {
                let reach = Int((bound! / bandwidth).rounded(.up))
                return .lattice(
                    origin: [Int](repeating: -reach, count: dimension),
                    sides: [Int](repeating: 2 * reach + 1, count: dimension))
            }
            return try featurePlan(function, dimension, options)
        case .squaredL2: return .moments
        case .l1, .lp:
            return .trees(
                cells: CountTree.cells(atLeast: count, arity: options.arity), embedding: nil,
                ranges: [Double](
                    repeating: function.treeRange(bound: bound!, coordinates: dimension), count: dimension))
        case .l2:
            let k = options.projection ?? 32
            let embedding = Projection(.gaussian, from: dimension, to: k, publicSeed: options.publicSeed)
            return .trees(
                cells: CountTree.cells(atLeast: count, arity: options.arity), embedding: embedding,
                ranges: [Double](repeating: function.treeRange(bound: bound!, coordinates: k), count: k))
        }
    }

    /// Features and budget go to the terms of a sum like the weight to the power 2/3, which makes the error least.
    private static func featurePlan(
        _ function: SimilarityFunction, _ dimension: Int, _ options: PrivateOptions
    ) throws -> Plan {
        guard let (kernel, terms) = try function.terms(alpha: options.alpha) else {
            preconditionFailure("PrivateSimilarityBuilder: features of \(function.name)")
        }
        var projection: Projection?
        if let k = options.projection, k < dimension {
            guard kernel != .laplace else {
                throw KernelMethodError.option(
                    "--project", found: "with an ℓ1 kernel",
                    expected: "no projection, which keeps ℓ2 distances only")
            }
            projection = Projection(
                options.projectionKind, from: dimension, to: k, publicSeed: options.publicSeed)
        }
        let shares = terms.map { pow(abs($0.weight), 2 / 3.0) }
        let total = shares.reduce(0, +)
        let components = terms.enumerated().map { j, term in
            let share = shares[j] / total
            return Component(
                weight: term.weight,
                features: RandomFeatures(
                    kernel, bandwidth: term.bandwidth,
                    count: terms.count == 1 ? options.features : max(16, Int(Double(options.features) * share)),
                    dimension: projection?.reduced ?? dimension, publicSeed: options.publicSeed &+ UInt64(j)),
                share: share)
        }
        return .features(components, projection)
    }

    // MARK: Rows

    /// Adds rows `[m, d]`. Those outside the bound are counted, and an error of ``finish(noise:)``.
    ///
    /// - Throws: ``KernelMethodError`` for numbers that aren't finite.
    public mutating func add(_ rows: Tensor) throws {
        precondition(
            rows.rank == 2 && rows.shape[1] == dimension,
            "PrivateSimilarityBuilder: rows of shape \(rows.shape), \(dimension) columns expected")
        let values = try checked(rows)
        seen += rows.shape[0]
        // There will be no release, only the number of such rows.
        if outside > 0 && !options.clips { return waiting = [] }
        let block = Self.blockRows(dimension) * dimension
        if waiting.isEmpty && values.count <= block {
            waiting = values
            if values.count == block { sumUp() }
            return
        }
        var start = 0
        while start < values.count {
            if waiting.isEmpty { waiting.reserveCapacity(block) }
            let end = min(values.count, start + block - waiting.count)
            waiting += values[start..<end]
            start = end
            if waiting.count == block { sumUp() }
        }
    }

    /// Rows that are summed up at a time: at most 2¹⁶, and 128 MiB of numbers.
    private static func blockRows(_ dimension: Int) -> Int { max(1, min(1 << 16, (1 << 24) / dimension)) }

    /// Adds the rows that wait to the sums.
    private mutating func sumUp() {
        let points = PointSet<Double>(waiting, count: waiting.count / dimension, dimension: dimension)
        waiting = []
        switch plan {
        case .features(let components, let projection):
            // In float64: the rounding of float32 sums would change by more than the noise is made for.
            let reduced = projection?.apply(points) ?? points
            for (j, component) in components.enumerated() {
                let more = component.features.sums(reduced)
                for i in more.indices { sums[j][i] += more[i] }
            }
        case .trees(let cells, let embedding, let ranges):
            let coordinates = embedding?.apply(points) ?? points
            let width = coordinates.dimension
            coordinates.values.withUnsafeBufferPointer { values in
                for (k, range) in ranges.enumerated() {
                    sums[k].withUnsafeMutableBufferPointer { leaves in
                        for i in stride(from: k, to: values.count, by: width) {
                            leaves[DistanceTree.cell(values[i] + range / 2, range: range, cells: cells)] += 1
                        }
                    }
                }
            }
        case .moments:
            for row in 0..<points.count {
                for (k, value) in points[row].enumerated() { sums[0][k] += value }
                // In units of the bound, so that both parts change by at most B.
                sums[0][dimension] += points.squaredNorms[row] / bound!
            }
        case .lattice(let origin, let sides):
            guard case .kernel(_, let bandwidth) = function else { return }
            let scaled = PointSet<Double>(
                points.values.map { $0 / bandwidth }, count: points.count, dimension: dimension)
            let more = FastGaussSketch(scaled, order: options.latticeOrder!, origin: origin, sides: sides)
            for i in more.moments.indices { sums[0][i] += more.moments[i] * Double(points.count) }
        }
    }

    /// The numbers of rows, those outside the bound moved onto it and counted.
    private mutating func checked(_ rows: Tensor) throws -> [Double] {
        var values = rows.asType(.float64).toArray(Double.self)
        if let bad = values.firstIndex(where: { !$0.isFinite }) {
            throw KernelMethodError.notFinite(
                row: seen + bad / dimension + 1, column: "\(bad % dimension + 1)", value: "\(values[bad])")
        }
        guard let bound, function.needsBound || options.latticeOrder != nil else {
            return values
        }
        var (outside, first) = (0, 0)
        values.withUnsafeMutableBufferPointer { values in
            for row in 0..<rows.shape[0] {
                let range = row * dimension..<(row + 1) * dimension
                var size = 0.0
                if function.boundsNorm {
                    for k in range { size += values[k] * values[k] }
                    size = size.squareRoot()
                } else {
                    for k in range { size = max(size, abs(values[k])) }
                }
                guard size > bound * (1 + 1e-12) else { continue }
                outside += 1
                if outside == 1 { first = seen + row + 1 }
                for k in range {
                    values[k] =
                        function.boundsNorm ? values[k] * (bound / size) : min(bound, max(-bound, values[k]))
                }
            }
        }
        if self.outside == 0 { firstOutside = first }
        self.outside += outside
        return values
    }

    // MARK: Noise

    /// Adds the noise. The sums themselves don't leave the builder.
    ///
    /// - Throws: ``KernelMethodError`` for rows outside the bound that aren't to be moved onto it, and for another number
    ///   of rows than the one that was said.
    public mutating func finish(noise: NoiseSource) throws -> PrivateSimilarity {
        if outside > 0, !options.clips {
            throw KernelMethodError.privacy(
                "\(outside) \(outside == 1 ? "row lies" : "rows lie") outside the public bound \(bound!), the first is "
                    + "row \(firstOutside); choose --clip to move them onto it, or a larger --bound")
        }
        guard seen == count || (isPart && seen < count) else {
            throw KernelMethodError.length("rows", found: seen, expected: count)
        }
        if !waiting.isEmpty { sumUp() }
        var mechanisms: [PrivateRelease.NamedMechanism] = []
        let sketch: PrivateSimilarity.Sketch
        switch plan {
        case .features(let components, let projection):
            sketch = .features(noisyFeatures(components, noise, &mechanisms), projection)
        case .trees(_, _, let ranges): sketch = try noisyTrees(ranges, noise, &mechanisms)
        case .moments:
            let d = Double(dimension).squareRoot()
            let factor = options.relation.factor * bound!
            let mechanism = PrivateMechanism.numbers(
                count: dimension + 1, l1: factor * (d + 1), l2: factor * 2.0.squareRoot(), budget: budget,
                rows: count, largest: bound!)
            mechanisms.append(.init(name: "coordinate sums and squared norms", mechanism: mechanism))
            var generator = noise.generator()
            let noisy = mechanism.sanitise(sums[0], using: &generator).map { $0 / Double(count) }
            sketch = .moments(mean: Array(noisy[..<dimension]), square: noisy[dimension] * bound!)
        case .lattice(let origin, let sides):
            let sensitivity =
                options.relation.factor
                * FastGaussSketch.sensitivity(dimension: dimension, order: options.latticeOrder!)
            let mechanism = PrivateMechanism.numbers(
                count: sums[0].count, l1: sensitivity, l2: sensitivity, budget: budget, rows: count,
                largest: 1)
            mechanisms.append(.init(name: "moments of lattice cells", mechanism: mechanism))
            var generator = noise.generator()
            let noisy = mechanism.sanitise(sums[0], using: &generator).map { $0 / Double(count) }
            sketch = .lattice(
                FastGaussSketch(
                    dimension: dimension, order: options.latticeOrder!, origin: origin, sides: sides,
                    moments: noisy))
        }
        let record = PrivateRelease(
            function: function, dimension: dimension, count: count, budget: budget,
            relation: options.relation,
            bound: bound, isPrivate: noise.isPrivate, mechanisms: mechanisms, features: options.features,
            projection: options.projection, projectionKind: options.projectionKind, alpha: options.alpha,
            ringWeight: options.ringWeight, arity: options.arity, publicSeed: options.publicSeed)
        return PrivateSimilarity(record: record, sketch: sketch)
    }

    private func noisyFeatures(
        _ components: [Component], _ noise: NoiseSource, _ mechanisms: inout [PrivateRelease.NamedMechanism]
    ) -> [PrivateSimilarity.FeatureSketch] {
        components.enumerated().map { j, component in
            let (l1, l2) = component.features.sensitivity
            let factor = options.relation.factor
            let mechanism = PrivateMechanism.numbers(
                count: component.features.count, l1: factor * l1, l2: factor * l2,
                budget: budget.share(component.share), rows: count, largest: 2.0.squareRoot())
            mechanisms.append(
                .init(name: "sums of \(component.features.count) features", mechanism: mechanism))
            var generator = noise.generator(stream: j)
            let noisy = mechanism.sanitise(sums[j], using: &generator)
            return PrivateSimilarity.FeatureSketch(
                weight: component.weight, features: component.features,
                means: noisy.map { $0 / Double(count) },
                deviation: mechanism.deviation / Double(count))
        }
    }

    /// A tree a coordinate; the budget is shared equally, and between counts and sums.
    private func noisyTrees(
        _ ranges: [Double], _ noise: NoiseSource, _ mechanisms: inout [PrivateRelease.NamedMechanism]
    ) throws -> PrivateSimilarity.Sketch {
        let share = budget.epsilon / Double(ranges.count)
        let factor = options.relation.factor
        var trees: [CountTree] = []
        var sumTrees: [SumTree] = []
        for (k, leaves) in sums.enumerated() {
            var counts = CountTree(leaves: leaves, arity: options.arity)
            let epsilon = options.usesSumTree ? share / 2 : share
            let touched = factor * Double(counts.levels)
            let mechanism = try PrivateMechanism.counts(sensitivity: touched, epsilon: epsilon)
            let name = "nodes of the tree of coordinate \(k + 1)"
            mechanisms.append(.init(name: name, mechanism: mechanism))
            counts.add(DiscreteLaplace(scale: mechanism.scale), from: noise, stream: 2 * k)
            guard options.usesSumTree else {
                trees.append(counts)
                continue
            }
            let sumMechanism = try PrivateMechanism.counts(
                sensitivity: touched * Double(counts.cells - 1), epsilon: epsilon)
            mechanisms.append(.init(name: "\(name), sums of cells", mechanism: sumMechanism))
            var positions = CountTree(
                leaves: leaves.enumerated().map { Double($0) * $1 }, arity: options.arity)
            positions.add(DiscreteLaplace(scale: sumMechanism.scale), from: noise, stream: 2 * k + 1)
            sumTrees.append(SumTree(counts: counts, sums: positions, range: ranges[k]))
        }
        return options.usesSumTree ? .sumTrees(sumTrees) : .trees(trees)
    }
}

extension PrivateSimilarity {
    /// Answers from trees: the sum over coordinates.
    func distanceAnswers(_ queries: PointSet<Double>) -> [PrivateEstimate] {
        let n = Double(record.count)
        guard let bound = record.bound else {
            preconditionFailure("PrivateSimilarity: trees without a bound")
        }
        var power = 1.0
        if case .lp(let p) = record.function { power = p }
        var coordinates = queries
        var factor = 1.0
        if record.function == .l2 {
            let k = record.projection ?? 32
            coordinates = Projection(.gaussian, from: record.dimension, to: k, publicSeed: record.publicSeed)
                .apply(queries)
            // Σ|x − y| ≈ √(π/2)/k Σ|g·(x − y)|, and the projection has g/√k.
            factor = (Double.pi / 2 / Double(k)).squareRoot()
        }
        let range = record.function.treeRange(bound: bound, coordinates: coordinates.dimension)
        // All trees have the same cells.
        var rings: DistanceRings?
        var paths: [PathSums?] = []
        if case .trees(let trees) = sketch {
            // Making them costs as much as they save in some queries.
            let isWorthwhile = coordinates.count * 500 >= trees[0].nodes.count
            paths = trees.map { isWorthwhile ? PathSums($0) : nil }
            rings = DistanceTree(counts: trees[0], range: range).rings(
                power: power, alpha: record.alpha, weight: record.ringWeight)
        }
        return [PrivateEstimate](unsafeUninitializedCapacity: coordinates.count) { answers, initialised in
            let target = UncheckedAddress(answers.baseAddress)
            Parallel.forRanges(coordinates.count, grain: 64) { rows in
                for row in rows {
                    let (sum, variance) = distances(coordinates[row], rings, paths, range: range)
                    (target.pointer + row).initialize(
                        to: PrivateEstimate(
                            estimate: factor * sum / n, noiseStandardError: factor * variance.squareRoot() / n))
                }
            }
            initialised = coordinates.count
        }
    }

    /// The sum of a query's distances over all rows, from the trees of its coordinates, and the variance of its noise.
    private func distances(
        _ query: ArraySlice<Double>, _ rings: DistanceRings?, _ paths: [PathSums?], range: Double
    ) -> (sum: Double, variance: Double) {
        var (sum, variance) = (0.0, 0.0)
        for (k, value) in query.enumerated() {
            switch sketch {
            case .trees(let trees):
                let answer = DistanceTree(counts: trees[k], range: range)
                    .sum(from: value + range / 2, over: rings!, paths: paths[k])
                sum += answer.sum
                variance += answer.squaredWeights * square(record.mechanisms[k].mechanism.deviation)
            case .sumTrees(let trees):
                let tree = trees[k]
                let answer = tree.sum(from: value + range / 2)
                sum += answer.sum
                let unit = range / Double(tree.counts.cells)
                let cell = Double(DistanceTree.cell(value + range / 2, range: range, cells: tree.counts.cells))
                variance +=
                    square(unit)
                    * (Double(answer.countNodes) * square(cell * record.mechanisms[2 * k].mechanism.deviation)
                        + Double(answer.sumNodes) * square(record.mechanisms[2 * k + 1].mechanism.deviation))
            default: preconditionFailure("PrivateSimilarity: a distance without trees")
            }
        }
        return (sum, variance)
    }

    private func square(_ x: Double) -> Double { x * x }
}
