import Foundation
import Testing

/// `mercer kernel ntk`.
@Suite struct KernelTangentTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try write("train.csv", "a,b,kind", 0..<80) { i, a, b in "\(a),\(b),\(a * b > 0 ? "same" : "other")" }
        try write("test.csv", "a,b,kind", 80..<120) { _, a, b in "\(a),\(b),\(a * b > 0 ? "same" : "other")" }
        try write("curve.csv", "a,b,y", 0..<60) { _, a, b in "\(a),\(b),\(sin(2 * a) + b)" }
        try write("more.csv", "a,b,y", 60..<90) { _, a, b in "\(a),\(b),\(sin(2 * a) + b)" }
        try write("narrow.csv", "a", 0..<5) { _, a, _ in "\(a)" }
        try text("twins.csv", "a,b,y\n1,2,3\n1,2,4\n0,1,2\n2,1,0\n")
        try text("hole.csv", "a,b,y\n1,inf,3\n1,2,4\n")
        try text("headless.json", #"{"layers": [{"type": "dense"}, {"type": "relu"}]}"#)
        try text("pooled.json", #"{"layers": [{"type": "dense"}, {"type": "avg_pool"}, {"type": "dense"}]}"#)
        try text("normed.json", #"{"layers": [{"type": "layer_norm"}, {"type": "dense"}]}"#)
        try text("odd.json", #"{"layers": [{"type": "dense"}, {"type": "swoosh"}, {"type": "dense"}]}"#)
    }

    private func text(_ name: String, _ text: String) throws {
        try text.write(to: folder.url.appendingPathComponent(name), atomically: true, encoding: .utf8)
    }

    private func write(_ name: String, _ header: String, _ rows: Range<Int>, _ line: (Int, Double, Double) -> String)
        throws
    {
        let lines = rows.map { line($0, sin(12.9898 * Double($0)), cos(78.233 * Double($0))) }
        try text(name, ([header] + lines).joined(separator: "\n") + "\n")
    }

    private func run(_ arguments: String) throws -> Command.Result {
        try Command.run(
            Command.executable, ["kernel", "ntk"] + arguments.split(separator: " ").map(String.init), in: folder.url)
    }

    @Test func classesArePredictedAndTheModelIsKept() throws {
        let fitted = try run(
            "train.csv --target kind --test test.csv --ridge auto --save model.safetensors --matrix k.npy --json")
        #expect(fitted.status == 0, "\(fitted.errors)")
        let json = try #require(try fitted.json() as? [String: Any])
        #expect((json["accuracy"] as? Double ?? 0) > 0.85)
        let applied = try run("--apply model.safetensors --test test.csv --json")
        let again = try #require(try applied.json() as? [String: Any])
        #expect(again["accuracy"] as? Double == json["accuracy"] as? Double)
        #expect(FileManager.default.fileExists(atPath: folder.url.appendingPathComponent("k.npy").path))
    }

    @Test func regressionHasCalibratedDeviations() throws {
        let result = try run("curve.csv --target y --test more.csv --kernel nngp --ridge 1e-4 --uncertainty --json")
        #expect(result.status == 0, "\(result.errors)")
        let json = try #require(try result.json() as? [String: Any])
        #expect((json["rootMeanSquareError"] as? Double ?? 9) < 0.3)
        let rows = try #require(json["predictions"] as? [[String: Any]])
        #expect(rows.allSatisfy { ($0["deviation"] as? Double ?? 0) > 0 })
    }

    @Test func earlyStoppingStaysNearZero() throws {
        let result = try run("curve.csv --target y --test more.csv --time 0 --json")
        let json = try #require(try result.json() as? [String: Any])
        let rows = try #require(json["predictions"] as? [[String: Any]])
        let values = rows.compactMap { $0["value"] as? Double }
        #expect(values.count == 30)
        #expect(values.max()! - values.min()! < 1e-9)
    }

    @Test(arguments: [
        ("train.csv --target kind --net headless.json", "layer 2: a network must end in a dense layer"),
        ("train.csv --target kind --net pooled.json", "layer 2: pooling needs pictures"),
        ("train.csv --target kind --net normed.json", "layer 1: a layer norm can't come first"),
        ("train.csv --target kind --net odd.json", "layer 2: 'swoosh' is unknown"),
        ("train.csv --target kind --net tower:3", "mlp:N, cnn:N, cnn-gap:N"),
        ("train.csv --target kind --activation swoosh", "--activation is 'swoosh'"),
        ("train.csv --target kind --net cnn-gap:2", "--shape is missing"),
        ("train.csv --target kind --time=-1", "--time is -1"),
        ("train.csv --target kind --ridge small", "--ridge is small"),
        ("train.csv --target nobody", "has no column 'nobody'"),
        ("curve.csv --target y --test narrow.csv", "narrow.csv"),
        ("hole.csv --target y", "row 1 has inf in column b"),
        ("twins.csv --target y --ridge 0", "rows 1 and 2 are equal for it; give a --ridge"),
        ("--apply train.csv --test test.csv", "train.csv"),
        ("--finite train.csv --data narrow.csv", "train.csv"),
    ])
    func wrongInputIsExplained(_ arguments: String, _ message: String) throws {
        let result = try run(arguments)
        #expect(result.status == 1, "\(result.output)")
        #expect(result.errors.contains(message), "\(result.errors)")
    }
}
