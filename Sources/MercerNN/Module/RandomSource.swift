import Mercer

/// Where a layer gets its random numbers in training: each call of ``next()`` gives a new key.
///
/// A layer holds one as a property; ``Module/seed(_:)`` finds it and sets its key for the step, so a step's numbers
/// depend on the key and the place of the layer alone: not on threads, other layers or earlier steps.
///
/// ```swift
/// final class Noise: Module, UnaryLayer {
///     let random = RandomSource()
///     func callAsFunction(_ x: Tensor) -> Tensor { isTraining ? x + Random.normal(x.shape, key: random.next()) : x }
/// }
/// ```
///
/// Without ``Module/seed(_:)`` the keys follow from the number of sources made before in this process.
public final class RandomSource {
    private var key: RandomKey
    /// How many keys were taken since the source was seeded.
    private(set) var taken = 0

    public init() {
        key = RandomKey(RandomSource.created.next())
    }

    /// Starts again from a key.
    public func seed(_ key: RandomKey) {
        self.key = key
        taken = 0
    }

    /// A key that wasn't given before since the source was seeded.
    public func next() -> RandomKey {
        defer { taken += 1 }
        return key.fold(in: taken)
    }

    /// The source's state, to draw the same again.
    var state: (RandomKey, Int) {
        get { (key, taken) }
        set { (key, taken) = newValue }
    }

    private static let created = Counter()
}

/// Runs a part of a network without keeping its intermediate results; the backward walk computes them again, with
/// the same random numbers.
///
/// - Parameter modules: those that `body` calls, so that their dropout drops the same the second time.
public func checkpoint(
    _ modules: [Module], _ input: Tensor, _ body: @escaping (Tensor) -> Tensor
) -> Tensor {
    let sources = modules.flatMap { $0.structure.randomSources.map(\.source) }
    let before = sources.map(\.state)
    var runs = 0
    return checkpoint(input) { x in
        defer { runs += 1 }
        if runs == 0 { return body(x) }
        let now = sources.map(\.state)
        for (source, state) in zip(sources, before) { source.state = state }
        defer { for (source, state) in zip(sources, now) { source.state = state } }
        return body(x)
    }
}

extension RandomKey {
    /// A key for a named part: folded with the name's 64-bit FNV-1a hash.
    public func fold(in name: String) -> RandomKey {
        var hash = FNV1a()
        hash.update(name.utf8)
        return fold(in: Int(bitPattern: UInt(hash.value)))
    }
}
