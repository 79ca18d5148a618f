import ArgumentParser
import Foundation
import Mercer
import MercerImage
import MercerImageIO
import MercerNN
import MercerPapers

/// `mercer restore --method lambda-pnn|exp|brovey|gsa|mtf-glp`.
struct PansharpenOptions: ParsableArguments {
    static let methods = ["lambda-pnn"] + ClassicalPansharpening.allCases.map(\.rawValue)

    @Option(help: ArgumentHelp("The multispectral picture: TIFF of 8 or 16 bits, or .npy.", valueName: "file"))
    var ms: String?

    @Option(help: ArgumentHelp("The panchromatic picture, 2 or 4 times as fine.", valueName: "file"))
    var pan: String?

    @Option(
        help: ArgumentHelp(
            "\(SatelliteSensor.names.joined(separator: ", ")), or gains=G1,G2,…,pan=G.", valueName: "sensor"))
    var sensor = "GE1"

    @Option(help: ArgumentHelp("Bits of a digital number (11); 8 for bytes.", valueName: "n"))
    var bits: Int?

    @Option(help: ArgumentHelp("In place of --bits, for reflectances: what counts as the largest.", valueName: "x"))
    var scale: Double?

    @Option(
        help: ArgumentHelp(
            "lambda-pnn: weights under official keys (.safetensors, .pth or the code's .tar).", valueName: "file"))
    var weights: String?

    @Option(help: ArgumentHelp("lambda-pnn: steps of the adaptation to this scene.", valueName: "n"))
    var epochs = 100

    @Option(help: ArgumentHelp("lambda-pnn: patches that it is adapted on.", valueName: "n"))
    var patches = 16

    @Option(help: ArgumentHelp("lambda-pnn: their side in panchromatic pixels.", valueName: "n"))
    var patchSize = 256

    @Option(help: ArgumentHelp("lambda-pnn: on or off: look for the bands' shifts first.", valueName: "choice"))
    var coregister = "on"

    @Option(help: ArgumentHelp("lambda-pnn: straight-through or official, the gradient of L_λ.", valueName: "choice"))
    var rounding = "straight-through"

    @Flag(help: "Print the quality indices.")
    var report = false

    func validate(_ input: String?, _ output: String) throws {
        if input != nil { throw ValidationError("name the pictures by '--ms' and '--pan'") }
        guard ms != nil, pan != nil else {
            throw ValidationError("which pictures? Give '--ms FILE' and '--pan FILE'")
        }
        guard output.hasSuffix(".npy") || ImageFormat(fileName: output) == .tiff else {
            throw ValidationError("'-o \(output)' must end in .tif or .npy")
        }
        do { _ = try SatelliteSensor(sensor) } catch { throw ValidationError("\(error)") }
        if let bits, !(1...16).contains(bits) { throw ValidationError("'--bits' must lie between 1 and 16") }
        if let scale, !(scale > 0 && scale.isFinite) { throw ValidationError("'--scale' must be greater than 0") }
        if bits != nil, scale != nil { throw ValidationError("'--bits' and '--scale' exclude each other") }
        if epochs < 0 { throw ValidationError("'--epochs' must be 0 or more") }
        if patches < 1 || patchSize < 64 {
            throw ValidationError("'--patches' must be at least 1, '--patch-size' at least 64")
        }
        guard coregister == "on" || coregister == "off" else {
            throw ValidationError("'--coregister \(coregister)': on or off is expected")
        }
        guard rounding == "straight-through" || rounding == "official" else {
            throw ValidationError("'--rounding \(rounding)': straight-through or official is expected")
        }
    }

    func run(_ output: String, _ method: String, _ common: RestoreOptions) throws {
        let (coarse, fine) = (try Raster(contentsOf: ms!), try Raster(contentsOf: pan!))
        var notes: [String] = []
        if let a = coarse.tags, let b = fine.tags, !a.system.isEmpty, !b.system.isEmpty, a.system != b.system {
            notes.append("the pictures' coordinate systems differ; the panchromatic one's is kept")
        }
        if !(coarse.isWhole && fine.isWhole), scale == nil, bits == nil {
            let files = [(coarse, ms!), (fine, pan!)].filter { !$0.0.isWhole }.map(\.1).joined(separator: " and ")
            throw CleanFailure("\(files): \(PansharpeningError.range("no whole numbers"))")
        }
        let sensor = try SatelliteSensor(self.sensor)
        let unit = scale ?? pow(2, Double(bits ?? 11))
        let scene: PansharpeningScene
        do {
            scene = try PansharpeningScene(ms: coarse.samples, pan: fine.samples, scale: unit)
            guard sensor.gains.count == scene.bands else {
                throw PansharpeningError.gainCount(found: sensor.gains.count, bands: scene.bands)
            }
        } catch let error as PansharpeningError {
            throw CleanFailure("\(ms!) and \(pan!): \(error)")
        }
        let truth = try common.reference.map { try Raster(contentsOf: $0) }
        let expected = [scene.pan.dim(1), scene.pan.dim(2), scene.bands]
        if let truth, truth.samples.shape != expected {
            let found = truth.samples.shape
            let error = PansharpeningError.referenceSize(
                found: [found[1], found[0], found[2]], expected: [expected[1], expected[0], expected[2]])
            throw CleanFailure("\(common.reference!): \(error)")
        }
        for note in notes { Console.remark(note) }
        let start = ContinuousClock.now
        let bar = ProgressBar(isSilent: common.json)
        defer { bar.end() }
        let fused: Tensor
        var losses: [Double] = []
        if let classical = ClassicalPansharpening(rawValue: method) {
            fused = try classical(scene, sensor: sensor)
        } else {
            fused = try adapted(scene, sensor, common.seed, bar, &notes, &losses)
        }
        bar.end()
        let digital = scene.digital(fused)
        var samples = digital[0].contiguous()
        if let known = scene.known {
            samples = which(
                (known.pan[0] .== 0.0).broadcast(to: samples.shape), Tensor.full(samples.shape, .nan), samples)
        }
        try Raster(samples: samples, tags: fine.tags).write(to: output)
        let result = Result(
            ms: ms!, pan: pan!, output: output, method: method, size: [scene.pan.dim(2), scene.pan.dim(1)],
            bands: scene.bands, steps: losses.count, finished: !Task.isCancelled, loss: losses.last,
            seconds: (ContinuousClock.now - start) / .seconds(1), peakMemory: Memory.peak, notes: notes,
            quality: report || truth != nil || common.json ? try quality(scene, digital, truth, sensor) : nil)
        try sheet(common, scene, fused, method)
        if common.json {
            try Console.print(json: result)
        } else {
            Console.print(
                "\(output): \(result.size[0])x\(result.size[1]) pixels of \(result.bands) bands by \(method) in "
                    + Format.duration(result.seconds))
            if let quality = result.quality {
                for (name, value) in quality.sorted(by: { $0.key < $1.key }) {
                    Console.print("  \(name) \(Format.number(value))")
                }
            }
        }
        if Task.isCancelled { throw CancellationError() }
    }

    /// The fused picture after adaptation. A stop keeps the best weights so far.
    private func adapted(
        _ scene: PansharpeningScene, _ sensor: SatelliteSensor, _ seed: UInt64, _ bar: ProgressBar,
        _ notes: inout [String], _ losses: inout [Double]
    ) throws -> Tensor {
        let net: LambdaPNN
        if let path = weights ?? (scene.bands == 4 ? BundledWeights.path("lambda-pnn") : nil) {
            net = try LambdaPNN(parameters: try Self.parameters(path), from: path)
            guard net.bands == scene.bands else {
                throw PansharpeningError.weights(
                    path, reason: "they are for \(net.bands) bands, the picture has \(scene.bands)")
            }
        } else {
            // No weights for so many bands come with Mercer: the scene itself trains the network first.
            net = LambdaPNN(bands: scene.bands)
            net.initialize(RandomKey(seed))
            notes.append("no weights were given for \(scene.bands) bands: the network was trained on this scene")
            bar.begin("training on the scene", steps: 300)
            do {
                let training = LambdaTraining(steps: 300, seed: seed)
                try training.trainer(net, [scene], sensor: sensor).fit(training.loader([scene], sensor: sensor)) {
                    step in
                    bar.step(step.step)
                    losses.append(step.values[0])
                }
            } catch is CancellationError {}
        }
        var options = Pansharpening.Options(sensor)
        options.epochs = epochs
        options.patches = patches
        options.patchSize = patchSize
        options.objective.rounding = rounding == "official" ? .official : .straightThrough
        var shifts: [(rows: Int, columns: Int)]?
        if coregister == "on", epochs > 0, !Task.isCancelled {
            bar.begin("looking for shifts", steps: 81)
            shifts = CoRegistration.shifts(scene.enlarged, scene.pan, sensor: sensor, ratio: scene.ratio) {
                bar.step($0)
            }
            if let found = shifts, found.contains(where: { $0 != (0, 0) }) {
                let list = found.map { "(\(Double($0.rows) / 2), \(Double($0.columns) / 2))" }.joined(separator: ", ")
                notes.append("bands lie off the panchromatic picture by \(list) pixels; the losses follow")
            }
        }
        if epochs > 0, !Task.isCancelled {
            bar.begin("adapting", steps: epochs)
            do {
                try Pansharpening.adapt(net, scene, sensor: sensor, options: options, shifts: shifts) { step in
                    bar.step(step.step)
                    losses.append(step.loss)
                    if step.step % 10 == 0 { bar.note("step \(step.step): loss \(Format.number(step.loss))") }
                    try Task.checkCancellation()
                }
            } catch is CancellationError {}
        }
        // A stopped job still writes: the network as it is.
        return scene.pan.dim(1) * scene.pan.dim(2) <= 2048 * 2048 || Task.isCancelled
            ? net(scene.input) : try net.tiled(scene.input)
    }

    /// Weights of a file; the official `.tar` is a PyTorch checkpoint whose tensors stand under a prefix.
    private static func parameters(_ path: String) throws -> [String: Tensor] {
        let all =
            path.hasSuffix(".safetensors") ? try loadTensors(path) : try PyTorchCheckpoint(contentsOf: path).tensors
        var result: [String: Tensor] = [:]
        for (key, value) in all {
            let parts = key.split(separator: ".", maxSplits: 1)
            let isNested = ["state_dict", "model_state_dict"].contains(parts[0])
            result[isNested && parts.count > 1 ? String(parts[1]) : key] = value
        }
        return result
    }

    private func quality(
        _ scene: PansharpeningScene, _ digital: Tensor, _ truth: Raster?, _ sensor: SatelliteSensor
    ) throws -> [String: Double] {
        let (ms, pan): (Tensor, Tensor) = (scene.ms * scene.scale, scene.pan * scene.scale)
        let reprojection = Reprojection(sensor, ratio: scene.ratio)
        var values = [
            "D_lambda_K": MultispectralMetrics.dLambdaKhan(fused: digital, ms: ms, reprojection),
            "D_rho": MultispectralMetrics.dRho(fused: digital, pan: pan),
            "D_S": MultispectralMetrics.ds(fused: digital, ms: ms, pan: pan, ratio: scene.ratio),
            "D_S_R": try MultispectralMetrics.dsR(fused: digital, pan: pan),
        ]
        if let truth {
            let reference = truth.samples.expandedDimensions(axis: 0)
            values["ERGAS"] = try MultispectralMetrics.ergas(
                reference: reference, output: digital, ratio: scene.ratio)
            values["SAM"] = MultispectralMetrics.sam(reference: reference, output: digital)
            values["Q2n"] = MultispectralMetrics.q2n(reference: reference, output: digital)
        }
        return values
    }

    /// Panchromatic, interpolated and fused, in red, green and blue.
    private func sheet(
        _ common: RestoreOptions, _ scene: PansharpeningScene, _ fused: Tensor, _ method: String
    ) throws {
        guard common.compare != nil else { return }
        let white = max(1e-6, 1.2 * (scene.ms.mean().doubleValue + 2 * variance(scene.ms).doubleValue.squareRoot()))
        func shown(_ x: Tensor) -> Bitmap {
            let colours =
                x.dim(3) == 1 ? x : concatenated([2, 1, 0].map { x[0..., 0..., 0..., $0..<($0 + 1)] }, axis: 3)
            return Bitmap(clip(colours / white, min: 0, max: 1))
        }
        try common.sheet(
            ms!, "Pansharpened by \(method)",
            [("panchromatic", shown(scene.pan)), ("interpolated", shown(scene.enlarged)), (method, shown(fused))])
    }

    /// What was done, for programs.
    private struct Result: Encodable {
        let ms: String
        let pan: String
        let output: String
        let method: String
        let size: [Int]
        let bands: Int
        let steps: Int
        let finished: Bool
        let loss: Double?
        let seconds: Double
        let peakMemory: Int
        let notes: [String]
        let quality: [String: Double]?
    }
}
