import ArgumentParser
import Foundation
import Mercer
import MercerImageIO
import MercerKernelMethods
import MercerPapers

/// `mercer kernel quantum TABLE`: a quantum kernel beside a Gaussian one, by exact simulation.
struct KernelQuantumCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quantum",
        abstract: "Classify by a simulated quantum kernel, beside a Gaussian one; count shots and noise.",
        discussion: """
            Columns are standardised; more columns than the map takes become principal components. A part of the rows \
            is held out, the bandwidth and C are chosen by cross-validation on the rest, and the same is done with a \
            Gaussian kernel. --matrix writes the kernel alone; --adhoc needs no table: it repeats the paper's own \
            experiment on artificial data.
            """)

    @Argument(help: "The table (.csv, .npy, .npz, .safetensors).")
    var table: String?

    @Option(help: ArgumentHelp("The column with the class.", valueName: "column"))
    var target: String?

    @Option(help: "Qubits; a custom map has its own number.")
    var qubits: Int?

    @Option(help: ArgumentHelp("The feature map: zz, z, or a JSON file.", valueName: "map"))
    var map = "zz"

    @Option(help: "The pairs that are coupled: full, linear, circular, none.")
    var pairs: QubitPairs = .full

    @Option(help: "Repetitions of the map.")
    var reps = 2

    @Option(help: ArgumentHelp("What standardised columns are multiplied by: auto or a number.", valueName: "c"))
    var bandwidth = "auto"

    @Option(
        help: ArgumentHelp(
            "Shots an entry (or a probability of the variational classifier): exact or a number.", valueName: "n"))
    var shots: String?

    @Option(help: ArgumentHelp("Depolarising noise p1,p2 of one- and two-qubit gates.", valueName: "list"))
    var noise: String?

    @Flag(help: "Extrapolate noise away from measurements at stretches 1 and 1.5.")
    var mitigate = false

    @Option(name: .customLong("C"), help: ArgumentHelp("The machines' C: auto or a number.", valueName: "C"))
    var cost = "auto"

    @Option(help: "What to compare with: rbf or none.")
    var compare = "rbf"

    @Flag(help: "Train a scale and a rotation a feature by alignment with the classes.")
    var trainKernel = false

    @Flag(help: "Columns are angles in (0, 2π] already: neither standardised nor reduced.")
    var raw = false

    @Flag(help: "Keep states in float32: half the memory, errors of about 1e-6.")
    var single = false

    @Option(help: ArgumentHelp("Gigabytes that states may take.", valueName: "GB"))
    var memory = 4.0

    @Option(help: ArgumentHelp("The share of rows that is held out.", valueName: "share"))
    var testShare = 0.2

    @Option(help: "The seed of splits, shots and artificial data.")
    var seed: UInt64 = 0

    @Option(help: "The classifier: svm or variational.")
    var classifier = "svm"

    @Option(help: "Entangling layers of the variational classifier.")
    var depth = 4

    @Option(help: "Iterations of the variational classifier.")
    var iterations = 250

    @Option(help: "How the variational classifier is trained: spsa, adam, lbfgs.")
    var optimizer: VariationalTraining.Method = .spsa

    @Option(help: "Restarts of the variational classifier.")
    var restarts = 1

    @Option(help: ArgumentHelp("A file that a stopped training takes up again.", valueName: "file"))
    var checkpoint: String?

    @Option(help: ArgumentHelp("Write the kernel of all rows (.npy) and stop.", valueName: "file"))
    var matrix: String?

    @Option(help: ArgumentHelp("A kernel of all rows (.npy) instead of a map.", valueName: "file"))
    var precomputed: String?

    @Option(help: ArgumentHelp("Kernels of other rows with these (.npy), to classify.", valueName: "file"))
    var precomputedTest: String?

    @Option(help: ArgumentHelp("Write the model (.safetensors).", valueName: "file"))
    var save: String?

    @Option(help: ArgumentHelp("Classify the table's rows by a model.", valueName: "file"))
    var apply: String?

    @Option(help: ArgumentHelp("With two features: draw the decision function (.png).", valueName: "file"))
    var picture: String?

    @Flag(help: "The paper's artificial data instead of a table.")
    var adhoc = false

    @Option(help: "With --adhoc: the gap between the classes.")
    var gap = 0.3

    @Option(help: "With --adhoc: training points a class.")
    var train = 20

    @Option(help: "With --adhoc: test points a class.")
    var test = 20

    @Option(help: "With --adhoc: how many sets.")
    var sets = 10

    @OptionGroup var options: TableOptions

    @Option(help: ArgumentHelp("The file for the predicted classes (.csv).", valueName: "file"))
    var out: String?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if adhoc {
            if table != nil { throw ValidationError("'--adhoc' takes no table") }
        } else {
            if table == nil { throw ValidationError("a table is needed, or --adhoc") }
            if target == nil, matrix == nil, apply == nil { throw ValidationError("'--target' is needed") }
        }
        if !["rbf", "none"].contains(compare) { throw ValidationError("'--compare' must be rbf or none") }
        if !["svm", "variational"].contains(classifier) {
            throw ValidationError("'--classifier' must be svm or variational")
        }
        if mitigate, noise == nil { throw ValidationError("'--mitigate' needs --noise") }
        if noise != nil, classifier == "variational" {
            throw ValidationError("the variational classifier is simulated without noise; leave out --noise")
        }
    }

    func run() async throws {
        try checkNumbers()
        if adhoc { return try runArtificial() }
        if let apply { return try applyModel(apply) }
        if let precomputed { return try runPrecomputed(precomputed) }
        if let matrix { return try writeMatrix(matrix) }
        let (rows, labels, classes) = try labelled()
        if classifier == "variational" { return try runVariational(rows, labels, classes) }
        try runKernel(rows, labels, classes)
    }

    // MARK: Options

    private func checkNumbers() throws {
        func check(_ name: String, _ value: Double, _ range: ClosedRange<Double>, _ expected: String) throws {
            if !range.contains(value) {
                throw KernelMethodError.option(name, found: plain(value), expected: expected)
            }
        }
        try check("--reps", Double(reps), 1...100, "a number from 1 to 100")
        try check("--memory", memory, 0.01...1000, "gigabytes from 0.01 to 1000")
        try check("--test-share", testShare, 0.01...0.9, "a share from 0.01 to 0.9")
        try check("--depth", Double(depth), 0...50, "a number from 0 to 50")
        try check("--iterations", Double(iterations), 1...1_000_000, "a number from 1 to 1000000")
        try check("--restarts", Double(restarts), 1...1000, "a number from 1 to 1000")
        if adhoc {
            try check("--gap", gap, 0...0.999999, "a number from 0 to below 1")
            try check("--train", Double(train), 1...10_000, "a number from 1 to 10000")
            try check("--test", Double(test), 1...10_000, "a number from 1 to 10000")
            try check("--sets", Double(sets), 1...1000, "a number from 1 to 1000")
        }
    }

    /// A number of an option, nil for the word that stands for none.
    private func number(_ name: String, _ text: String?, or word: String) throws -> Double? {
        guard let text, text != word else { return nil }
        guard let value = Double(text), value > 0, value.isFinite else {
            throw KernelMethodError.option(name, found: "'\(text)'", expected: "\(word) or a positive number")
        }
        return value
    }

    func shotCount() throws -> Int? {
        guard let value = try number("--shots", shots, or: "exact") else { return nil }
        guard value >= 1, value <= 1e12, value == value.rounded() else {
            throw KernelMethodError.option(
                "--shots", found: "'\(shots!)'", expected: "exact or a whole number from 1 to 10^12")
        }
        return Int(value)
    }

    func settings() throws -> QuantumSettings {
        var settings = QuantumSettings(map: try featureMap())
        settings.bandwidth = try number("--bandwidth", bandwidth, or: "auto")
        if raw || adhoc, settings.bandwidth == nil { settings.bandwidth = 1 }
        settings.C = try number("--C", cost, or: "auto")
        settings.shots = try shotCount()
        if let noise {
            let parts = noise.split(separator: ",").map { Double($0) }
            guard parts.count == 2, let p1 = parts[0], let p2 = parts[1] else {
                throw KernelMethodError.option(
                    "--noise", found: "'\(noise)'", expected: "two probabilities such as 0.001,0.01")
            }
            // The device says what it can't simulate.
            _ = try NoisyKernel(settings.map, oneQubit: p1, twoQubit: p2)
            settings.noise = (p1, p2)
        }
        settings.mitigates = mitigate
        settings.raw = raw
        settings.trainsKernel = trainKernel
        settings.dtype = single ? .float32 : .float64
        settings.memory = Int(memory * 1e9)
        settings.seed = seed
        return settings
    }

    private func featureMap() throws -> any FeatureMap {
        if !["zz", "z"].contains(map) {
            let custom = try CustomFeatureMap(contentsOf: map)
            if let qubits, qubits != custom.qubits {
                throw KernelMethodError.file(map, reason: "it has \(custom.qubits) qubits, but --qubits is \(qubits)")
            }
            return custom
        }
        let count = qubits ?? (adhoc ? 2 : 4)
        guard count >= 1 else {
            throw KernelMethodError.option("--qubits", found: "\(count)", expected: "a number from 1 to 24")
        }
        guard count <= StateVectors.qubitLimit else {
            let bytes = count < 55 ? 16 << count : Int.max
            throw KernelMethodError.memory(
                "one state of \(count) qubits", needed: bytes,
                advice: "\(StateVectors.qubitLimit) qubits are the most that are simulated")
        }
        return ZZFeatureMap(qubits: count, reps: reps, pairs: map == "z" ? .none : pairs)
    }

    // MARK: Data

    /// Rows, class numbers and classes' names.
    private func labelled() throws -> (Tensor, [Int], [String]) {
        let (inputs, targets) = try options.read(table!, apart: [target!])
        let (labels, classes) = try targets.labels(target!)
        guard classes.count >= 2 else {
            throw KernelMethodError.option(
                "the number of classes in column \(target!)", found: "\(classes.count)", expected: "2 or more")
        }
        if try targets.column(target!).isNumeric, classes.count > 50 {
            throw KernelMethodError.file(
                table!,
                reason: "column \(target!) has \(classes.count) different numbers: this looks like regression, but "
                    + "classes are expected")
        }
        return (try inputs.matrix(), labels, classes)
    }

    private func writeMatrix(_ path: String) throws {
        let rows = try options.read(table!, without: target.map { [$0] } ?? []).matrix()
        var settings = try settings()
        settings.bandwidth = settings.bandwidth ?? 1
        let encoding = try QuantumEncoding(
            fitting: rows, features: settings.map.features, bandwidth: settings.bandwidth!, raw: raw)
        let points = try encoding.apply(rows)
        warnOfWraps(encoding, points)
        let kernel = try settings.kernel(points)
        try Npy.write(kernel, to: path)
        let facts = KernelFacts(kernel)
        if json { return try Console.print(json: facts) }
        Console.print("kernel of \(rows.shape[0]) rows: \(path)")
        for line in facts.lines { Console.print("  \(line)") }
    }

    func warnOfWraps(_ encoding: QuantumEncoding, _ points: Tensor) {
        guard bandwidth == "auto" ? raw || matrix != nil : true else { return }
        let share = encoding.wrappedShare(points)
        if share > 0.05 {
            Console.remark(
                "warning: \(Format.number(100 * share, digits: 3)) % of the points lie outside one turn "
                    + "(\(raw ? "(0, 2π]" : "[−π, π]")), where phases wrap; a smaller --bandwidth avoids it")
        }
    }
}

extension QubitPairs: ExpressibleByArgument {}
extension VariationalTraining.Method: ExpressibleByArgument {}

/// What a kernel matrix looks like.
struct KernelFacts: Encodable {
    let concentration: KernelConcentration
    /// The largest eigenvalues over their sum.
    let spectrum: [Double]
    /// (Σλ)²/Σλ²: how many directions the kernel has in effect.
    let effectiveRank: Double

    init(_ kernel: Tensor) {
        concentration = KernelConcentration(kernel)
        let values = (try? LinearAlgebra.eigvalsh(kernel).toArray(Double.self)) ?? []
        let sum = values.reduce(0, +)
        spectrum = values.sorted(by: >).prefix(8).map { $0 / sum }
        effectiveRank = sum * sum / values.reduce(0) { $0 + $1 * $1 }
    }

    var lines: [String] {
        [
            "off-diagonal entries: mean \(Format.number(concentration.mean)), variance "
                + "\(Format.number(concentration.variance)); about \(Format.number(concentration.shots.rounded(), digits: 2)) "
                + "shots an entry resolve them",
            "spectrum: " + spectrum.map { Format.number($0, digits: 3) }.joined(separator: ", ")
                + "; effective rank \(Format.number(effectiveRank, digits: 3))",
        ]
    }
}
