import Mercer

/// The choice of a ridge by cross-validation on a kernel matrix.
public struct RidgeSearch: Sendable {
    /// 10⁻⁵ … 10, in units of the mean diagonal.
    public static let ridges: [Double] = [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10]

    /// The best ridge and its loss.
    public let ridge: Double
    public let loss: Double
    /// The loss of each ridge; infinite where the matrix was singular.
    public let losses: [Double]
    /// Held-out predictions of the best ridge, `[N, k]`.
    public let predictions: Tensor
    /// The folds' rows.
    public let folds: [[Int]]

    /// - Parameters:
    ///   - isClassification: counts rows whose largest output is another than the target's, instead of squares.
    ///   - seed: of the folds.
    public init(
        _ kernel: Tensor, targets: Tensor, isClassification: Bool, ridges: [Double] = RidgeSearch.ridges,
        folds count: Int = 4, seed: UInt64 = 0
    ) throws {
        let (n, k) = (targets.shape[0], targets.shape[1])
        guard n >= 2 else { throw KernelMethodError.tooFew("cross-validation", found: n, needed: 2) }
        let order = SplitMix64.permutation(n, seed: seed)
        let folds = (0..<min(count, n)).map { fold in
            order.indices.filter { $0 % min(count, n) == fold }.map { order[$0] }
        }
        let y = targets.asType(.float64).toArray(Double.self)
        var losses = [Double](repeating: 0, count: ridges.count)
        var held = [[Double]](repeating: [Double](repeating: 0, count: n * k), count: ridges.count)
        for fold in folds {
            let inFold = Set(fold)
            let kept = Tensor((0..<n).filter { !inFold.contains($0) })
            let columns = kernel.take(kept, axis: 1)
            let (train, test) = (columns.take(kept, axis: 0), columns.take(Tensor(fold), axis: 0))
            let known = targets.take(kept, axis: 0)
            for (r, ridge) in ridges.enumerated() where losses[r].isFinite {
                guard let fit = try? KernelRegression(train, targets: known, ridge: ridge) else {
                    losses[r] = .infinity
                    continue
                }
                let values = fit.mean(test).toArray(Double.self)
                for (place, row) in fold.enumerated() {
                    let output = Array(values[place * k..<(place + 1) * k])
                    for c in 0..<k { held[r][row * k + c] = output[c] }
                    losses[r] += Self.loss(output, Array(y[row * k..<(row + 1) * k]), isClassification)
                }
            }
        }
        // Of equals the larger ridge.
        let best = losses.indices.min { (losses[$0], -$0) < (losses[$1], -$1) }!
        guard losses[best].isFinite else {
            throw KernelMethodError.singular("the kernel matrix of every fold", advice: "give a --ridge above 10")
        }
        self.losses = losses.map { $0 / Double(n) }
        ridge = ridges[best]
        loss = losses[best] / Double(n)
        predictions = Tensor(held[best], [n, k])
        self.folds = folds
    }

    private static func loss(_ output: [Double], _ target: [Double], _ isClassification: Bool) -> Double {
        if isClassification { return largest(output) == largest(target) ? 0 : 1 }
        return zip(output, target).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }

    static func largest(_ values: some Collection<Double>) -> Int {
        values.enumerated().max { ($0.element, -$0.offset) < ($1.element, -$1.offset) }!.offset
    }
}

/// Class numbers as rows of ones minus 1/k, and back.
public enum ClassTargets {
    public static func encode(_ labels: [Int], classes k: Int) -> Tensor {
        Tensor([labels.count, k], of: Double.self) { target in
            for (row, label) in labels.enumerated() {
                for c in 0..<k { target[row * k + c] = (c == label ? 1 : 0) - 1 / Double(k) }
            }
        }
    }

    /// The place of the largest number of each row.
    public static func decode(_ outputs: Tensor) -> [Int] {
        let (n, k) = (outputs.shape[0], outputs.shape[1])
        let values = outputs.asType(.float64).toArray(Double.self)
        return (0..<n).map { RidgeSearch.largest(values[$0 * k..<($0 + 1) * k]) }
    }
}
