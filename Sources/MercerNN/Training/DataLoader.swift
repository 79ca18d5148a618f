import Foundation
import Mercer

/// Some examples of a dataset.
public struct Batch: Sendable {
    /// Place in the epoch, from 0.
    public let index: Int
    /// The dataset's tensors with the examples on the first axis.
    public let tensors: [Tensor]
    /// The numbers of the examples.
    public let examples: [Int]

    public var count: Int { examples.count }
    public subscript(_ part: Int) -> Tensor { tensors[part] }
}

/// Batches of a dataset, in an order that follows from seed and epoch, prepared ahead on threads of their own.
///
/// ```swift
/// let loader = DataLoader(data, batchSize: 64, seed: 1)
/// let batches = loader.batches(epoch: 0)
/// while let batch = try batches.next() { ... }
/// ```
///
/// The batches of an epoch are the same whatever the number of workers, and can be started at any of them.
public struct DataLoader: Sendable {
    public let dataset: any Dataset
    public let batchSize: Int
    public let shuffles: Bool
    /// Whether an incomplete last batch is left out.
    public let dropsLast: Bool
    public let seed: UInt64
    /// Batches that are prepared ahead at most.
    public let ahead: Int
    public let workers: Int
    private let transform: (@Sendable ([Tensor], RandomKey) throws -> [Tensor])?

    /// - Parameters:
    ///   - ahead: batches that are prepared ahead at most; this bounds the memory.
    ///   - workers: threads that prepare batches.
    ///   - transform: changes whole batches, mixup for instance; its key follows from seed, epoch and batch.
    public init(
        _ dataset: any Dataset, batchSize: Int, shuffles: Bool = true, dropsLast: Bool = false,
        seed: UInt64 = 0, ahead: Int = 2, workers: Int = 1,
        transform: (@Sendable ([Tensor], RandomKey) throws -> [Tensor])? = nil
    ) {
        precondition(batchSize > 0, "DataLoader: batches of \(batchSize) examples")
        precondition(ahead > 0 && workers > 0, "DataLoader: \(ahead) batches ahead by \(workers) workers")
        self.dataset = dataset
        self.batchSize = batchSize
        self.shuffles = shuffles
        self.dropsLast = dropsLast
        self.seed = seed
        self.ahead = ahead
        self.workers = workers
        self.transform = transform
    }

    /// Batches of one epoch.
    public var batchCount: Int {
        dropsLast ? dataset.count / batchSize : (dataset.count + batchSize - 1) / batchSize
    }

    /// The order of the examples in an epoch.
    public func order(epoch: Int) -> [Int] {
        guard shuffles else { return Array(0..<dataset.count) }
        let key = RandomKey(seed).fold(in: "order")[epoch]
        return Random.permutation(dataset.count, key: key).toArray(Int64.self).map(Int.init)
    }

    /// The batches of an epoch from one of them on.
    public func batches(epoch: Int = 0, from first: Int = 0) -> BatchIterator {
        BatchIterator(self, epoch: epoch, first: first)
    }

    func batch(_ index: Int, epoch: Int, order: [Int]) throws -> Batch {
        let examples = Array(order[(index * batchSize)..<min((index + 1) * batchSize, order.count)])
        let key = RandomKey(seed)[epoch]
        let keys = examples.map { key.fold(in: "example")[$0] }
        var tensors = try dataset.batch(examples, keys: keys)
        if let transform { tensors = try transform(tensors, key.fold(in: "batch")[index]) }
        return Batch(index: index, tensors: tensors, examples: examples)
    }
}

/// Hands out the batches of an epoch in order while threads prepare the next ones. They stop when it goes away.
public final class BatchIterator {
    private let queue: BatchQueue

    init(_ loader: DataLoader, epoch: Int, first: Int) {
        queue = BatchQueue(loader, epoch: epoch, first: first)
        for worker in 0..<loader.workers {
            let thread = Thread { [queue] in queue.work() }
            thread.name = "mercer-data-\(worker)"
            thread.stackSize = 8 << 20
            thread.start()
        }
    }

    deinit { queue.stop() }

    /// The next batch, nil after the last; throws what the dataset threw.
    public func next() throws -> Batch? { try queue.take() }
}

/// Batches between workers and consumer: workers take numbers in order and wait while enough are ready.
private final class BatchQueue: @unchecked Sendable {
    private let loader: DataLoader
    private let epoch: Int
    private let order: [Int]
    private let condition = NSCondition()
    private var ready: [Int: Result<Batch, any Error>] = [:]
    private var nextToPrepare: Int
    private var nextToTake: Int
    private var isStopped = false

    init(_ loader: DataLoader, epoch: Int, first: Int) {
        self.loader = loader
        self.epoch = epoch
        order = loader.order(epoch: epoch)
        nextToPrepare = first
        nextToTake = first
    }

    func work() {
        while let index = claim() {
            let result = Result { try loader.batch(index, epoch: epoch, order: order) }
            condition.withLock {
                ready[index] = result
                condition.broadcast()
            }
        }
    }

    private func claim() -> Int? {
        condition.withLock {
            while !isStopped && nextToPrepare < loader.batchCount
                && nextToPrepare >= nextToTake + loader.ahead
            {
                condition.wait()
            }
            if isStopped || nextToPrepare >= loader.batchCount { return nil }
            defer { nextToPrepare += 1 }
            return nextToPrepare
        }
    }

    func take() throws -> Batch? {
        let result: Result<Batch, any Error>? = condition.withLock {
            if nextToTake >= loader.batchCount { return nil }
            while ready[nextToTake] == nil { condition.wait() }
            let result = ready.removeValue(forKey: nextToTake)
            nextToTake += 1
            condition.broadcast()
            return result
        }
        return try result?.get()
    }

    func stop() {
        condition.withLock {
            isStopped = true
            condition.broadcast()
        }
    }
}
