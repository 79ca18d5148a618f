import Foundation
import Mercer
import Testing

/// `mercer kernel private` on long tables, sums of exponentials and gradient descent.
@Suite struct PrivateCommandTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try write("rows.csv", "name,a,b\n" + lines(5000) { "n\($0),\(sin(Double($0))),\(cos(1.7 * Double($0)))" })
        try write("asked.csv", "a,b\n0,0\n0.9,0.9\n")
        try write("terms.csv", "weight,rate\n0.7,0.5\n0.3,4\n")
        try write("mixed.csv", "weight,rate\n0.7,0.5\n-0.3,4\n")
        try write("holes.csv", "a,b\n" + lines(100) { $0 % 10 == 3 ? "?,1" : "0.1,\(Double($0) / 100)" })
        try write(
            "sizes.csv",
            "x,y,kind\n"
                + lines(400) { "\(Double($0 % 7) + 1),\(1000 * Double($0 % 5) + 1),\($0 % 2 == 0 ? "up" : "down")" })
        try write(
            "kinds.csv",
            "x,y,kind\n" + lines(400) { "\(Double($0 % 7) + 1),\(Double($0 % 5) + 1),up" }
                + lines(400) { "\(-Double($0 % 7) - 1),\(Double($0 % 5) + 1),down" })
    }

    private func lines(_ count: Int, _ line: (Int) -> String) -> String {
        (0..<count).map { line($0) + "\n" }.joined()
    }

    private func write(_ name: String, _ text: String) throws {
        try text.write(to: folder.url.appending(path: name), atomically: true, encoding: .utf8)
    }

    private func run(_ arguments: String) throws -> Command.Result {
        try Command.run(
            Command.executable, ["kernel", "private"] + arguments.split(separator: " ").map(String.init),
            in: folder.url)
    }

    private func shell(_ script: String) throws -> Command.Result {
        try Command.run(URL(fileURLWithPath: "/bin/bash"), ["-c", script, Command.executable.path], in: folder.url)
    }

    private func bytes(_ name: String) throws -> Data { try Data(contentsOf: folder.url.appending(path: name)) }

    // MARK: Long tables

    @Test(arguments: [
        "gaussian --bandwidth 1 --features 64", "cauchy --bandwidth 1 --features 64", "l1 --bound 1", "l2 --bound 2",
        "l2sq --bound 2", "exponentials --terms terms.csv --distance l1 --features 64",
    ])
    func pipesAndFilesGiveTheSameRelease(_ function: String) throws {
        let build = "--function \(function) --epsilon 1 --seed 1 --experiment --out"
        let counted = try run("build rows.csv --drop name \(build) counted")
        #expect(counted.status == 0, "\(counted.errors)")
        #expect(try run("build rows.csv --drop name --rows 5000 \(build) once").status == 0)
        let piped = try shell("cut -d, -f2,3 rows.csv | \"$0\" kernel private build - --rows 5000 \(build) piped")
        #expect(piped.status == 0, "\(piped.errors)")
        let table = try CSVTable(contentsOf: folder.url.appending(path: "rows.csv").path)
        try Npy.write(try table.matrix(), to: folder.url.appending(path: "rows.npy").path)
        #expect(try run("build rows.npy \(build) array").status == 0)
        for name in ["once", "piped", "array"] { #expect(try bytes(name) == bytes("counted"), "\(name)") }
    }

    /// Two million rows, of which no more than a block is ever held.
    @Test func longTablesTakeLittleMemory() throws {
        let script = """
            yes 0.5,0.25 | head -n 2000000 | "$0" kernel private build - --rows 2000000 --function l2sq --bound 1 \
            --epsilon 1 --out long & pid=$!
            while line=$(grep VmHWM /proc/$pid/status 2>/dev/null); do [ -n "$line" ] && peak=$line; sleep 0.02; done
            wait $pid && echo $peak
            """
        let result = try shell(script)
        #expect(result.status == 0, "\(result.errors)")
        let peak = try #require(
            result.output.split(separator: "\n").last.flatMap { $0.split(separator: " ").dropFirst().first }
                .flatMap { Int($0) })
        #expect(peak < 200_000, "\(peak) kB")
    }

    @Test func rowsWithGapsAreDroppedButNeverFilled() throws {
        let build = "build holes.csv --function l2sq --bound 2 --epsilon 1 --out h"
        #expect(try run(build).errors.contains("holes.csv: row 4 has no value in column a"))
        let dropped = try run("\(build) --missing drop")
        #expect(dropped.output.contains("l2sq of 90 rows"), "\(dropped.errors)")
        let filled = try run("\(build) --missing mean")
        #expect(filled.status == 1 && filled.errors.contains("would take the mean from the private rows"))
    }

    @Test func releasesWithNegativeWeightsArentCompared() throws {
        let build = "build asked.csv --function exponentials --terms mixed.csv --distance l2sq --epsilon 1"
        for name in ["p", "q"] {
            let built = try run("\(build) --features 64 --out \(name)")
            #expect(built.status == 0, "\(built.errors)")
        }
        let compared = try run("compare p q")
        #expect(compared.status == 1)
        #expect(compared.errors.contains("is -0.3, but positive weights only"), "\(compared.errors)")
    }

    // MARK: Classes

    @Test func gradientDescentIsBuiltSavedAndApplied() throws {
        let build = "classify-build kinds.csv --target kind --method gradient-descent --epsilon 3 --delta 1e-5"
        let built = try run("\(build) --steps 40 --rate 4 --out g.safetensors")
        #expect(built.status == 0, "\(built.errors)")
        for word in ["40 steps: Gaussian on a grid, sensitivity 1", "clipped to norm 1", "ε = 3.0, δ = 1e-05"] {
            #expect(built.output.contains(word), "\(built.output)")
        }
        let asked = try run("classify g.safetensors kinds.csv --target kind --json")
        let json = try #require(try asked.json() as? [String: Any])
        #expect(try #require(json["accuracy"] as? Double) > 0.95)
        #expect(
            try run("classify g.safetensors asked.csv").errors.contains("post-processing of g.safetensors: ε stays 3"))
        let seeded = try run("\(build) --seed 2 --experiment --out s.safetensors")
        #expect(seeded.output.contains("NOT PRIVATE"))
        let wide = try run("classify g.safetensors rows.csv --drop name,a")
        #expect(wide.errors.contains("the rows of rows.csv has 1 column, but 2 are expected"), "\(wide.errors)")
    }

    @Test func columnsThatDrownOthersAreNamed() throws {
        let uneven = try run("classify-build sizes.csv --target kind --epsilon 1 --out c.safetensors")
        #expect(uneven.status == 0)
        #expect(
            uneven.errors.contains("column y is 549 times as large as column x, which hardly counts beside it"),
            "\(uneven.errors)")
        let even = try run("classify-build kinds.csv --target kind --epsilon 1 --out c.safetensors")
        #expect(even.status == 0 && !even.errors.contains("times as large"))
    }

    // MARK: Wrong input

    @Test(arguments: [
        ("build - --function l2sq --bound 1 --epsilon 1 --out x", "'--rows N'"),
        ("build rows.csv --rows 0 --function l2sq --bound 1 --epsilon 1 --out x", "'--rows' must be 1 or more"),
        (
            "build rows.csv --drop name --rows 7 --function l2sq --bound 2 --epsilon 1 --out x",
            "rows.csv: it has 5000 rows, but --rows says 7"
        ),
        ("build rows.csv --function l2sq --bound 2 --epsilon 1 --out x", "row 1 has 'n0' in column name"),
        (
            "build rows.csv --drop name --function l1 --bound 0.999 --epsilon 1 --out x",
            "rows.csv: 284 rows lie outside the public bound 0.999, the first is row 1;"
        ),
        (
            "build rows.csv --drop name --function exponentials --epsilon 1 --out x",
            "--function is exponentials without --terms"
        ),
        (
            "build rows.csv --drop name --function exponentials --terms terms.csv --epsilon 1 --out x",
            "exponentials without --distance"
        ),
        (
            "build rows.csv --function exponentials --terms terms.csv --distance l2 --bandwidth 1 --epsilon 1 --out x",
            "--bandwidth is given with exponentials"
        ),
        (
            "build rows.csv --function gaussian --bandwidth 1 --terms terms.csv --epsilon 1 --out x",
            "'gaussian' with --terms or --distance"
        ),
        (
            "build rows.csv --function exponentials --terms terms.csv --distance l3 --epsilon 1 --out x",
            "The value 'l3' is invalid for '--distance"
        ),
        (
            "classify-build kinds.csv --target kind --method gradient-descent --epsilon 1 --out x",
            "--delta is 0.0, but more than 0 for gradient descent"
        ),
        (
            "classify-build kinds.csv --target kind --method gradient-descent --epsilon 1 --delta 1e-5 --steps 0 --out x",
            "--steps is 0"
        ),
        (
            "classify-build kinds.csv --target kind --method gradient-descent --epsilon 1 --delta 1e-5 --rate 0 --out x",
            "--rate is 0.0"
        ),
        (
            "classify-build kinds.csv --target kind --steps 5 --epsilon 1 --out x",
            "belong to '--method gradient-descent'"
        ),
        (
            "classify-build kinds.csv --target kind --method sums --function gaussian --bandwidth 1 --epsilon 1 --out x",
            "'--function' and '--method densities' belong together"
        ),
        ("classify-build kinds.csv --target kind --method densities --epsilon 1 --out x", "belong together"),
        ("classify-build kinds.csv --target kind --missing mean --epsilon 1 --out x", "would take the mean"),
    ])
    func wrongInputIsExplained(_ arguments: String, _ message: String) throws {
        let result = try run(arguments)
        #expect(result.status != 0)
        #expect(result.errors.contains(message), "\(result.errors)")
        #expect(!result.errors.contains("Fatal"))
        #expect(!FileManager.default.fileExists(atPath: folder.url.appending(path: "x").path))
    }

    @Test(arguments: [
        ("weight,rate\n0.7,0\n", "bad.csv: row 1 has the rate 0.0, but a positive number is expected"),
        ("weight,rate\n0.7,1\n1,-2\n", "bad.csv: row 2 has the rate -2.0"),
        ("weight,rate\nnan,1\n", "bad.csv: row 1 has the weight nan, but a finite number other than 0 is expected"),
        ("weight,rate\n0,1\n", "bad.csv: row 1 has the weight 0.0"),
        ("weight,rate\ninf,1\n", "bad.csv: row 1 has the weight inf"),
        ("weight,rate\n", "bad.csv: it has a header but no rows"), ("", "bad.csv: it has no rows"),
        ("w,t\n1,2\n", "bad.csv has no column 'weight'"), ("1,2\n3,4\n", "bad.csv has no column 'weight'"),
        ("weight,rate\n1,fast\n", "bad.csv: row 1 has 'fast' in column rate"),
    ])
    func wrongTermsAreNamed(_ terms: String, _ message: String) throws {
        try write("bad.csv", terms)
        let result = try run(
            "build rows.csv --drop name --function exponentials --terms bad.csv --distance l2 --epsilon 1 --out x")
        #expect(result.status == 1)
        #expect(result.errors.contains(message), "\(result.errors)")
    }

    @Test func sumsOfExponentialsAreReleasedAndAsked() throws {
        let built = try run(
            "build rows.csv --drop name --function exponentials --terms terms.csv --distance l2sq --epsilon 1 --out e")
        #expect(built.status == 0, "\(built.errors)")
        #expect(built.output.contains("ε = 0.637578") && built.output.contains("ε = 0.362422"), "\(built.output)")
        let asked = try run("query e asked.csv --function exponentials")
        #expect(asked.status == 0 && asked.output.split(separator: "\n").count == 3, "\(asked.errors)")
        #expect(try run("query e asked.csv --function gaussian").errors.contains("it releases exponentials"))
    }
}
