import Foundation
import Mercer
import Synchronization
import Testing

@Suite struct ParallelTests {
    @Test func everyChunkRunsOnce() {
        for threads in [1, 2, 5] {
            Parallel.withThreads(threads) {
                let counts = (0..<1000).map { _ in Counter() }
                for _ in 0..<20 { Parallel.forEach(1000) { counts[$0].increment() } }
                #expect(counts.allSatisfy { $0.value == 20 })
            }
        }
    }

    @Test func aLoopInsideALoopRunsSerially() {
        let total = Counter()
        Parallel.forEach(16) { _ in Parallel.forEach(10) { _ in total.increment() } }
        #expect(total.value == 160)
    }

    @Test func rangesCoverEverythingInChunksOfTheGrain() {
        let seen = Mutex<[Range<Int>]>([])
        Parallel.forRanges(1001, grain: 100) { range in seen.withLock { $0.append(range) } }
        let ranges = seen.withLock { $0.sorted { $0.lowerBound < $1.lowerBound } }
        #expect(ranges.map(\.count) == [Int](repeating: 100, count: 10) + [1])
        #expect(ranges.last?.upperBound == 1001)
    }

    @Test func loopsFromSeveralThreadsAtOnceAllFinish() async {
        let total = Counter()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { for _ in 0..<50 { Parallel.forEach(20) { _ in total.increment() } } }
            }
        }
        #expect(total.value == 8 * 50 * 20)
    }

    @Test func aCancelledTaskStopsALongLoop() async {
        let done = Counter()
        let task = Task {
            try Parallel.forEachUnlessCancelled(100_000) { _ in
                done.increment()
                usleep(100)
            }
        }
        try? await Task.sleep(for: .milliseconds(20))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(done.value < 100_000)
    }
}

private final class Counter: Sendable {
    private let count = Atomic<Int>(0)
    var value: Int { count.load(ordering: .relaxed) }
    func increment() { count.wrappingAdd(1, ordering: .relaxed) }
}
