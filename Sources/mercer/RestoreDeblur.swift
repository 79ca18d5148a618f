import ArgumentParser
import Foundation
import Mercer
import MercerImage
import MercerImageIO
import MercerPapers

/// `mercer restore --method drp|dip|wiener|richardson-lucy`.
struct DeblurOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "disk:RADIUS, motion:LENGTH,ANGLE, gaussian:SIGMA, a .png or a .npy file.", valueName: "kernel"))
    var kernel: String?

    @Option(help: ArgumentHelp("drp, dip: how many iterations (2000); richardson-lucy: 30.", valueName: "n"))
    var iterations: Int?

    @Option(help: ArgumentHelp("drp, dip: the networks: small or paper.", valueName: "size"))
    var size = "small"

    @Option(help: ArgumentHelp("drp: whose objective: paper or official (the code's).", valueName: "variant"))
    var variant = "paper"

    @Option(
        name: .customLong("lambda1"),
        help: ArgumentHelp("drp: the threshold of the artefacts; paper leaves them out by default.", valueName: "x"))
    var lambda1: Double?

    @Option(
        name: .customLong("lambda2"),
        help: ArgumentHelp("drp: the weight of the residual's size (0.02; official 5e-5).", valueName: "x"))
    var lambda2: Double?

    @Option(help: ArgumentHelp("drp, dip: the weight of smoothness (0.02; official 2).", valueName: "x"))
    var tv: Double?

    @Option(help: ArgumentHelp("drp, dip: the step size (small 5e-3, paper 5e-4).", valueName: "x"))
    var rate: Double?

    @Option(help: ArgumentHelp("drp: a checkpoint of the residual network (.pth or .safetensors).", valueName: "file"))
    var residualWeights: String?

    @Option(help: ArgumentHelp("luma, or all channels at once.", valueName: "choice"))
    var channels = "luma"

    @Option(
        name: .customLong("noise"),
        help: ArgumentHelp(
            "wiener: noise power over signal power (0.01; with --reference the best of a list); colours take ten times it.",
            valueName: "x"))
    var noise: Double?

    @Option(help: ArgumentHelp("drp, dip: write the picture so far every so many iterations.", valueName: "n"))
    var preview: Int?

    @Option(
        help: ArgumentHelp(
            "drp, dip: where the state is kept until the job is done; by default beside the output.", valueName: "file")
    )
    var state: String?

    @Option(help: ArgumentHelp("drp: write the residual as a picture, grey where it is 0.", valueName: "file"))
    var saveResidual: String?

    func validate(_ method: String, _ output: String) throws {
        guard ImageFormat(fileName: output) != nil else {
            throw ValidationError("'-o \(output)' must end as a picture: png, jpg, webp, tif, gif, heic or avif")
        }
        guard let kernel else {
            throw ValidationError(
                "which kernel? Give '--kernel disk:RADIUS', 'motion:LENGTH,ANGLE', 'gaussian:SIGMA' or a file")
        }
        do { _ = try BlurShape(kernel) } catch { throw ValidationError("\(error)") }
        if let iterations, !(1...1_000_000).contains(iterations) {
            throw ValidationError("'--iterations' must lie between 1 and 1,000,000, but is \(iterations)")
        }
        guard ResidualPriorConfiguration.Size(rawValue: size) != nil else {
            throw ValidationError("there is no size '\(size)'; there are small, paper")
        }
        guard ResidualPriorObjective.Variant(rawValue: variant) != nil else {
            throw ValidationError("there is no variant '\(variant)'; there are paper, official")
        }
        guard PictureDeblurring.Channels(rawValue: channels) != nil else {
            throw ValidationError("'--channels \(channels)': luma or all is expected")
        }
        for (name, value) in [("lambda1", lambda1), ("lambda2", lambda2), ("tv", tv), ("noise", noise)] {
            if let value, !(value >= 0 && value.isFinite) {
                throw ValidationError("'--\(name) \(value)' must be 0 or more")
            }
        }
        if let rate, !(rate > 0 && rate < 1) { throw ValidationError("'--rate \(rate)' must lie between 0 and 1") }
        if let preview, preview < 1 { throw ValidationError("'--preview' must be at least 1") }
        if let saveResidual {
            guard method == "drp" else { throw ValidationError("only drp has a residual to save") }
            guard ImageFormat(fileName: saveResidual) != nil else {
                throw ValidationError("'--save-residual \(saveResidual)' must end as a picture")
            }
        }
        if residualWeights != nil, method != "drp" {
            throw ValidationError("'--residual-weights' goes with '--method drp'")
        }
    }

    /// Where an iterative method keeps its state until it is done.
    func stateFile(_ output: String) -> String { state ?? output + ".state" }

    private func job(_ method: String, _ kernel: BlurKernel, _ output: String, seed: UInt64) -> PictureDeblurring {
        var job = PictureDeblurring(PictureDeblurring.Method(rawValue: method)!, kernel)
        var configuration = ResidualPriorConfiguration(
            .init(rawValue: size)!, variant: .init(rawValue: variant)!, seed: seed)
        if let iterations { configuration.iterations = iterations }
        if let lambda1 { configuration.lambda1 = lambda1 }
        if let lambda2 { configuration.lambda2 = lambda2 }
        if let tv { configuration.tv = tv }
        if let rate { configuration.learningRate = rate }
        configuration.residualLearningRate = residualWeights == nil ? configuration.learningRate : 5e-8
        job.configuration = configuration
        job.channels = .init(rawValue: channels)!
        job.noise = noise
        job.lucyIterations = iterations ?? 30
        job.residualWeights = residualWeights
        if method == "drp" || method == "dip" { job.state = stateFile(output) }
        job.interval = preview ?? 50
        return job
    }

    func run(_ input: String, _ output: String, _ method: String, _ common: RestoreOptions) throws {
        let picture = try Bitmap(contentsOf: input)
        let colours = picture.channels - (picture.hasAlpha ? 1 : 0)
        guard colours == 1 || colours == 3 else {
            throw CleanFailure("\(input): \(colours) bands; a grey or colour picture is expected")
        }
        let kernel = try BlurShape(self.kernel!).kernel()
        for note in picture.conversions + kernel.notes { Console.remark(note) }
        let whole = picture.tensor()
        let x = whole[0..., 0..., 0..., 0..<colours].contiguous()
        let reference = try common.reference.map { try sharp($0, like: picture, colours) }
        do { try DeepResidualPrior.check(x, kernel) } catch { throw CleanFailure("\(input): \(error)") }
        let job = job(method, kernel, output, seed: common.seed)

        func bitmap(_ y: Tensor) -> Bitmap {
            let all = picture.hasAlpha ? concatenated([y, whole[0..., 0..., 0..., colours...]], axis: 3) : y
            return Bitmap(all, depth: picture.depth, hasAlpha: picture.hasAlpha, metadata: picture.metadata)
        }
        func write(_ y: Tensor) throws { try bitmap(y).write(to: output, ImageEncoding(quality: common.quality)) }

        let start = ContinuousClock.now
        let bar = ProgressBar(isSilent: common.json)
        defer { bar.end() }
        let count = method == "richardson-lucy" ? job.lucyIterations : job.configuration.iterations
        if method != "wiener" { bar.begin(method, steps: count) }
        let outcome = try job.run(x, reference: reference) { step in
            bar.step(step.iteration)
            if let loss = step.loss, step.iteration % 50 == 0 || step.psnr != nil {
                let quality = step.psnr.map { ", PSNR \(Format.fixed($0, decimals: 2)) dB" } ?? ""
                bar.note("iteration \(step.iteration): loss \(Format.number(loss, digits: 4))\(quality)")
            }
        } preview: { y in
            if preview != nil { try write(y) }
        }
        bar.end()
        try write(outcome.picture)
        if let saveResidual, let residual = outcome.residual {
            // Grey is 0; the scale is the residual's own.
            let largest = max(abs(residual).max().doubleValue, 1e-6)
            try Bitmap(residual / (2 * largest) + 0.5).write(to: saveResidual)
        }
        let sheet = [("before", picture), (method, bitmap(outcome.picture))]
        let known = try common.reference.map { [("reference", try Bitmap(contentsOf: $0))] } ?? []
        try common.sheet(input, "Deblurred by \(method)", sheet + known)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let report = Report(
            outcome, reference, x, input: input, output: output, method: method, seconds: seconds,
            notes: picture.conversions + kernel.notes, isFinished: !Task.isCancelled)
        if common.json { try Console.print(json: report) } else { Console.print(report.sentence) }
        if Task.isCancelled {
            Console.remark("stopped after \(outcome.iterations) iterations; the same command goes on from there")
            throw CancellationError()
        }
        if let state = job.state, FileManager.default.fileExists(atPath: state) {
            try FileManager.default.removeItem(atPath: state)
        }
    }

    /// The reference's numbers with the picture's channels.
    private func sharp(_ path: String, like picture: Bitmap, _ colours: Int) throws -> Tensor {
        let reference = try Bitmap(contentsOf: path)
        guard reference.width == picture.width, reference.height == picture.height else {
            let error = DeblurError.referenceSize(
                found: [reference.width, reference.height], expected: [picture.width, picture.height])
            throw CleanFailure("\(path): \(error)")
        }
        guard reference.channels >= colours else {
            throw CleanFailure("\(path): the reference is grey and the picture is in colour")
        }
        return reference.tensor()[0..., 0..., 0..., 0..<colours].contiguous()
    }

    /// What was done, for people and programs.
    private struct Report: Encodable {
        let input: String
        let output: String
        let method: String
        let iterations: Int
        let finished: Bool
        let loss: Double?
        let noise: Double?
        let psnrBefore: Double?
        let psnr: Double?
        let psnrLast: Double?
        let seconds: Double
        let peakMemory: Int
        let notes: [String]

        init(
            _ outcome: PictureDeblurring.Outcome, _ reference: Tensor?, _ x: Tensor, input: String, output: String,
            method: String, seconds: Double, notes: [String], isFinished: Bool
        ) {
            self.input = input
            self.output = output
            self.method = method
            iterations = outcome.iterations
            finished = isFinished
            loss = outcome.losses.last
            noise = outcome.noise
            psnrBefore = reference.map { PictureDeblurring.psnr(x, $0) }
            psnr = reference.map { PictureDeblurring.psnr(outcome.picture, $0) }
            psnrLast = reference.flatMap { r in outcome.last.map { PictureDeblurring.psnr($0, r) } }
            self.seconds = seconds
            peakMemory = Memory.peak
            self.notes = notes
        }

        var sentence: String {
            var text = "\(output): \(method)"
            if iterations > 0 { text += ", \(iterations) iterations" }
            if let noise { text += ", noise \(Format.number(noise))" }
            text += " in \(Format.duration(seconds))"
            if let psnr, let psnrBefore {
                text += "; PSNR \(Format.fixed(psnrBefore, decimals: 2)) to \(Format.fixed(psnr, decimals: 2)) dB"
                if let psnrLast { text += " (last picture \(Format.fixed(psnrLast, decimals: 2)))" }
            }
            return text + "; \(peakMemory >> 20) MiB of tensors at most"
        }
    }
}
