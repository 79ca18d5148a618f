import Foundation
import Mercer
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
        try text("unreal.json", #"{"layers": [{"type": "dense"}, {"type": "exp_normalized"}, {"type": "dense"}]}"#)
        try text("strided.json", #"{"layers": [{"type": "conv", "stride": 1e300}, {"type": "flatten"}]}"#)
        try text("zeros.csv", "a,b,y\n1,2,3\n0.5,-1,0\n2,0.2,1\n1,1,2\n")
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

    /// Weights of a random network of 2 inputs, 40 hidden units and 1 output, moved by `shift`.
    private func writeNetwork(_ name: String, shift: Double = 0) throws {
        let sizes = [(40, 2), (40, 40), (1, 40)]
        var tensors: [String: Tensor] = [:]
        for (l, (rows, columns)) in sizes.enumerated() {
            tensors["\(l).weight"] = Random.normal([rows, columns], dtype: .float64, key: RandomKey(UInt64(l))) + shift
            tensors["\(l).bias"] = Random.normal([rows], dtype: .float64, key: RandomKey(UInt64(10 + l)))
        }
        try saveTensors(tensors, to: folder.url.appendingPathComponent(name).path)
    }

    @Test func finiteNetworksAreMeasuredAgainstTheirLimit() throws {
        try writeNetwork("net.safetensors")
        try writeNetwork("later.safetensors", shift: 0.1)
        let options = "--finite net.safetensors --data new.csv --against later.safetensors"
        try write("new.csv", "a,b", 0..<12) { _, a, b in "\(a),\(b)" }
        let result = try run(options + " --matrix K.npy --json")
        #expect(result.status == 0, "\(result.errors)")
        let json = try #require(try result.json() as? [String: Any])
        #expect(json["points"] as? Int == 12 && json["outputs"] as? Int == 1)
        let spectrum = try #require(json["spectrum"] as? [Double])
        let kernel = try Npy.read(contentsOf: folder.url.appendingPathComponent("K.npy").path)
        #expect(kernel.shape == [12, 12])
        let trace = (0..<12).reduce(0.0) { $0 + kernel[$1, $1].item(Double.self) }
        #expect(abs(spectrum.reduce(0, +) / trace - 1) < 1e-9)
        let bound = try #require(json["largestStableRate"] as? Double)
        #expect(abs(bound / (24 / spectrum[0]) - 1) < 1e-9)
        #expect((json["distanceFromLimit"] as? Double ?? 9) < 1 && (json["drift"] as? Double ?? 0) > 0)
        let fast = try run(options + " --rate \(2 * bound)")
        #expect(fast.status == 0)
        #expect(fast.errors.contains("gradient descent diverges at rate") && fast.output.contains("drift"))
        for (arguments, message) in [
            ("--finite net.safetensors --data narrow.csv", "the inputs of narrow.csv has 1 column, but 2 are expected"),
            (
                "--finite net.safetensors --data new.csv --net unreal.json",
                "layer 2: exp_normalized has no finite network"
            ),
            ("--finite net.safetensors --data new.csv --net mlp:4", "it has no matrix '3.weight' for dense layer 4"),
            ("--finite net.safetensors", "--finite needs --data"),
        ] {
            let wrong = try run(arguments)
            #expect(wrong.status != 0 && wrong.errors.contains(message), "\(wrong.errors)")
        }
    }

    /// A row that is 0 after standardising has the kernel 0 without biases, not NaN.
    @Test func rowsOfNormZeroArePredicted() throws {
        try text("middle.csv", "a,b\n1.125,0.55\n")
        let result = try run("zeros.csv --target y --b-std 0 --test middle.csv --json")
        #expect(result.status == 0, "\(result.errors)")
        let json = try #require(try result.json() as? [String: Any])
        let rows = try #require(json["predictions"] as? [[String: Any]])
        #expect(abs(try #require(rows[0]["value"] as? Double) - 1.5) < 1e-6)
    }

    @Test func picturesTooLargeForMemoryAreRefused() throws {
        let pixels = 224 * 224
        let header = (0..<pixels).map { "p\($0)" }.joined(separator: ",")
        let rows = (0..<2).map { i in
            (0..<pixels).map { "\(($0 * (i + 3)) % 7)" }.joined(separator: ",") + ",\(i)"
        }
        try text("large.csv", ([header + ",y"] + rows).joined(separator: "\n") + "\n")
        let result = try run("large.csv --target y --classes --net cnn-gap:2")
        #expect(result.status == 1)
        #expect(result.errors.contains("GB of memory"), "\(result.errors.suffix(300))")
    }

    @Test(arguments: [
        ("train.csv --target kind --net headless.json", "layer 2: a network must end in a dense layer"),
        ("train.csv --target kind --net pooled.json", "layer 2: pooling needs pictures"),
        ("train.csv --target kind --net normed.json", "layer 1: a layer norm can't come first"),
        ("train.csv --target kind --net odd.json", "layer 2: 'swoosh' is unknown"),
        ("train.csv --target kind --net strided.json", "layer 1: 'stride' is 1e+300, not a whole number"),
        ("train.csv --target kind --net tower:3", "mlp:N, cnn:N, cnn-gap:N"),
        ("train.csv --target kind --activation swoosh", "--activation is 'swoosh'"),
        ("train.csv --target kind --net cnn-gap:2", "--shape is missing"),
        ("train.csv --target kind --time=-1", "--time is -1"),
        ("train.csv --target kind --rate 0 --time 1", "--rate is 0.0"),
        ("train.csv --target kind --ridge small", "--ridge is small"),
        ("train.csv --target nobody", "has no column 'nobody'"),
        ("curve.csv --target y --test narrow.csv", "narrow.csv"),
        ("hole.csv --target y", "hole.csv: row 1 has inf in column b"),
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
