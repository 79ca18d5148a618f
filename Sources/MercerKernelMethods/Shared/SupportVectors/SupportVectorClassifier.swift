import Mercer

/// A classifier of any number of classes: a support-vector machine for each pair of classes, and the class with the
/// most votes (of equals the first), as libsvm does it.
public struct SupportVectorClassifier: Sendable {
    public let classCount: Int
    /// One machine for each pair a < b; 1 votes for a.
    let machines: [(a: Int, b: Int, rows: [Int], machine: SupportVectorMachine)]

    /// - Parameters:
    ///   - kernel: `[n, n]` of the training points.
    ///   - labels: class numbers from 0; classes without points get no votes.
    /// - Throws: ``KernelMethodError`` for a single class.
    public init(
        kernel: Tensor, labels: [Int], C: Double, tolerance: Double = 1e-3, maxIterations: Int? = nil
    ) throws {
        classCount = (labels.max() ?? -1) + 1
        let present = Set(labels).sorted()
        guard present.count >= 2 else {
            throw KernelMethodError.tooFew("a classifier of two classes or more", found: present.count, needed: 2)
        }
        var machines: [(a: Int, b: Int, rows: [Int], machine: SupportVectorMachine)] = []
        for (place, a) in present.enumerated() {
            for b in present[(place + 1)...] {
                let rows = labels.indices.filter { labels[$0] == a || labels[$0] == b }
                let part =
                    rows.count == labels.count
                    ? kernel : kernel.take(Tensor(rows), axis: 0).take(Tensor(rows), axis: 1)
                machines.append(
                    (
                        a, b, rows,
                        try SupportVectorMachine(
                            kernel: part, labels: rows.map { labels[$0] == a ? 1 : -1 }, C: C,
                            tolerance: tolerance, maxIterations: maxIterations)
                    ))
            }
        }
        self.machines = machines
    }

    /// Training points that some machine rests on.
    public var supportVectors: [Int] {
        Set(machines.flatMap { one in one.machine.supportVectors.map { one.rows[$0] } }).sorted()
    }

    /// Whether every machine met its tolerance.
    public var converged: Bool { machines.allSatisfy(\.machine.converged) }

    /// The classes of rows of kernels with the training points, `[rows, n]`.
    public func predict(_ kernel: Tensor) -> [Int] {
        var votes = [[Int]](repeating: [Int](repeating: 0, count: classCount), count: kernel.shape[0])
        for (a, b, rows, machine) in machines {
            let part = rows.count == kernel.shape[1] ? kernel : kernel.take(Tensor(rows), axis: 1)
            for (row, value) in machine.decision(part).enumerated() { votes[row][value > 0 ? a : b] += 1 }
        }
        return votes.map { list in list.firstIndex(of: list.max()!)! }
    }

    /// The share of rows whose class is predicted.
    public func accuracy(_ kernel: Tensor, labels: [Int]) -> Double {
        Double(zip(predict(kernel), labels).count { $0.0 == $0.1 }) / Double(max(1, labels.count))
    }

    /// Each machine with a coefficient for every one of `n` training points.
    func dense(_ n: Int) -> [(a: Int, b: Int, coefficients: [Double], bias: Double)] {
        machines.map { one in
            var row = [Double](repeating: 0, count: n)
            for (i, value) in zip(one.rows, one.machine.coefficients) { row[i] = value }
            return (one.a, one.b, row, one.machine.bias)
        }
    }
}
