import Foundation
import Testing

/// `mercer kernel deep` on tables of its own: right and wrong input.
@Suite struct DeepCommandTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try write("rows.csv", "a,b,y\n", rows: 60) { i in
            let (a, b) = (sin(Double(7 * i)), cos(Double(3 * i * i)))
            return "\(a),\(b),\(a * a + b)"
        }
        try write("new.csv", "a,b\n", rows: 5) { "\(Double($0) / 5),\(Double($0) / 7)" }
        try write("swapped.csv", "b,a\n", rows: 5) { "\(Double($0) / 5),\(Double($0) / 7)" }
        try write("wide.csv", "a,b,c\n", rows: 5) { "\(Double($0) / 5),\(Double($0) / 7),1" }
        try write("kinds.csv", "a,b,kind\n", rows: 40) { i in
            "\(sin(Double(i))),\(cos(Double(i * i))),\(sin(Double(i)) > 0 ? "up" : "down")"
        }
        try write("flat.csv", "a,b,y\n", rows: 30) { "\($0),5,\($0 * $0)" }
        try write("hole.csv", "a,b,y\n", rows: 30) { "\($0 == 2 ? "nan" : "\($0)"),\($0 % 4),\($0 * $0)" }
        try write("far.csv", "a,b,y\n", rows: 30) { "\($0 == 2 ? "inf" : "\($0)"),\($0 % 4),\($0 * $0)" }
        try write("other.csv", "a,b,kind\n", rows: 4) { "\($0),\($0 * $0),\($0 == 2 ? "left" : "up")" }
        try write("gaps.csv", "a,b,y,note\n", rows: 40) { i in
            "\(sin(Double(7 * i))),\(cos(Double(i * i))),\(i % 4 == 1 ? "" : "\(i % 9)"),\(i % 5 == 0 ? "" : "seen")"
        }
        try write("lonely.csv", "a,b,kind\n", rows: 20) { "\($0),\($0 * $0 % 7),\($0 == 5 ? "odd" : "even")" }
    }

    private func write(_ name: String, _ header: String, rows: Int, _ line: (Int) -> String) throws {
        try (header + (0..<rows).map(line).joined(separator: "\n") + "\n").write(
            to: folder.url.appendingPathComponent(name), atomically: true, encoding: .utf8)
    }

    private func run(_ arguments: String) throws -> Command.Result {
        try Command.run(
            Command.executable, ["kernel", "deep"] + arguments.split(separator: " ").map(String.init), in: folder.url)
    }

    @Test func aModelIsTrainedAppliedAndInspected() throws {
        let trained = try run("rows.csv --target y --no-full --inducing 20 --steps 60 --out m.safetensors --json")
        #expect(trained.status == 0, "\(trained.errors)")
        let json = try #require(try trained.json() as? [String: Any])
        #expect((json["divergences"] as? [Any])?.count == 2)
        let predicted = try run("predict m.safetensors new.csv")
        #expect(predicted.status == 0, "\(predicted.errors)")
        #expect(predicted.output.split(separator: "\n").count == 6)
        #expect(predicted.output.hasPrefix("mean,deviation"))
        let inspected = try run("inspect m.safetensors --gram 2 --out gram.png")
        #expect(inspected.status == 0, "\(inspected.errors)")
        #expect(inspected.output.contains("layer 2: ν = 30"))
        let picture = try Data(contentsOf: folder.url.appendingPathComponent("gram.png"))
        #expect(picture.starts(with: [0x89, 0x50]))
        let swapped = try run("predict m.safetensors swapped.csv")
        #expect(swapped.errors.contains("column 1 is 'b', but the model was trained on 'a' there"))
        let wide = try run("predict m.safetensors wide.csv")
        #expect(wide.errors.contains("have 3 columns, but 2 are expected"))
        let deep = try run("inspect m.safetensors --gram 3 --out gram.png")
        #expect(deep.errors.contains("the layer is 3, but a number from 1 to 2 is expected"))
    }

    @Test func fewRowsTrainAFullMachine() throws {
        let trained = try run("rows.csv --target y --steps 40 --layers 1 --json")
        let json = try #require(try trained.json() as? [String: Any])
        #expect(json["inducing"] as? Int == 60)
    }

    @Test func rowsWithoutATargetGoAndOtherColumnsDontCount() throws {
        for missing in ["drop", "mean"] {
            let trained = try run(
                "gaps.csv --target y --columns a,b --missing \(missing) --task regression --steps 20 --layers 1 --json")
            let json = try #require(try trained.json() as? [String: Any], "\(trained.errors)")
            #expect(json["rows"] as? Int == 30)
        }
        let refused = try run("gaps.csv --target y --columns a,b")
        #expect(refused.errors.contains("row 2 has no value in column y"))
    }

    @Test func noLayersAreAPlainGaussianProcess() throws {
        let result = try run("rows.csv --target y --layers 0 --steps 100 --test rows.csv --json")
        #expect(result.status == 0, "\(result.errors)")
        let json = try #require(try result.json() as? [String: Any])
        #expect((json["divergences"] as? [Any])?.isEmpty == true)
        // The targets have no noise: what the machine says of it stays above nothing.
        #expect((json["error"] as? Double ?? 9) < 0.1)
        #expect((json["logLikelihood"] as? Double ?? -9) > 0)
    }

    /// Targets without noise draw the kernel towards a singular one.
    @Test func smoothTargetsWithoutNoiseAreFitted() throws {
        try write("smooth.csv", "a,b,y\n", rows: 240) { i in
            let (a, b) = (sin(Double(i)), cos(Double(i * i)))
            return "\(a),\(b),\(sin(3 * a * b))"
        }
        let result = try run("smooth.csv --target y --layers 0 --json")
        #expect(result.status == 0, "\(result.errors)")
        let json = try #require(try result.json() as? [String: Any])
        #expect((json["error"] as? Double ?? 9) < 0.1)
    }

    @Test func deviationsOfTestRowsAreWritten() throws {
        let result = try run(
            "rows.csv --target y --kernel sqexp,relu --no-full --inducing 10 --steps 20 --test rows.csv --uncertainty")
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.hasPrefix("mean,deviation"))
        let narrow = try run("rows.csv --target y --no-full --inducing 10 --steps 3 --test swapped.csv")
        #expect(narrow.status == 1 && narrow.errors.contains("swapped.csv"), "\(narrow.errors)")
    }

    @Test func classesArePredicted() throws {
        let trained = try run("kinds.csv --target kind --inducing 15 --steps 60 --rate 0.03 --out k.safetensors")
        #expect(trained.status == 0, "\(trained.errors)")
        #expect(trained.output.contains("accuracy"))
        let predicted = try run("predict k.safetensors new.csv")
        #expect(predicted.output.hasPrefix("class,p_down,p_up"))
    }

    /// Stopped by Ctrl-C some steps after the start, and started again.
    @Test(arguments: [
        "--no-full --inducing 25 --steps 1500", "--full --steps 800 --layers 1",
    ])
    func aStoppedTrainingGoesOnWhereItWas(_ options: String) throws {
        let train = "rows.csv --target y \(options) --out"
        #expect(try run("\(train) whole.safetensors").status == 0)
        let script = """
            "$0" kernel deep \(train) resumed.safetensors --checkpoints states & pid=$!
            while kill -0 $pid 2>/dev/null && ! ls states/step-* >/dev/null 2>&1; do sleep 0.01; done
            kill -INT $pid 2>/dev/null; wait $pid; exit $?
            """
        let stopped = try Command.run(
            URL(fileURLWithPath: "/bin/bash"), ["-m", "-c", script, Command.executable.path], in: folder.url)
        // The training may have ended before the signal came.
        #expect(stopped.status == 130 || stopped.status == 0, "\(stopped.errors)")
        let files = FileManager.default
        if stopped.status == 130 {
            #expect(stopped.errors.contains("stopped"))
            #expect(!files.fileExists(atPath: folder.url.appending(path: "resumed.safetensors").path))
        }
        let resumed = try run("\(train) resumed.safetensors --checkpoints states")
        #expect(resumed.status == 0, "\(resumed.errors)")
        let models = try ["whole", "resumed"].map {
            try Data(contentsOf: folder.url.appending(path: "\($0).safetensors"))
        }
        #expect(models[0] == models[1])
        let other = try run("\(train) other.safetensors --nu 5 --checkpoints states")
        #expect(other.status == 1 && other.errors.contains("use another folder"), "\(other.errors)")
    }

    @Test func damagedStatesAreNamed() throws {
        let train = "rows.csv --target y --no-full --inducing 10 --steps 20 --checkpoints states"
        #expect(try run(train).status == 0)
        try Data("{".utf8).write(to: folder.url.appending(path: "states/step-00000020/state.json"))
        let result = try run(train)
        #expect(result.status == 1)
        #expect(result.errors.contains("step-00000020") && result.errors.contains("can't be read"), "\(result.errors)")
    }

    @Test func theBestOfSeveralTrainingsIsKept() throws {
        let result = try run("rows.csv --target y --no-full --inducing 10 --steps 30 --restarts 3 --checkpoints states")
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("the best of 3 trainings, seed "))
        for seed in 0..<3 {
            #expect(
                FileManager.default.fileExists(
                    atPath: folder.url.appending(path: "states/seed-\(seed)/step-00000030/state.json").path))
        }
    }

    @Test func tooManyInducingPointsAreLowered() throws {
        let trained = try run("rows.csv --target y --no-full --inducing 500 --steps 3")
        #expect(trained.status == 0, "\(trained.errors)")
        #expect(trained.errors.contains("the inducing points are 60 instead of 500"))
    }

    @Test(arguments: [
        ("rows.csv --target y --nu 0", "--nu is '0', but auto, inf or a positive number is expected"),
        ("rows.csv --target y --nu=-2", "--nu is '-2'"),
        ("rows.csv --target y --layers=-1", "--layers is -1"),
        ("rows.csv --target y --kernel cosine", "--kernel is 'cosine', but sqexp, relu or linear is expected"),
        ("rows.csv --target nobody", "has no column 'nobody'"),
        ("rows.csv --target y --rate 0", "--rate is 0.0"),
        ("rows.csv --target y --batch 0", "--batch is '0'"),
        ("rows.csv --target y --inducing 0", "--inducing is 0"),
        ("flat.csv --target y", "column b has the same value in every row"),
        ("hole.csv --target y", "row 3 has no value in column a"),
        ("lonely.csv --target kind", "class odd needs 2 rows or more, and there is 1"),
        ("rows.csv --target y --nu many", "--nu is 'many'"),
        ("rows.csv --target y --steps 0", "--steps is 0"),
        ("rows.csv --target y --no-full --restarts 0", "--restarts is 0, but a number from 1 to 1000 is expected"),
        ("rows.csv --target y --restarts 2", "choose --no-full for inducing points"),
        ("far.csv --target y", "far.csv: row 3 has inf in column a"),
        ("kinds.csv --target kind --test other.csv --inducing 10 --steps 3", "other.csv: class 'left' isn't one of"),
        ("kinds.csv --target kind --full", "--full with classes"),
        ("predict rows.csv new.csv", "rows.csv"),
    ])
    func wrongInputIsExplained(_ arguments: String, _ message: String) throws {
        let result = try run(arguments)
        #expect(result.status != 0)
        #expect(result.errors.contains(message), "\(result.errors)")
        #expect(!result.errors.contains("Fatal"))
    }
}
