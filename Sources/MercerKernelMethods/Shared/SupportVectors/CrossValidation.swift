import Mercer

/// Folds of rows in which every class has its share.
public struct StratifiedFolds: Sendable {
    /// Rows of each fold.
    public let folds: [[Int]]

    /// - Parameter labels: class numbers; rows of one class are dealt out in the permutation of the seed.
    public init(_ labels: [Int], count: Int = 5, seed: UInt64 = 0) {
        precondition(count >= 2, "StratifiedFolds: \(count) folds")
        var folds = [[Int]](repeating: [], count: min(count, max(2, labels.count)))
        let order = SplitMix64.permutation(labels.count, seed: seed)
        var next = 0
        for label in Set(labels).sorted() {
            for row in order where labels[row] == label {
                folds[next % folds.count].append(row)
                next += 1
            }
        }
        self.folds = folds.map { $0.sorted() }
    }
}

/// The choice of a kernel and of C by cross-validation.
public struct KernelSearch: Sendable {
    /// The number of the best kernel, its C and its accuracy over the folds.
    public let kernel: Int
    public let C: Double
    public let accuracy: Double
    /// Accuracy of each kernel (rows) and C (columns).
    public let table: [[Double]]

    /// Takes the first of equals, so weaker kernels and smaller C stand first.
    ///
    /// - Parameters:
    ///   - kernels: matrices of the same training points, made when their turn comes.
    ///   - maxIterations: of each machine; a C too large for a kernel isn't worth waiting for.
    public init(
        _ count: Int, labels: [Int], C: [Double], folds: StratifiedFolds, maxIterations: Int = 200_000,
        kernels: (Int) throws -> Tensor
    ) throws {
        var table: [[Double]] = []
        for k in 0..<count {
            let kernel = try kernels(k)
            let parts = folds.folds.filter { !$0.isEmpty }.map { fold -> (Tensor, [Int], Tensor, [Int]) in
                let held = Set(fold)
                let kept = labels.indices.filter { !held.contains($0) }
                let columns = kernel.take(Tensor(kept), axis: 1)
                return (
                    columns.take(Tensor(kept), axis: 0), kept.map { labels[$0] },
                    columns.take(Tensor(fold), axis: 0), fold.map { labels[$0] }
                )
            }.filter { Set($0.1).count >= 2 }
            table.append(
                try C.map { c in
                    var (right, seen) = (0.0, 0)
                    for (train, trainLabels, test, testLabels) in parts {
                        let machine = try SupportVectorClassifier(
                            kernel: train, labels: trainLabels, C: c, maxIterations: maxIterations)
                        right += machine.accuracy(test, labels: testLabels) * Double(testLabels.count)
                        seen += testLabels.count
                    }
                    return right / Double(max(1, seen))
                })
        }
        var best = (kernel: 0, place: 0)
        for k in table.indices {
            for place in C.indices where table[k][place] > table[best.kernel][best.place] {
                best = (k, place)
            }
        }
        self.table = table
        kernel = best.kernel
        self.C = C[best.place]
        accuracy = table[best.kernel][best.place]
    }
}
