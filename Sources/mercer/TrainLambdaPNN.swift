import ArgumentParser
import Foundation
import Mercer
import MercerImage
import MercerNN
import MercerPapers

/// `mercer train lambda-pnn`: learns pansharpening from scenes without ground truth.
struct TrainLambdaPNNCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lambda-pnn",
        abstract: "Learn to sharpen the bands of satellite pictures; no ground truth is needed.",
        discussion: """
            The data are pairs NAME_ms.tif and NAME_pan.tif (or .npy). Without --data it is the left part of a \
            Landsat-7 picture of a Debian package, reduced by Wald's protocol.

              mercer train lambda-pnn -o lambda-pnn.safetensors
              mercer train lambda-pnn --data scenes --sensor WV3 --steps 5000 -o wv3.safetensors
              mercer train lambda-pnn --data scenes --sensor WV3 --recipe paper -o wv3.safetensors
            """)

    @OptionGroup var options: TrainOptions

    @Option(help: ArgumentHelp("The sensor, as for 'mercer restore'.", valueName: "sensor"))
    var sensor = "GE1"

    @Option(help: ArgumentHelp("Bits of a digital number.", valueName: "n"))
    var bits = 11

    @Option(
        help: ArgumentHelp(
            "small: Adam 4e-4 falling by a cosine, one crop of 64 a step, without L_λ. paper: the published weights and "
                + "step size of the sensor, four crops of 512 a step, 500 epochs, a rate that falls on plateaus.",
            valueName: "name"))
    var recipe = "small"

    @Option(help: ArgumentHelp("The side of a crop in panchromatic pixels, in place of the recipe's.", valueName: "n"))
    var crop: Int?

    @Option(help: ArgumentHelp("Crops a step, in place of the recipe's.", valueName: "n"))
    var batch: Int?

    @Option(help: ArgumentHelp("The step size at the beginning, in place of the recipe's.", valueName: "x"))
    var rate: Double?

    func validate() throws {
        do { _ = try SatelliteSensor(sensor) } catch { throw ValidationError("\(error)") }
        if !(1...16).contains(bits) { throw ValidationError("'--bits' must lie between 1 and 16") }
        guard ["small", "paper"].contains(recipe) else {
            throw ValidationError("there is no recipe '\(recipe)'; there are small and paper")
        }
        // L_λ, which the paper's recipe has, is an index of blocks of 32 coarse pixels.
        let least = recipe == "paper" ? 128 : 32
        if let crop, crop < least || crop % 4 != 0 {
            throw ValidationError("'--crop \(crop)' must be a multiple of 4 from \(least) up")
        }
        if let batch, batch < 1 { throw ValidationError("'--batch' must be at least 1") }
        if let rate, !(rate > 0 && rate < 1) { throw ValidationError("'--rate' must lie between 0 and 1") }
    }

    func run() async throws {
        let sensor = try SatelliteSensor(self.sensor)
        let scenes = try await scenes(sensor)
        let bands = scenes[0].bands
        guard sensor.gains.count == bands else {
            throw PansharpeningError.gainCount(found: sensor.gains.count, bands: bands)
        }
        let net = LambdaPNN(bands: bands)
        net.initialize(RandomKey(options.seed))
        var training =
            recipe == "paper"
            ? LambdaTraining.paper(sensor, scenes, crop: crop ?? 512, batch: batch ?? 4, seed: options.seed)
            : LambdaTraining(steps: 1000, crop: crop ?? 64, batch: batch ?? 1, seed: options.seed)
        if let rate { training.learningRate = rate }
        if let steps = options.steps { training.steps = steps }
        try options.fit(
            training.trainer(net, scenes, sensor: sensor, options.trainerOptions(steps: training.steps)),
            training.loader(scenes, sensor: sensor))
        let quality = try measured(net, scenes, sensor)
        let made =
            "mercer train lambda-pnn --sensor \(self.sensor) --recipe \(recipe) --steps \(training.steps) "
            + "--crop \(training.crop) --batch \(training.batch) --rate \(training.learningRate) --seed \(options.seed)"
        try net.save(
            to: options.output,
            metadata: [
                "recipe": made, "data": options.data ?? "Landsat-7 (r-cran-stars 0.6-0-4), columns below 192",
                "seed": "\(options.seed)",
                "quality": quality.sorted { $0.key < $1.key }.map { "\($0.key) \(Format.number($0.value))" }
                    .joined(separator: ", "),
            ])
        if options.json {
            try Console.print(
                json: Result(file: options.output, steps: training.steps, scenes: scenes.count, quality: quality))
        } else {
            Console.print("\(options.output): trained on \(scenes.count) scene\(scenes.count == 1 ? "" : "s")")
            for (name, value) in quality.sorted(by: { $0.key < $1.key }) {
                Console.print("  \(name) \(Format.number(value))")
            }
        }
    }

    private func scenes(_ sensor: SatelliteSensor) async throws -> [PansharpeningScene] {
        guard let data = options.data else {
            let whole = try await MultispectralData.landsat7.reference(from: .standard) { Console.remark($0) }
            return [
                try .reduced(
                    whole[0..., 0..<192, 0...].contiguous(), sensor: sensor,
                    panWeights: MultispectralData.panWeights)
            ]
        }
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: data)) ?? []).sorted()
        var scenes: [PansharpeningScene] = []
        for name in names {
            for ending in [".tif", ".tiff", ".npy"] where name.hasSuffix("_ms" + ending) {
                let pan = name.dropLast(("_ms" + ending).count) + "_pan" + ending
                guard names.contains(String(pan)) else { continue }
                let (coarse, fine) = ("\(data)/\(name)", "\(data)/\(pan)")
                do {
                    scenes.append(
                        try PansharpeningScene(
                            ms: Raster(contentsOf: coarse).samples, pan: Raster(contentsOf: fine).samples,
                            scale: pow(2, Double(bits))))
                } catch let error as PansharpeningError {
                    if case .file = error { throw error }
                    throw CleanFailure("\(coarse) and \(fine): \(error)")
                }
            }
        }
        guard let first = scenes.first else {
            throw PansharpeningError.file(data, reason: "no pair NAME_ms.tif and NAME_pan.tif (or .npy) is found in it")
        }
        guard scenes.allSatisfy({ $0.bands == first.bands && $0.ratio == first.ratio }) else {
            throw PansharpeningError.file(data, reason: "its scenes differ in the number of bands or in the ratio")
        }
        return scenes
    }

    /// Indices that need no reference, on the first scene.
    private func measured(
        _ net: LambdaPNN, _ scenes: [PansharpeningScene], _ sensor: SatelliteSensor
    ) throws -> [String: Double] {
        let scene = scenes[0]
        let fused = scene.digital(try net.tiled(scene.input))
        let reprojection = Reprojection(sensor, ratio: scene.ratio)
        return [
            "D_lambda_K": MultispectralMetrics.dLambdaKhan(fused: fused, ms: scene.ms * scene.scale, reprojection),
            "D_rho": MultispectralMetrics.dRho(fused: fused, pan: scene.pan * scene.scale),
        ]
    }

    private struct Result: Encodable {
        let file: String
        let steps: Int
        let scenes: Int
        let quality: [String: Double]
    }
}
