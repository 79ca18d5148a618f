import Foundation
import Testing

/// `mercer kernel` on tables of its own: right and wrong input.
@Suite struct KernelTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try write("train.csv", header: "a,b,c", rows: 60) { i in
            [sin(Double(i)), cos(Double(3 * i)), Double(i % 7) / 7]
        }
        try write("query.csv", header: "a,b,c", rows: 5) { i in [Double(i) / 5, 0, 0.5] }
        try write("wide.csv", header: "a,b,c,d", rows: 5) { _ in [1, 2, 3, 4] }
        try write("flat.csv", header: "a,b", rows: 10) { i in [Double(i), 7] }
        try write("line.csv", header: "a,b", rows: 10) { i in [Double(i), 2 * Double(i)] }
        try write("one.csv", header: "a,b", rows: 1) { _ in [1, 2] }
        try write("weighted.csv", header: "a,w", rows: 8) { i in [Double(i), i == 3 ? -1 : 1] }
        try write("weightless.csv", header: "a,w", rows: 8) { i in [Double(i), 0] }
        try "a,b\n1,2\n3,nan\n".write(
            to: folder.url.appendingPathComponent("hole.csv"), atomically: true, encoding: .utf8)
        try "a,b\n1,2\n3,inf\n5,6\n".write(
            to: folder.url.appendingPathComponent("infinite.csv"), atomically: true, encoding: .utf8)
        try write("twins.csv", header: "a,b", rows: 20) { i in
            [Double(max(i, 4)) * 0.3, sin(Double(max(i, 4)))]
        }
        try "x,y,kind\n1,0,dog\n0.9,0.1,dog\n0,1,cat\n0.1,1,cat\n".write(
            to: folder.url.appendingPathComponent("kinds.csv"), atomically: true, encoding: .utf8)
    }

    private func write(_ name: String, header: String, rows: Int, _ values: (Int) -> [Double]) throws {
        let lines = (0..<rows).map { values($0).map { "\($0)" }.joined(separator: ",") }
        try ([header] + lines).joined(separator: "\n").appending("\n")
            .write(to: folder.url.appendingPathComponent(name), atomically: true, encoding: .utf8)
    }

    private func run(_ arguments: String) throws -> Command.Result {
        try Command.run(
            Command.executable, ["kernel"] + arguments.split(separator: " ").map(String.init), in: folder.url)
    }

    // MARK: Densities

    @Test func densitiesOfQueriesAreWrittenAndExplained() throws {
        let result = try run("density train.csv --query query.csv --out scores.csv")
        #expect(result.status == 0)
        #expect(result.errors.contains("regime:"))
        let lines = try String(contentsOf: folder.url.appendingPathComponent("scores.csv"), encoding: .utf8)
            .split(separator: "\n")
        #expect(lines.count == 6)
        #expect(lines[0] == "log_density,effective_points,flag")
    }

    @Test func densitiesOfClassesClassify() throws {
        let rows = (0..<60).map { i in
            "\(sin(Double(i)) + (i % 2 == 0 ? 3 : 0)),\(cos(Double(2 * i))),\(i % 2 == 0 ? "right" : "left")"
        }
        try (["x,y,side"] + rows).joined(separator: "\n").appending("\n").write(
            to: folder.url.appendingPathComponent("sides.csv"), atomically: true, encoding: .utf8)
        try "x,y\n3,0\n0,0\n".write(
            to: folder.url.appendingPathComponent("asked.csv"), atomically: true, encoding: .utf8)
        let held = try run("density sides.csv --target side --test-share 0.3 --json")
        let json = try #require(try held.json() as? [String: Any])
        #expect((json["predicted"] as? [String])?.count == 18)
        #expect((json["accuracy"] as? Double ?? 0) > 0.9)
        let asked = try run("density sides.csv --target side --query asked.csv")
        #expect(asked.status == 0)
        let lines = asked.output.split(separator: "\n")
        #expect(lines[0] == "class,p_left,p_right")
        #expect(lines[1].hasPrefix("right,") && lines[2].hasPrefix("left,"))
        #expect(asked.errors.contains("class left: 30 rows"))
    }

    @Test func jsonHasTheBandwidthAndTheRegime() throws {
        let result = try run("density train.csv --json --bandwidth 0.4")
        let json = try #require(try result.json() as? [String: Any])
        #expect(json["bandwidth"] as? Double == 0.4)
        #expect(["gaussian", "stable", "few-points"].contains(json["regime"] as? String))
        #expect((json["estimates"] as? [Any])?.count == 60)
    }

    @Test func regimesDrawAChart() throws {
        let result = try run("density train.csv --regimes --out chart.svg")
        #expect(result.status == 0)
        #expect(result.output.contains("h_CLT"))
        let chart = try String(contentsOf: folder.url.appendingPathComponent("chart.svg"), encoding: .utf8)
        #expect(chart.contains("<svg"))
    }

    @Test func theoryNeedsNoData() throws {
        let result = try run("density --theory --dim 20 --count 22026 --json")
        let json = try #require(try result.json() as? [String: Any])
        #expect(abs((json["glassBandwidth"] as? Double ?? 0) - 0.65215) < 1e-4)
        #expect(abs((json["cltBandwidth"] as? Double ?? 0) - 0.9223) < 1e-3)
    }

    @Test func isolatedQueriesOfCompactKernelsAreCounted() throws {
        let result = try run("density train.csv --query wide.csv --columns a,b,c --kernel tophat --bandwidth 0.1")
        #expect(result.status == 0)
        #expect(result.output.contains("-inf"))
        #expect(result.errors.contains("5 rows are out of every point's reach"))
    }

    @Test func duplicatesAreWarnedOf() throws {
        let result = try run("density twins.csv")
        #expect(result.status == 0)
        #expect(result.errors.contains("25 % of the rows have an exact duplicate"))
    }

    @Test(arguments: [
        ("density train.csv --bandwidth 0", "the bandwidth is 0.0, but a positive number is expected"),
        ("density train.csv --bandwidth=-1", "the bandwidth is -1.0"),
        ("density train.csv --bandwidth nan", "the bandwidth is nan"),
        ("density train.csv --bandwidth wide", "loo, cv:K, scott, silverman, asymptotic"),
        ("density hole.csv", "row 2 has no value in column b"),
        ("density infinite.csv", "infinite.csv: row 2 has inf in column b, where a finite number is expected"),
        ("density train.csv --query infinite.csv", "infinite.csv: row 2 has inf in column b"),
        ("density flat.csv", "column b has the same value in every row"),
        ("density line.csv --covariance full", "use --covariance diagonal"),
        ("density train.csv --query wide.csv", "the rows of wide.csv have 4 columns, but 3 are expected"),
        ("density one.csv", "leave-one-out needs 2 rows or more, and there is 1"),
        ("density weighted.csv --weights w", "the weight of row 4 is -1.0"),
        ("density weightless.csv --weights w", "every weight is 0"),
        ("density train.csv --cutoff 0.5", "the cut-off is 0.5, but a number from 1e-300 to 0.1 is expected"),
        ("density train.csv --cutoff nan", "the cut-off is nan"),
        ("density train.csv --regimes --cutoff 1e-9", "'--cutoff' goes with neither"),
        ("density --theory --dim 4 --count 0.5", "--count is 0.5"),
        ("density --theory --dim 4", "'--theory' needs --dim and --count"),
        ("density train.csv --weights nobody", "has no column 'nobody'; it has a, b, c"),
        ("density --theory --dim 4 --count 100 --spectrum 1,0", "variance 2 of the spectrum is 0.0"),
        ("density --theory --dim 4 --count 100 --spectrum 1,-2", "variance 2 of the spectrum is -2.0"),
        ("density --theory --dim 0 --count 100", "--dim is 0"),
        ("density --theory --dim 4 --count 1", "--count is 1.0"),
        ("density nowhere.csv", "nowhere.csv"),
    ])
    func wrongInputOfDensitiesIsExplained(_ arguments: String, _ message: String) throws {
        let result = try run(arguments)
        #expect(result.status != 0)
        #expect(result.errors.contains(message), "\(result.errors)")
        #expect(!result.errors.contains("Fatal"))
    }

    @Test func cutOffsAndSinglePrecisionGiveTheSameDensities() throws {
        func means(_ options: String) throws -> [String: Any] {
            let result = try run("density train.csv --query query.csv --bandwidth 0.1 --json " + options)
            #expect(result.status == 0, "\(result.errors)")
            return try #require(try result.json() as? [String: Any])
        }
        let plain = try means("")
        let mean = try #require(plain["meanLogDensity"] as? Double)
        let near = try means("--cutoff 1e-6")
        #expect(near["cutoff"] as? Double == 1e-6 && plain["cutoff"] == nil)
        #expect(abs(try #require(near["meanLogDensity"] as? Double) - mean) < 1.1e-6)
        let single = try #require(try means("--single")["meanLogDensity"] as? Double)
        #expect(single != mean && abs(single - mean) < 3e-5)
        let told = try run("density train.csv --bandwidth 0.1 --cutoff 1e-6")
        #expect(told.errors.contains("densities are too small by at most 1e-06 of themselves"))
    }

    // MARK: Private similarity

    @Test func releasesAreBuiltAndAsked() throws {
        let built = try run(
            "private build train.csv --function gaussian --bandwidth 1 --epsilon 5 --features 256 --out r.safetensors"
        )
        #expect(built.status == 0)
        for word in ["sensitivity", "noise scale", "ε = 5", "one row added or removed"] {
            #expect(built.output.contains(word))
        }
        let asked = try run("private query r.safetensors query.csv")
        #expect(asked.status == 0)
        #expect(asked.output.split(separator: "\n").count == 6)
        #expect(asked.output.hasPrefix("estimate,noise_standard_error"))
    }

    @Test func classifiersAreBuiltAndAsked() throws {
        let built = try run(
            "private classify-build kinds.csv --target kind --epsilon 50 --delta 1e-6 --out c.safetensors")
        #expect(built.status == 0)
        let asked = try run("private classify c.safetensors kinds.csv --target kind --json")
        let json = try #require(try asked.json() as? [String: Any])
        #expect((json["classes"] as? [String])?.count == 4)
        #expect((json["accuracy"] as? Double ?? 0) >= 0.5)
    }

    @Test func classDensitiesAreBuiltAndAsked() throws {
        let built = try run(
            "private classify-build kinds.csv --target kind --function gaussian --bandwidth 1 --features 256 --epsilon 90 "
                + "--out k.safetensors")
        #expect(built.status == 0)
        for word in ["gaussian densities of 2 classes", "ε = 90", "a row is in one class"] {
            #expect(built.output.contains(word))
        }
        let asked = try run("private classify k.safetensors kinds.csv --target kind")
        #expect(asked.status == 0)
        #expect(asked.output.split(separator: "\n").count == 5)
        #expect(
            asked.errors.contains("accuracy") && asked.errors.contains("post-processing of k.safetensors: ε stays 90"))
    }

    @Test func rowsOutsideTheBoundAreMovedOntoItWithClip() throws {
        let built = try run(
            "private build train.csv --function lp:3 --bound 0.5 --clip --epsilon 5 --sum-tree --out t.safetensors")
        #expect(built.errors.contains("--sum-tree is given with lp:3, but l1, l2 or lp:1 is expected"))
        let right = try run(
            "private build train.csv --function lp:3 --bound 0.5 --clip --epsilon 5 --out t.safetensors")
        #expect(right.status == 0, "\(right.errors)")
        #expect(try run("private query t.safetensors query.csv --function lp:3").status == 0)
        #expect(try run("private query t.safetensors query.csv --function lp:2").status == 1)
    }

    @Test func seedsStampTheRelease() throws {
        let built = try run(
            "private build train.csv --function l2sq --bound 2 --epsilon 1 --seed 3 --experiment --out s.safetensors"
        )
        #expect(built.status == 0)
        #expect(built.output.contains("NOT PRIVATE"))
        let bytes = try Data(contentsOf: folder.url.appendingPathComponent("s.safetensors"))
        #expect(String(decoding: bytes, as: UTF8.self).contains("NOT PRIVATE"))
        #expect(try run("private query s.safetensors query.csv").errors.contains("not private"))
    }

    @Test func auditsHold() throws {
        let result = try run("private audit train.csv --pairs 100 --trials 20000")
        #expect(result.status == 0)
        #expect(result.output.contains("empirical ε") && result.output.contains("histogram of 20000 noises: χ²"))
    }

    @Test func releasesOfTwoTablesAreCompared() throws {
        let build = "private build train.csv --function gaussian --bandwidth 1 --epsilon 50 --features 64 --out "
        for name in ["a", "b"] { #expect(try run(build + "\(name).safetensors").status == 0) }
        let result = try run("private compare a.safetensors b.safetensors --json")
        #expect(result.status == 0, "\(result.errors)")
        let json = try #require(try result.json() as? [String: Any])
        let error = try #require(json["noiseStandardError"] as? Double)
        #expect(abs(try #require(json["squaredDiscrepancy"] as? Double)) < 8 * error)
        #expect(try #require(json["sameLawBound"] as? Double) == 2.0 / 60)
        let told = try run("private compare a.safetensors b.safetensors")
        #expect(told.errors.contains("post-processing of b.safetensors: ε stays 50"))
        #expect(
            try run("private build train.csv --function gaussian --bandwidth 2 --epsilon 50 --features 64 --out w")
                .status
                == 0)
        let other = try run("private compare a.safetensors w")
        #expect(other.status == 1 && other.errors.contains("two releases of the same kernel, bandwidth"))
    }

    @Test func warningsAreGiven() throws {
        let delta = try run(
            "private build train.csv --function gaussian --bandwidth 1 --epsilon 1 --delta 0.1 --out d.safetensors"
        )
        #expect(delta.status == 0)
        #expect(delta.errors.contains("is not below 1/n"))
        let few = try run("private classify-build kinds.csv --target kind --epsilon 0.01 --out f.safetensors")
        #expect(few.status == 0)
        // The counts are noisy: four builds of five warn.
        let build = "private classify-build kinds.csv --target kind --epsilon 0.01 --out f.safetensors"
        let isWarned = try (0..<30).contains { _ in
            try run(build).errors.contains("has fewer than 1/epsilon rows; noise dominates it")
        }
        #expect(isWarned)
    }

    @Test(arguments: [
        ("private build train.csv --function l1 --epsilon 1 --out x", "--bound is missing"),
        (
            "private build train.csv --function l1 --bound 0.5 --epsilon 1 --out x",
            "rows lie outside the public bound 0.5, the first is row"
        ),
        (
            "private build hole.csv --function gaussian --bandwidth 1 --epsilon 1 --out x",
            "row 2 has no value in column b"
        ),
        ("private build infinite.csv --function gaussian --bandwidth 1 --epsilon 1 --out x", "row 2 has inf"),
        ("private build train.csv --function gaussian --bandwidth 1 --epsilon 0 --out x", "epsilon is 0.0"),
        ("private build train.csv --function gaussian --bandwidth 1 --epsilon=-1 --out x", "epsilon is -1.0"),
        (
            "private build train.csv --function gaussian --bandwidth 1 --epsilon 1e-9 --out x",
            "epsilon is 1e-09"
        ),
        (
            "private build train.csv --function gaussian --bandwidth 1 --epsilon 101 --out x",
            "epsilon is 101.0"
        ),
        ("private build train.csv --function gaussian --epsilon 1 --out x", "--bandwidth is missing"),
        (
            "private build train.csv --function gaussian --bandwidth 1 --epsilon 1 --seed 4 --out x",
            "give --experiment too"
        ),
        (
            "private build train.csv --function l1 --bound 1 --epsilon 1 --alpha 1 --weights upper --out x",
            "--alpha is 1.0"
        ),
        ("private build train.csv --function cubic --epsilon 1 --out x", "--function is 'cubic'"),
        ("private query train.csv query.csv", "train.csv"),
        ("private classify-build kinds.csv --target colour --epsilon 1 --out x", "has no column 'colour'"),
        (
            "private classify-build kinds.csv --target kind --function l1 --epsilon 1 --out x",
            "--function is l1, but a kernel"
        ),
        (
            "private classify-build kinds.csv --target kind --function gaussian --epsilon 1 --out x",
            "--bandwidth is missing"
        ),
        ("density kinds.csv --target colour", "has no column 'colour'"),
        (
            "density kinds.csv --target kind --covariance scalar --bandwidth 0.5 --query wide.csv",
            "wide.csv have 4 columns"
        ),
    ])
    func wrongInputOfReleasesIsExplained(_ arguments: String, _ message: String) throws {
        let result = try run(arguments)
        #expect(result.status != 0)
        #expect(result.errors.contains(message), "\(result.errors)")
        #expect(!result.errors.contains("Fatal"))
        #expect(!FileManager.default.fileExists(atPath: folder.url.appendingPathComponent("x").path))
    }

    @Test func releasesRefuseOtherQueries() throws {
        _ = try run(
            "private build train.csv --function gaussian --bandwidth 1 --epsilon 5 --features 64 --out q.safetensors"
        )
        let wide = try run("private query q.safetensors wide.csv")
        #expect(wide.status == 1)
        #expect(wide.errors.contains("the rows of wide.csv have 4 columns, but 3 are expected"))
        let other = try run("private query q.safetensors query.csv --function l1")
        #expect(other.status == 1)
        #expect(other.errors.contains("it releases gaussian, but --function asks for l1"))
        let kind = try run("private classify q.safetensors query.csv")
        #expect(kind.errors.contains("it isn't a private classifier"))
        let both = try run("private classify train.csv nowhere.csv")
        #expect(both.errors.contains("train.csv") && !both.errors.contains("nowhere.csv"))
    }
}
