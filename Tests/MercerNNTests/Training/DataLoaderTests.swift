import Foundation
import Mercer
import MercerNN
import Synchronization
import Testing

@Suite struct DataLoaderTests {
    /// Examples that are their number and a random number; counts what was read.
    private struct Numbers: Dataset {
        final class Reads: Sendable {
            let count = Atomic<Int>(0)
        }
        let count: Int
        let reads = Reads()
        var broken: Int?
        struct Broken: Error {}

        func example(_ index: Int, key: RandomKey) throws -> [Tensor] {
            reads.count.wrappingAdd(1, ordering: .relaxed)
            if index == broken { throw Broken() }
            return [Tensor(Int64(index)), Random.uniform(key: key)]
        }
    }

    private func read(_ loader: DataLoader, epoch: Int, from first: Int = 0) throws -> [[[Double]]] {
        let batches = loader.batches(epoch: epoch, from: first)
        var result: [[[Double]]] = []
        while let batch = try batches.next() {
            result.append(batch.tensors.map { $0.asType(.float64).toArray(Double.self) })
        }
        return result
    }

    @Test func everyExampleComesOnce() throws {
        let batches = try read(DataLoader(Numbers(count: 23), batchSize: 5), epoch: 3)
        #expect(batches.map { $0[0].count } == [5, 5, 5, 5, 3])
        #expect(batches.flatMap { $0[0] }.sorted() == (0..<23).map(Double.init))
        let whole = DataLoader(Numbers(count: 23), batchSize: 5, dropsLast: true)
        #expect(try read(whole, epoch: 0).count == 4)
    }

    @Test func orderFollowsFromSeedAndEpoch() throws {
        func order(_ seed: UInt64, _ epoch: Int) -> [Int] {
            DataLoader(Numbers(count: 100), batchSize: 5, seed: seed).order(epoch: epoch)
        }
        #expect(order(1, 0) == order(1, 0))
        #expect(order(1, 0) != order(1, 1))
        #expect(order(1, 0) != order(2, 0))
        #expect(DataLoader(Numbers(count: 4), batchSize: 1, shuffles: false).order(epoch: 9) == [0, 1, 2, 3])
    }

    @Test func workersChangeNothing() throws {
        let one = DataLoader(Numbers(count: 57), batchSize: 4, seed: 5)
        let three = DataLoader(Numbers(count: 57), batchSize: 4, seed: 5, ahead: 5, workers: 3)
        #expect(try read(one, epoch: 2) == read(three, epoch: 2))
    }

    @Test func anEpochCanStartInTheMiddle() throws {
        let loader = DataLoader(Numbers(count: 30), batchSize: 4, seed: 1) { tensors, key in
            [tensors[0], tensors[1] + Random.uniform(key: key)]
        }
        #expect(try read(loader, epoch: 1, from: 3) == Array(read(loader, epoch: 1)[3...]))
    }

    @Test func preparationIsBounded() throws {
        let data = Numbers(count: 1000)
        let batches = DataLoader(data, batchSize: 10, ahead: 2).batches()
        _ = try batches.next()
        Thread.sleep(forTimeInterval: 0.2)
        #expect(data.reads.count.load(ordering: .relaxed) <= 40)
        #expect(data.reads.count.load(ordering: .relaxed) >= 20)
        withExtendedLifetime(batches) {}
    }

    @Test func errorsOfTheDatasetReachTheConsumer() throws {
        var data = Numbers(count: 20)
        data.broken = 7
        let batches = DataLoader(data, batchSize: 5, shuffles: false).batches()
        #expect(try batches.next()!.examples == [0, 1, 2, 3, 4])
        #expect(throws: Numbers.Broken.self) { try batches.next() }
    }

    @Test func tensorsInMemoryAreADataset() throws {
        let data = TensorDataset([
            Tensor([1, 2, 3, 4, 5, 6] as [Float], [3, 2]), Tensor([7, 8, 9] as [Int64]),
        ])
        let batch = data.batch([2, 0], keys: [RandomKey(0), RandomKey(0)])
        #expect(batch[0].toArray(Float.self) == [5, 6, 1, 2])
        #expect(batch[1].toArray(Int64.self) == [9, 7])
    }
}
