import Foundation
import Mercer
import Testing

/// `mercer kernel quantum` on tables of its own: right and wrong input.
@Suite struct QuantumTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try write("two.csv", "a,b,c,d,kind\n", rows: 80) { i in
            let (x, y) = (sin(Double(7 * i)), cos(Double(3 * i * i)))
            return "\(x),\(y),\(x * y),\(Double(i % 11)),\(x + 0.2 * y > 0 ? "up" : "down")"
        }
        try write("real.csv", "a,b,y\n", rows: 80) { "\(sin(Double($0))),\(cos(Double($0))),\(Double($0) * 0.37)" }
        try write("one.csv", "a,b,kind\n", rows: 12) { "\(Double($0)),\(Double($0 * $0)),same" }
        try write("words.csv", "a,b,kind\n", rows: 12) { "\($0 == 3 ? "tall" : "\($0)"),\($0 * $0),\($0 % 2)" }
        try write("pairs.csv", "a,b,kind\n", rows: 12) { "\(Double($0)),\(Double($0 * $0)),\($0 % 2)" }
        try write("far.csv", "a,b,kind\n", rows: 12) { "\($0 == 3 ? "inf" : "\($0)"),\($0 * $0),\($0 % 2)" }
        try write("hole.csv", "a,b,kind\n", rows: 12) { "\($0 == 3 ? "NaN" : "\($0)"),\($0 * $0),\($0 % 2)" }
        try write("angles.csv", "a,b,kind\n", rows: 40) { "\(Double($0)),\(Double($0 * $0 % 17)),\($0 % 2)" }
        try text(
            "seven.json",
            #"{"qubits": 2, "features": 4, "terms": [{"on": [0], "product": ["x7"]}]}"#)
        try text("notamap.json", #"{"layers": 3}"#)
    }

    private func text(_ name: String, _ text: String) throws {
        try text.write(to: folder.url.appendingPathComponent(name), atomically: true, encoding: .utf8)
    }

    private func write(_ name: String, _ header: String, rows: Int, _ line: (Int) -> String) throws {
        try text(name, header + (0..<rows).map(line).joined(separator: "\n") + "\n")
    }

    private func run(_ arguments: String) throws -> Command.Result {
        try Command.run(
            Command.executable, ["kernel", "quantum"] + arguments.split(separator: " ").map(String.init),
            in: folder.url)
    }

    @Test func aTableIsClassifiedBesideAGaussianKernel() throws {
        let result = try run("two.csv --target kind --qubits 2 --json --save m.safetensors --picture p.png")
        #expect(result.status == 0, "\(result.errors)")
        let json = try #require(try result.json() as? [String: Any])
        let accuracy = try #require(json["accuracy"] as? [String: Any])
        #expect((accuracy["value"] as? Double ?? 0) > 0.6)
        #expect(json["gaussian"] != nil)
        #expect(json["components"] is Double)
        let picture = try Data(contentsOf: folder.url.appendingPathComponent("p.png"))
        #expect(picture.starts(with: [0x89, 0x50]))
        let applied = try run("two.csv --target kind --apply m.safetensors --json")
        let classes = try #require(try applied.json() as? [String: Any])
        #expect((classes["classes"] as? [String])?.count == 80)
    }

    @Test func shotsNoiseAndMitigationAreTold() throws {
        let result = try run(
            "two.csv --target kind --drop c,d --qubits 2 --bandwidth 0.3 --C 10 --shots 500 --noise 0.001,0.01 "
                + "--mitigate --compare none")
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("smallest eigenvalue of the measured kernel"))
    }

    @Test func artificialDataAreSeparated() throws {
        let result = try run("--adhoc --qubits 2 --sets 2 --json")
        #expect(result.status == 0, "\(result.errors)")
        let json = try #require(try result.json() as? [String: Any])
        #expect((json["mean"] as? Double ?? 0) > 0.9)
        #expect((json["gaussianMean"] as? Double ?? 1) < (json["mean"] as? Double ?? 0))
    }

    @Test func aVariationalClassifierTrains() throws {
        let result = try run(
            "--adhoc --classifier variational --depth 2 --iterations 30 --shots 200 --sets 1 --compare none --json")
        #expect(result.status == 0, "\(result.errors)")
        #expect(try result.json() is [String: Any])
    }

    @Test func kernelsAreWrittenAndTakenUpAgain() throws {
        #expect(try run("two.csv --target kind --qubits 2 --bandwidth 0.3 --matrix K.npy").status == 0)
        let result = try run("two.csv --target kind --precomputed K.npy --json")
        let json = try #require(try result.json() as? [String: Any])
        #expect((json["classes"] as? [String])?.count == 80)
        let wrong = try run("one.csv --target kind --precomputed K.npy")
        #expect(wrong.errors.contains("it is a kernel of 80 rows, but the table has 12"))
        let narrow = try run("angles.csv --target kind --precomputed K.npy --precomputed-test K.npy")
        #expect(narrow.status == 1)
    }

    @Test func kernelsFromElsewhereAreChecked() throws {
        let path = { (name: String) in self.folder.url.appendingPathComponent(name).path }
        let eye = Tensor.eye(12, nil, .float64)
        try Npy.write(eye[0..<12, 0..<9], to: path("long.npy"))
        try Npy.write(eye + Tensor((0..<144).map { $0 == 5 ? 0.5 : 0.0 }, [12, 12]), to: path("skew.npy"))
        try Npy.write(eye + Tensor((0..<144).map { $0 == 13 ? Double.nan : 0.0 }, [12, 12]), to: path("hole.npy"))
        try Npy.write(eye, to: path("eye.npy"))
        for (arguments, message) in [
            ("--precomputed long.npy", "long.npy: its shape is [12, 9], a square matrix is expected"),
            ("--precomputed skew.npy", "skew.npy: it isn't symmetric: entry (6, 1) is 0.0, entry (1, 6) is 0.5"),
            ("--precomputed hole.npy", "hole.npy: entry (2, 2) is nan, where a finite number is expected"),
            (
                "--precomputed eye.npy --precomputed-test long.npy",
                "long.npy: its shape is [12, 9], but kernels with the 12 training rows are expected"
            ),
            ("--precomputed eye.npy --precomputed-test hole.npy", "hole.npy: entry (2, 2) is nan"),
        ] {
            let result = try run("pairs.csv --target kind " + arguments)
            #expect(result.status == 1 && result.errors.contains(message), "\(result.errors)")
        }
    }

    @Test func trainedKernelsAlignBetterWithTheClasses() throws {
        let plain = "two.csv --target kind --drop c,d --qubits 2 --bandwidth 0.3 --C 10 --compare none --json"
        let trained = try run(plain + " --train-kernel --save trained.safetensors")
        #expect(trained.status == 0, "\(trained.errors)")
        let json = try #require(try trained.json() as? [String: Any])
        let before = try #require(json["alignmentBefore"] as? Double)
        let after = try #require(json["alignmentAfter"] as? Double)
        #expect(after > before && after <= 1)
        let untrained = try #require(try run(plain).json() as? [String: Any])
        #expect(untrained["alignmentAfter"] == nil)
        // A kept model has its scales and rotations.
        let applied = try run("two.csv --target kind --drop c,d --apply trained.safetensors")
        #expect(applied.status == 0 && applied.errors.contains("accuracy"), "\(applied.errors)")
        let narrow = try run("two.csv --target kind --drop b,c,d --apply trained.safetensors")
        #expect(narrow.errors.contains("the rows of two.csv has 1 column, but 2 are expected"), "\(narrow.errors)")
    }

    @Test func singlePrecisionChangesEntriesByLittle() throws {
        let matrix = "two.csv --target kind --qubits 3 --drop d --bandwidth 0.5 --matrix "
        #expect(try run(matrix + "double.npy").status == 0)
        #expect(try run(matrix + "single.npy --single").status == 0)
        func read(_ name: String) throws -> [Double] {
            try Npy.read(contentsOf: folder.url.appendingPathComponent(name).path).asType(.float64).toArray(Double.self)
        }
        let (double, single) = (try read("double.npy"), try read("single.npy"))
        let error = zip(double, single).reduce(0) { max($0, abs($1.0 - $1.1)) }
        #expect(double.count == 6400 && error > 0 && error < 1e-5)
    }

    @Test func anglesThatWrapAreWarnedOf() throws {
        let result = try run("angles.csv --target kind --raw --qubits 2 --C 1 --compare none")
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.errors.contains("lie outside one turn ((0, 2π])"))
    }

    @Test(arguments: [
        ("two.csv --target kind --qubits 0", "--qubits is 0, but a number from 1 to 24 is expected"),
        ("two.csv --target kind --qubits 30", "would need 17.2 GB"),
        ("two.csv --target kind --qubits 8 --noise 0.01,0.1", "7 qubits are the most"),
        ("two.csv --target kind --qubits 6", "the number of columns is 4, but as many as the map takes features, 6"),
        ("two.csv --target kind --shots 0", "--shots is '0'"),
        ("two.csv --target kind --shots=-3", "--shots is '-3'"),
        ("two.csv --target kind --bandwidth 0", "--bandwidth is '0'"),
        ("two.csv --target kind --noise 0.1", "two probabilities such as 0.001,0.01"),
        ("two.csv --target kind --qubits 2 --noise 0.1,2", "a noise probability is 2.0"),
        ("two.csv --target kind --map seven.json", "takes feature 7, but there are 4"),
        ("two.csv --target kind --map notamap.json", "it isn't a feature map"),
        ("two.csv --target nobody", "has no column 'nobody'"),
        ("real.csv --target y --qubits 2", "this looks like regression"),
        ("one.csv --target kind --qubits 2", "the number of classes in column kind is 1"),
        ("words.csv --target kind --qubits 2", "has 'tall' in column a"),
        ("hole.csv --target kind --qubits 2", "row 4 has no value in column a"),
        ("far.csv --target kind --qubits 2", "far.csv: row 4 has inf in column a"),
        ("two.csv --target kind --qubits 2 --noise 0.1,0.1 --classifier variational", "leave out --noise"),
        ("two.csv --target kind --mitigate", "'--mitigate' needs --noise"),
        ("two.csv --target kind --qubits 2 --C 0", "--C is '0', but auto or a positive number is expected"),
        ("--adhoc --gap 1", "--gap is 1.0"),
        ("--adhoc --gap 0.9999 --sets 1", "were accepted"),
        ("two.csv --target kind --apply two.csv", "two.csv"),
    ])
    func wrongInputIsExplained(_ arguments: String, _ message: String) throws {
        let result = try run(arguments)
        #expect(result.status != 0)
        #expect(result.errors.contains(message), "\(result.errors)")
        #expect(!result.errors.contains("Fatal"))
    }
}
