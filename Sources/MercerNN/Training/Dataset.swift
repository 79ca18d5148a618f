import Mercer

/// Examples by number.
///
/// An example is a list of tensors, of the same shapes for all: an image and its label, for instance. A batch has
/// the examples on a new first axis.
public protocol Dataset: Sendable {
    /// The number of examples.
    var count: Int { get }

    /// One example. `key` follows from seed, epoch and number: augmentation draws from it.
    func example(_ index: Int, key: RandomKey) throws -> [Tensor]

    /// Several examples as a batch. By default each is made by ``example(_:key:)`` and they are stacked.
    func batch(_ indices: [Int], keys: [RandomKey]) throws -> [Tensor]
}

extension Dataset {
    public func batch(_ indices: [Int], keys: [RandomKey]) throws -> [Tensor] {
        let examples = try zip(indices, keys).map { try example($0, key: $1) }
        guard let first = examples.first else { return [] }
        return first.indices.map { part in stacked(examples.map { $0[part] }) }
    }
}

/// Tensors that lie in memory, with the examples on their first axis.
///
/// ```swift
/// let data = TensorDataset([images, labels])
/// ```
public struct TensorDataset: Dataset {
    public let tensors: [Tensor]
    public var count: Int { tensors[0].shape[0] }

    public init(_ tensors: [Tensor]) {
        precondition(
            !tensors.isEmpty && tensors.allSatisfy { $0.shape.first == tensors[0].shape.first },
            "TensorDataset: tensors of shapes \(tensors.map(\.shape)) differ in the number of examples")
        self.tensors = tensors.map(\.detached)
    }

    public func example(_ index: Int, key: RandomKey) -> [Tensor] { tensors.map { $0[index] } }

    public func batch(_ indices: [Int], keys: [RandomKey]) -> [Tensor] {
        let index = Tensor(indices.map(Int64.init))
        return tensors.map { $0.take(index, axis: 0) }
    }
}

/// A dataset whose examples are changed when they are read, by augmentation for instance.
public struct MappedDataset<Base: Dataset>: Dataset {
    public let base: Base
    private let transform: @Sendable ([Tensor], RandomKey) throws -> [Tensor]
    public var count: Int { base.count }

    public init(_ base: Base, _ transform: @escaping @Sendable ([Tensor], RandomKey) throws -> [Tensor]) {
        self.base = base
        self.transform = transform
    }

    public func example(_ index: Int, key: RandomKey) throws -> [Tensor] {
        try transform(try base.example(index, key: key.fold(in: "example")), key)
    }
}

extension Dataset {
    /// The dataset with its examples changed by a function of the example and a key.
    public func map(
        _ transform: @escaping @Sendable ([Tensor], RandomKey) throws -> [Tensor]
    ) -> MappedDataset<Self> {
        MappedDataset(self, transform)
    }
}
