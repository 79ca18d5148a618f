import Foundation
import Mercer

/// One file of independent numbers: tensors by name, and what the metadata says of each case.
struct OracleFile {
    let name: String
    let tensors: [String: Tensor]
    let metadata: [String: String]

    /// The folder of oracle files: `MERCER_ORACLES`, or `Tests/Oracles` beside this folder.
    static let folder: URL = {
        if let path = ProcessInfo.processInfo.environment["MERCER_ORACLES"] { return URL(filePath: path) }
        return URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Oracles")
    }()

    /// The names of the files in the folder, without their ending.
    static func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "safetensors" }
            .map { $0.deletingPathExtension().lastPathComponent }
            .sorted()
    }

    init(named name: String) throws {
        self.name = name
        let file = try Safetensors(contentsOf: Self.folder.appending(path: "\(name).safetensors").path)
        var tensors: [String: Tensor] = [:]
        for key in file.names { tensors[key] = try file.tensor(key) }
        self.tensors = tensors
        metadata = file.metadata
    }

    /// A metadata entry that is JSON.
    func json(_ key: String) -> [String: Any] {
        guard let text = metadata[key], let object = try? JSONSerialization.jsonObject(with: Data(text.utf8)) else {
            return [:]
        }
        return object as? [String: Any] ?? [:]
    }
}

/// What became of the cases of a file.
struct OracleTally {
    private(set) var passed = 0
    private(set) var failures: [String] = []

    /// Counts one case; `problems` is empty where it agrees.
    mutating func count(_ name: String, _ problems: [String]) {
        if problems.isEmpty { passed += 1 } else { failures.append("\(name): " + problems.joined(separator: "; ")) }
    }

    static func + (a: OracleTally, b: OracleTally) -> OracleTally {
        var sum = a
        sum.passed += b.passed
        sum.failures += b.failures
        return sum
    }
}

/// How far a result may be from the expected numbers.
struct Tolerance {
    /// In units of max(1, largest expected magnitude), or absolute.
    var bound: Double
    var isAbsolute = false

    static let forward = Tolerance(bound: 1e-4)
    static let gradient = Tolerance(bound: 1e-3)
    static let double = Tolerance(bound: 1e-9)

    /// Nil where `actual` agrees with `expected`; else what is wrong.
    func problem(_ what: String, _ actual: Tensor?, _ expected: Tensor) -> String? {
        guard let actual else { return "\(what) is missing" }
        guard actual.shape == expected.shape else {
            return "\(what) has shape \(actual.shape), expected \(expected.shape)"
        }
        let a = actual.asType(.float64).toArray(Double.self)
        let e = expected.asType(.float64).toArray(Double.self)
        let scale = isAbsolute ? 1 : max(1, e.lazy.filter(\.isFinite).map(abs).max() ?? 0)
        var worst = 0.0
        for (x, y) in zip(a, e) where x != y {
            if x.isNaN && y.isNaN { continue }
            let difference = abs(x - y)
            if !(difference <= worst) { worst = difference.isNaN ? .infinity : difference }
        }
        return worst <= bound * scale ? nil : "\(what) is off by \(worst), allowed \(bound * scale)"
    }
}
