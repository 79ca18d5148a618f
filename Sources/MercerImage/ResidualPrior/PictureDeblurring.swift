import Foundation
import Mercer

/// Deblurring of a photograph in colour or grey by one of four methods.
public struct PictureDeblurring: Sendable {
    /// What deblurs.
    public enum Method: String, Sendable, Codable, CaseIterable {
        case drp, dip, wiener
        case richardsonLucy = "richardson-lucy"
    }

    /// Which numbers are deblurred by the full method.
    public enum Channels: String, Sendable, Codable, CaseIterable {
        /// The luma; the colour differences by Wiener's filter with the same kernel.
        case luma
        /// All channels at once, by networks with as many outputs.
        case all
    }

    /// How far an iterative method is.
    public struct Progress: Sendable {
        public let iteration: Int
        public let loss: Double?
        /// The PSNR in dB of what there is so far, where a reference was given and this iteration measured it.
        public let psnr: Double?
    }

    /// What came out, as numbers `[1, H, W, C]`.
    public struct Outcome: Sendable {
        public let picture: Tensor
        /// The last iteration's picture, where the method has an average.
        public let last: Tensor?
        /// r, of the full method.
        public let residual: Tensor?
        public let losses: [Double]
        public let iterations: Int
        /// ε of Wiener's filter.
        public let noise: Double?
    }

    public var method: Method
    public var kernel: BlurKernel
    public var channels = Channels.luma
    /// Of drp and dip.
    public var configuration = ResidualPriorConfiguration()
    /// ε of Wiener's filter; nil for the best of ``CircularBlur/noiseLevels`` where a reference is given, else 0.01.
    /// Colour differences, which every method leaves to that filter, take ten times it (of 0.01 where nil).
    public var noise: Double?
    /// Iterations of Richardson-Lucy.
    public var lucyIterations = 30
    /// A checkpoint of the residual network.
    public var residualWeights: String?
    /// Where the state is kept, to go on after a stop; nil for nowhere.
    public var state: String?
    /// Iterations between two states and two measurements.
    public var interval = 50

    public init(_ method: Method, _ kernel: BlurKernel) {
        self.method = method
        self.kernel = kernel
    }

    /// Deblurs a picture. A method that is stopped returns what it has: the task's cancellation is looked at before
    /// each iteration.
    ///
    /// - Parameters:
    ///   - x: `[1, H, W, C]` in [0, 1], one or three channels.
    ///   - reference: the sharp picture, to measure with.
    ///   - progress: told of each iteration.
    ///   - preview: given the average so far at each interval.
    /// - Throws: ``DeblurError``, or what `progress` and `preview` throw.
    public func run(
        _ x: Tensor, reference: Tensor? = nil, progress: (Progress) throws -> Void = { _ in },
        preview: (Tensor) throws -> Void = { _ in }
    ) throws -> Outcome {
        try DeepResidualPrior.check(x, kernel)
        if let reference, reference.shape != x.shape {
            throw DeblurError.referenceSize(
                found: [reference.shape[2], reference.shape[1]], expected: [x.shape[2], x.shape[1]])
        }
        let taper = EdgeTaper(kernel)
        let split = x.shape[3] == 3 && channels == .luma
        let planes = split ? Self.lumaAndColour(x) : x
        let large = taper.applied(to: planes, kernel)
        let blur = CircularBlur(kernel, height: large.shape[1], width: large.shape[2])
        let colour = split ? taper.cropped(Self.deblurredColour(large[0..., 0..., 0..., 1...], blur, noise)) : nil
        let luma = split ? large[0..., 0..., 0..., 0..<1].contiguous() : large
        func finished(_ y: Tensor) -> Tensor {
            let inner = taper.cropped(y)
            let whole = colour.map { Self.rgb(concatenated([inner, $0], axis: 3)) } ?? inner
            return clip(whole, min: 0, max: 1)
        }
        func psnr(_ y: Tensor) -> Double? { reference.map { Self.psnr(y, $0) } }

        switch method {
        case .wiener:
            let levels = noise.map { [$0] } ?? (reference == nil ? [0.01] : CircularBlur.noiseLevels)
            let candidates = levels.map { level in
                (level: level, picture: finished(blur.wiener(luma, noise: level)))
            }
            let best = candidates.max { (psnr($0.picture) ?? 0) < (psnr($1.picture) ?? 0) }!
            return Outcome(
                picture: best.picture, last: nil, residual: nil, losses: [], iterations: 0, noise: best.level)
        case .richardsonLucy:
            var done = 0
            let y = try blur.richardsonLucy(luma, iterations: lucyIterations) { iteration in
                done = iteration
                try Task.checkCancellation()
                try progress(Progress(iteration: iteration, loss: nil, psnr: nil))
            }
            return Outcome(
                picture: finished(y), last: nil, residual: nil, losses: [], iterations: done, noise: nil)
        case .drp, .dip: break
        }

        let prior = try prior(luma)
        let job = state == nil ? "" : job(luma)
        if let state, FileManager.default.fileExists(atPath: state) { try prior.restore(from: state, job: job) }
        while prior.iteration < configuration.iterations && !Task.isCancelled {
            let step = prior.step()
            let measures = step.iteration % interval == 0 || step.iteration == configuration.iterations
            var quality: Double?
            if measures {
                let picture = finished(prior.picture)
                quality = psnr(picture)
                if step.iteration < configuration.iterations {
                    try preview(picture)
                    if let state { try prior.save(to: state, job: job) }
                }
            }
            try progress(Progress(iteration: step.iteration, loss: step.loss, psnr: quality))
        }
        if let state, prior.iteration < configuration.iterations { try prior.save(to: state, job: job) }
        let result = prior.result
        return Outcome(
            picture: finished(result.average), last: finished(result.last),
            residual: result.residual.map { taper.cropped($0) }, losses: result.losses, iterations: prior.iteration,
            noise: nil)
    }

    /// The networks before their first step; a checkpoint says itself how large the residual one is.
    private func prior(_ y: Tensor) throws -> DeepResidualPrior {
        if method == .dip {
            return try DeepResidualPrior(blurred: y, kernel: kernel, configuration: configuration.deepImagePrior)
        }
        guard let residualWeights, let residual = configuration.residual else {
            return try DeepResidualPrior(blurred: y, kernel: kernel, configuration: configuration)
        }
        let tensors = try DeepResidualPrior.residualTensors(residualWeights)
        guard let known = SkipHourglass.Configuration(parameters: tensors, output: residual.output) else {
            throw DeblurError.checkpoint(residualWeights, reason: "its keys aren't those of an hourglass")
        }
        var settings = configuration
        settings.residual = known
        let prior = try DeepResidualPrior(blurred: y, kernel: kernel, configuration: settings)
        try prior.loadResidual(tensors, from: residualWeights)
        return prior
    }

    /// What a state belongs to: picture, kernel, networks and constants, but not how long they run.
    private func job(_ y: Tensor) -> String {
        var hash = FNV1a()
        hash.update(y)
        hash.update(kernel.values)
        var settings = configuration
        settings.iterations = 0
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let text = (try? encoder.encode(settings)).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let digest = String(hash.value, radix: 16)
        return "\(method.rawValue) \(channels.rawValue) \(digest) \(residualWeights ?? "") \(text)"
    }

    // MARK: Colours

    /// Colour differences by Wiener's filter, which does for the little detail that they carry. Their signal has about
    /// a tenth of the luma's power, so that ε is ten times as large; their means aren't drawn towards 0 by it.
    static func deblurredColour(_ differences: Tensor, _ blur: CircularBlur, _ noise: Double?) -> Tensor {
        let means = differences.mean(axes: [1, 2], keepDims: true)
        let rest: Tensor = differences - means
        return blur.wiener(rest, noise: 10 * (noise ?? 0.01)) + means
    }

    /// Y, B − Y, R − Y with BT.601's weights.
    static func lumaAndColour(_ rgb: Tensor) -> Tensor {
        let (r, g, b) = (rgb[0..., 0..., 0..., 0..<1], rgb[0..., 0..., 0..., 1..<2], rgb[0..., 0..., 0..., 2..<3])
        let y: Tensor = r * 0.299 + g * 0.587 + b * 0.114
        return concatenated([y, b - y, r - y], axis: 3)
    }

    static func rgb(_ planes: Tensor) -> Tensor {
        let y = planes[0..., 0..., 0..., 0..<1]
        let b: Tensor = y + planes[0..., 0..., 0..., 1..<2]
        let r: Tensor = y + planes[0..., 0..., 0..., 2..<3]
        let g: Tensor = (y - r * 0.299 - b * 0.114) / 0.587
        return concatenated([r, g, b], axis: 3)
    }

    /// PSNR in dB of two pictures in [0, 1], each rounded half up to bytes.
    public static func psnr(_ a: Tensor, _ b: Tensor) -> Double {
        func bytes(_ x: Tensor) -> Tensor {
            floor(clip(x.detached.asType(.float64), min: 0, max: 1) * 255.0 + 0.5)[0]
        }
        return ImageMetrics.psnr(bytes(a), bytes(b))
    }
}
