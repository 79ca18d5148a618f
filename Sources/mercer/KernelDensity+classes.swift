import Foundation
import Mercer
import MercerKernelMethods
import MercerPapers

/// `mercer kernel density TABLE --target COLUMN`: Bayes' rule with a density of each class.
extension KernelDensityCommand {
    private struct Output: Encodable {
        let classes: [String]
        let bandwidths: [Double]
        let predicted: [String]
        /// Of each row, in the order of `classes`.
        let probabilities: [[Double]]
        let accuracy: Double?
    }

    func classify(_ target: String) throws {
        let (train, targets, asked, truth) = try parts(target)
        let (labels, classes) = try targets.labels(target)
        let classifier = try DensityClassifier(
            try train.matrix(), labels: labels, classes: classes.count, kernel: kernel,
            bandwidth: DensityBandwidth(bandwidth), covariance: covariance)
        let rows = try asked.matrix()
        try onRows(of: asked.name) { try classifier.densities[0].check(rows) }
        let probabilities = classifier.probabilities(rows)
        let predicted = probabilities.argMax(axis: 1).asType(.int64).toArray(Int64.self).map { classes[Int($0)] }
        let accuracy = truth.map { Double(zip($0, predicted).count { $0.0 == $0.1 }) / Double(max(1, $0.count)) }
        let values = probabilities.toArray(Double.self)
        let table = predicted.indices.map { row in
            Array(values[(row * classes.count)..<((row + 1) * classes.count)])
        }
        let lines = csv(
            ["class"] + classes.map { "p_\($0)" },
            predicted.indices.lazy.map { [predicted[$0]] + table[$0].map(plain) })
        if let out { try AtomicFile.write(lines, to: out) }
        if json {
            return try Console.print(
                json: Output(
                    classes: classes, bandwidths: classifier.densities.map(\.bandwidth), predicted: predicted,
                    probabilities: table, accuracy: accuracy))
        }
        if out == nil { Console.output.write(lines) }
        for (name, density) in zip(classes, classifier.densities) {
            Console.remark(
                "class \(name): \(density.count) rows, h = \(Format.number(density.bandwidth, digits: 4)) (\(bandwidth))"
            )
        }
        if let accuracy { Console.remark("accuracy \(Format.fixed(accuracy, decimals: 4)) of \(predicted.count) rows") }
    }

    /// The rows to learn from with their classes, and those to classify with theirs where they are known.
    private func parts(
        _ target: String
    ) throws -> (train: DataTable, targets: DataTable, asked: DataTable, truth: [String]?) {
        func names(_ table: DataTable) throws -> [String] {
            let (labels, classes) = try table.labels(target)
            return labels.map { classes[$0] }
        }
        let (whole, targets) = try options.read(table!, apart: [target])
        guard let query else {
            let (train, test) = whole.split(testShare: testShare, seed: seed)
            let (known, asked) = targets.split(testShare: testShare, seed: seed)
            return (train, known, test, try names(asked))
        }
        let all = try DataTable(contentsOf: query)
        let isKnown = (try? all.column(target)) != nil
        let (asked, truth) = try options.separated(all, apart: isKnown ? [target] : [])
        return (whole, targets, asked, isKnown ? try names(truth) : nil)
    }
}
