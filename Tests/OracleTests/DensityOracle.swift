import Foundation
import Mercer
import MercerKernelMethods

/// `kde-large-d`: densities (scikit-learn, SciPy), leave-one-out, the theory of large dimensions, the exact law.
struct DensityOracle {
    static func run(_ file: OracleFile) throws -> OracleTally {
        var oracle = DensityOracle(file)
        for key in file.tensors.keys.sorted() { try oracle.check(key) }
        return oracle.tally
    }

    private let file: OracleFile
    private var tally = OracleTally()
    private let fine = Tolerance(bound: 1e-10)
    private let coarse = Tolerance(bound: 1e-5)

    private init(_ file: OracleFile) { self.file = file }

    private func tensor(_ key: String) -> Tensor {
        guard let tensor = file.tensors[key] else { preconditionFailure("kde-large-d has no \(key)") }
        return tensor
    }

    private func numbers(_ key: String) -> [Double] { tensor(key).toArray(Double.self) }

    private mutating func compare(_ key: String, _ actual: [Double], _ tolerance: Tolerance) {
        let expected = tensor(key)
        let problem =
            actual.count == expected.count
            ? tolerance.problem(key, Tensor(actual, expected.shape), expected)
            : "\(key) has \(actual.count) numbers, expected \(expected.count)"
        tally.count(key, problem.map { [$0] } ?? [])
    }

    private mutating func check(_ key: String) throws {
        let parts = key.split(separator: ".", maxSplits: 2).map(String.init)
        switch parts[0] {
        case "kde": try checkDensity(key, parts)
        case "loo": try checkLeaveOneOut(key)
        case "theory": try checkTheory(key, parts)
        case "finite": try checkFinite(key)
        default: tally.count(key, ["no runner knows it"])
        }
    }

    private mutating func checkDensity(_ key: String, _ parts: [String]) throws {
        if ["kde.data", "kde.query", "kde.weight"].contains(key) { return }
        let (data, query) = (tensor("kde.data"), tensor("kde.query"))
        if parts[1] == "full_covariance" {
            let rule = parts[2].replacingOccurrences(of: ".factor", with: "")
            let kde = try KernelDensity(data, bandwidth: DensityBandwidth(rule), covariance: .full)
            let actual =
                parts[2].hasSuffix(".factor") ? [kde.bandwidth] : kde.logDensity(query).toArray(Double.self)
            return compare(key, actual, fine)
        }
        guard parts.count == 3, parts[2].hasPrefix("h"), let h = Double(parts[2].dropFirst()) else {
            return tally.count(key, ["no runner knows it"])
        }
        if parts[1] == "weighted" {
            let kde = try KernelDensity(data, bandwidth: .fixed(h), weights: numbers("kde.weight"))
            return compare(key, kde.logDensity(query).toArray(Double.self), fine)
        }
        guard let kernel = DensityKernel(rawValue: parts[1]) else {
            return tally.count(key, ["no runner knows it"])
        }
        let kde = try KernelDensity(data, kernel: kernel, bandwidth: .fixed(h))
        compare(key, kde.logDensity(query).toArray(Double.self), fine)
    }

    private mutating func checkLeaveOneOut(_ key: String) throws {
        if key == "loo.h" { return }
        let kde = try KernelDensity(tensor("kde.data"), bandwidth: .leaveOneOut)
        let points = try kde.leaveOneOut(file.tensors["loo.h"] == nil ? [] : numbers("loo.h"))
        switch key {
        case "loo.mean_log_density": compare(key, points.map(\.meanLogDensity), fine)
        case "loo.derivative_log_h": compare(key, points.map(\.derivative), coarse)
        case "loo.participation": compare(key, points.map(\.participation), fine)
        case "loo.best_h": compare(key, [kde.bandwidth], coarse)
        default: tally.count(key, ["no runner knows it"])
        }
    }

    private mutating func checkTheory(_ key: String, _ parts: [String]) throws {
        if parts[1] == "offcentre" { return try checkOffcentre(key, parts[2]) }
        let prefix = "theory.\(parts[1])."
        if ["variance", "alpha", "h"].contains(parts[2]) { return }
        let regimes = try numbers(prefix + "alpha").map {
            try DensityRegimes(variances: numbers(prefix + "variance"), alpha: $0)
        }
        switch parts[2] {
        case "lambda_G": compare(key, regimes.map(\.criticalPrecision), fine)
        case "h_G": compare(key, regimes.map(\.glassBandwidth), fine)
        case "h_CLT": compare(key, regimes.map(\.cltBandwidth), fine)
        case "h_KL": compare(key, regimes.map(\.optimalBandwidth), fine)
        case "log_density_per_dim":
            let h = numbers(prefix + "h")
            compare(key, regimes.flatMap { one in h.map(one.logDensityPerDimension) }, fine)
        case "kl_per_dim":
            let h = numbers(prefix + "h")
            compare(key, regimes.flatMap { one in h.map(one.divergencePerDimension) }, fine)
        default: tally.count(key, ["no runner knows it"])
        }
    }

    private mutating func checkOffcentre(_ key: String, _ name: String) throws {
        if name == "x_squared" { return }
        let squares = numbers("theory.offcentre.x_squared")
        let alphas = numbers("theory.isotropic.alpha")
        let regimes = try alphas.map {
            try DensityRegimes(
                variances: [Double](repeating: 1, count: squares.count), squares: squares, alpha: $0)
        }
        switch name {
        case "h_G": compare(key, regimes.map(\.glassBandwidth), fine)
        case "h_KL": compare(key, regimes.map(\.optimalBandwidth), fine)
        default: tally.count(key, ["no runner knows it"])
        }
    }

    private mutating func checkFinite(_ key: String) throws {
        if key == "finite.case" { return }
        let rows = numbers("finite.case")
        let cases = try Swift.stride(from: 0, to: rows.count, by: 4).map {
            (
                law: try FiniteSizeDensity(
                    dimension: Int(rows[$0]), logCount: rows[$0 + 1], squaredNorm: rows[$0 + 3]),
                h: rows[$0 + 2]
            )
        }
        switch key {
        case "finite.log_density_per_dim":
            compare(key, cases.map { $0.law.values($0.h).logDensityPerDimension }, coarse)
        case "finite.participation": compare(key, cases.map { $0.law.values($0.h).participation }, coarse)
        case "finite.tail_index": compare(key, cases.map { $0.law.tailIndex($0.h) }, coarse)
        default: tally.count(key, ["no runner knows it"])
        }
    }
}
