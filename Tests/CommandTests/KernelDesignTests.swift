import Foundation
import Testing

/// `mercer kernel design`, `fit` and `predict`.
@Suite struct KernelDesignTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try write("rows.csv", "a,b,c") { i in
            [sin(Double(i)), cos(1.7 * Double(i)), Double((i * 7) % 11) / 11]
        }
        try "a,b,c\n1,2,3\n2,0,1\n5,1,4\n".write(to: url("short.csv"), atomically: true, encoding: .utf8)
        try "a,b\n1,2\n3,inf\n4,1\n".write(to: url("far.csv"), atomically: true, encoding: .utf8)
        try "x1 (legendre),weight (total 1),f\n0.1,1,2\n0.5,1,3\n0.2,0,1\n".write(
            to: url("weightless.csv"), atomically: true, encoding: .utf8)
        try "x1 (legendre),weight (total 1),f\n0.1,1,2\n0.5,1,nan\n0.2,1,1\n".write(
            to: url("unknown.csv"), atomically: true, encoding: .utf8)
        try write("flat.csv", "a,b") { i in [Double(i), 7] }
        try write("line.csv", "a,b") { i in [sin(Double(i)), 2 * sin(Double(i))] }
        try "a,b\n1,2\n3,nan\n4,1\n".write(to: url("hole.csv"), atomically: true, encoding: .utf8)
        try "x1 (legendre),weight (total 1),f\n0.1,1,2\n1.5,1,3\n0.2,1,1\n".write(
            to: url("outside.csv"), atomically: true, encoding: .utf8)
        try "x,f\n0.1,2\n0.5,3\n0.2,1\n".write(to: url("bare.csv"), atomically: true, encoding: .utf8)
    }

    private func url(_ name: String) -> URL { folder.url.appendingPathComponent(name) }

    private func write(_ name: String, _ header: String, _ values: (Int) -> [Double]) throws {
        let lines = (0..<60).map { values($0).map { "\($0)" }.joined(separator: ",") }
        try ([header] + lines).joined(separator: "\n").appending("\n")
            .write(to: url(name), atomically: true, encoding: .utf8)
    }

    private func run(_ arguments: String) throws -> Command.Result {
        try Command.run(
            Command.executable, ["kernel"] + arguments.split(separator: " ").map(String.init), in: folder.url)
    }

    /// Appends a column to a table.
    private func append(_ column: String, to name: String, as other: String, _ value: ([Double]) -> Double) throws {
        let lines = try String(contentsOf: url(name), encoding: .utf8).split(separator: "\n")
        let rows = lines.dropFirst().map { line in
            "\(line),\(value(line.split(separator: ",").map { Double($0)! }))"
        }
        try (["\(lines[0]),\(column)"] + rows).joined(separator: "\n").appending("\n")
            .write(to: url(other), atomically: true, encoding: .utf8)
    }

    @Test func aSimulatorIsReplacedByASurrogate() throws {
        let design = try run(
            "design --basis legendre --dim 2 --degree 8 --sampler dpp-repeat --count 135 --seed 1 --out points.csv")
        #expect(design.status == 0, "\(design.errors)")
        try append("f", to: "points.csv", as: "values.csv") { exp($0[0]) * cos($0[1]) }
        let fit = try run("fit values.csv --out surrogate.safetensors --json")
        #expect(fit.status == 0, "\(fit.errors)")
        let record = try #require(try fit.json() as? [String: Any])
        #expect(record["points"] as? Int == 135)
        #expect(record["dimension"] as? Int == 45)
        try "x,y\n0.3,-0.4\n-0.8,0.9\n".write(to: url("x.csv"), atomically: true, encoding: .utf8)
        let predicted = try run("predict surrogate.safetensors x.csv --derivatives --json")
        let rows = try #require(try predicted.json() as? [[String: Any]])
        let value = try #require(rows[0]["value"] as? Double)
        #expect(abs(value - exp(0.3) * cos(-0.4)) < 1e-4)
        try "x,y\n0.3,-0.4\n-0.8,1.9\n".write(to: url("far.csv"), atomically: true, encoding: .utf8)
        let far = try run("predict surrogate.safetensors far.csv")
        #expect(far.status == 1 && far.errors.contains("row 2, column y is 1.9, but a number from -1.0 to 1.0"))
        let narrow = try run("predict surrogate.safetensors far.csv --columns x")
        #expect(narrow.errors.contains("the points of far.csv has 1 column, but 2 are expected"))
        let gradient = try #require(rows[1]["gradient"] as? [Double])
        #expect(abs(gradient[1] + exp(-0.8) * sin(0.9)) < 1e-2)
    }

    @Test func rowsAreChosenLabelledAndFitted() throws {
        let design = try run("design --rows rows.csv --features quadratic --count 20 --out chosen.csv")
        #expect(design.status == 0, "\(design.errors)")
        try append("y", to: "chosen.csv", as: "labelled.csv") { 1 + $0[1] - 2 * $0[2] * $0[3] }
        let fit = try run("fit labelled.csv --rows rows.csv --features quadratic --out model.safetensors --json")
        #expect(fit.status == 0, "\(fit.errors)")
        let predicted = try run("predict model.safetensors rows.csv")
        let lines = predicted.output.split(separator: "\n")
        #expect(lines.count == 61)
        let truth = 1 + sin(5.0) - 2 * cos(1.7 * 5) * Double((5 * 7) % 11) / 11
        #expect(abs(Double(lines[6])! - truth) < 1e-8)
    }

    @Test func conditioningAndThinningAreSaid() throws {
        let result = try run(
            "design --basis chebyshev --degree 5 --count 30 --condition 0.5 --thin --json")
        let json = try #require(try result.json() as? [String: Any])
        #expect((json["smallestEigenvalue"] as? Double ?? 0) >= 0.5)
        #expect(json["unbiased"] as? Bool == false)
        #expect((json["points"] as? Int ?? 99) < 30)
    }

    @Test(arguments: [
        ("design --basis legendre --degree 9 --sampler volume --count 9", "--count is 9, but at least 10"),
        ("design --basis legendre --degree 9 --count 25", "a multiple of 10 for dpp-repeat, such as 20 or 30"),
        ("design --basis legendre --degree 9 --sampler dpp --count 12", "--count is 12, but 10"),
        ("design --basis legendre --degree 9 --weights linf", "other weights belong to the extra points"),
        ("design --basis legendre --degree 9 --condition 1.5", "--condition is 1.5"),
        (
            "design --basis legendre --degree 19 --sampler iid --count 20 --condition 0.1",
            "the best λ_min of 1000 draws"
        ),
        ("design --basis legendre --degree 30000", "at most 20000; lower --degree"),
        ("design --basis sawtooth --degree 3", "legendre, chebyshev, jacobi:A:B"),
        ("design --basis legendre --degree 3 --index best", "total, hyperbolic, tensor or file:PATH"),
        ("design --basis legendre --degree 3 --sampler best", "iid, dpp, dpp-repeat"),
        ("design --rows flat.csv", "column b has the same value in every row"),
        ("design --rows line.csv --features linear", "b depend on the others"),
        ("design --rows hole.csv", "row 2 has no value in column b"),
        ("design --rows far.csv", "far.csv: row 2 has inf in column b"),
        ("design --rows short.csv", "a space of 10 features needs 10 rows or more, and there are 3"),
        ("design --basis legendre --degree 3 --condition 0", "--condition is 0.0"),
        ("fit weightless.csv --out s.safetensors", "the weight of row 3 is 0.0, but more than 0 is expected"),
        ("fit unknown.csv --out s.safetensors", "row 2 has nan in column f"),
        ("design --rows rows.csv --count 5 --sampler iid", "--count is 5, but at least 10"),
        ("fit outside.csv --out s.safetensors", "row 2, column x1 (legendre) is 1.5"),
        ("fit bare.csv --out s.safetensors", "no column of weights"),
        ("fit bare.csv --weights compute --out s.safetensors", "its header doesn't say which space"),
        ("predict rows.csv rows.csv", "rows.csv"),
    ])
    func wrongInputIsExplained(_ arguments: String, _ message: String) throws {
        let result = try run(arguments)
        #expect(result.status == 1, "\(result.output)")
        #expect(result.errors.contains(message), "\(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: url("s.safetensors").path))
    }
}
