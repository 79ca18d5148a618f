import ArgumentParser
import Foundation
import Mercer
import MercerImage
import MercerImageIO

/// How large the result is: one of these.
struct SizeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Exactly this size.", valueName: "WxH"))
    var size: String?

    @Option(help: ArgumentHelp("By a factor, such as 0.5.", valueName: "factor"))
    var scale: Double?

    @Option(
        help: ArgumentHelp(
            "The longer side gets this length, or the picture fits into WxH.", valueName: "n|WxH"))
    var fit: String?

    @Option(help: ArgumentHelp("Exactly this size, cut to its proportions.", valueName: "WxH"))
    var fill: String?

    @Option(help: ArgumentHelp("Only this part of the picture, in pixels.", valueName: "l,t,r,b"))
    var box: String?

    func resolved() throws -> PictureSize {
        let given = [
            size.map { _ in "--size" }, scale.map { _ in "--scale" }, fit.map { _ in "--fit" },
            fill.map { _ in "--fill" },
        ].compactMap { $0 }
        guard given.count <= 1 else {
            throw ValidationError("\(given.joined(separator: " and ")) exclude each other; give one of them")
        }
        if let size {
            let (width, height) = try Self.sides(size, "--size")
            return .exactly(width: width, height: height)
        }
        if let fill {
            let (width, height) = try Self.sides(fill, "--fill")
            return .fill(width: width, height: height)
        }
        if let fit {
            let (width, height) = try Self.sides(fit, "--fit", oneIsEnough: true)
            return .fit(width: width, height: height)
        }
        if let scale {
            guard scale > 0, scale.isFinite else {
                throw ValidationError("'--scale \(scale)' isn't a factor: it must be greater than 0")
            }
            return .scale(scale)
        }
        throw ValidationError("how large? Give one of --size WxH, --scale FACTOR, --fit N, --fill WxH")
    }

    func resolvedBox() throws -> ResampleBox? {
        guard let box else { return nil }
        let numbers = box.split(separator: ",", omittingEmptySubsequences: false).map {
            Double($0.trimmingCharacters(in: .whitespaces))
        }
        guard numbers.count == 4, let l = numbers[0], let t = numbers[1], let r = numbers[2],
            let b = numbers[3],
            l >= 0, t >= 0, r > l, b > t
        else {
            throw ValidationError(
                "'--box \(box)' isn't left,top,right,bottom with left < right and top < bottom")
        }
        guard size != nil else { throw ValidationError("'--box' goes with '--size WxH'") }
        return ResampleBox(left: l, top: t, right: r, bottom: b)
    }

    private static func sides(
        _ text: String, _ option: String, oneIsEnough: Bool = false
    ) throws -> (width: Int, height: Int) {
        let words = text.lowercased().split(separator: "x", omittingEmptySubsequences: false).map(String.init)
        let numbers = words.map { Int($0) }
        let count = numbers.count == 2 || (oneIsEnough && numbers.count == 1)
        guard count, let width = numbers[0], let height = numbers[numbers.count - 1] else {
            throw ValidationError(
                "'\(option) \(text)' isn't \(oneIsEnough ? "a length or " : "")width x height, such as 640x480"
            )
        }
        for side in [width, height] where !(1...ResampleError.longestSide).contains(side) {
            throw ValidationError(
                "'\(option) \(text)': a side of \(side) pixels can't be; it must lie between 1 and "
                    + "\(ResampleError.longestSide)")
        }
        return (width, height)
    }
}

/// What resizes: a filter under a convention, MULLER with its settings, or a network.
struct MethodOptions: ParsableArguments {
    static let methods =
        ["muller"] + NetworkMethod.all.map(\.name) + RescaleOptions.methods + ResampleMethod.allCases.map(\.rawValue)

    @Option(help: ArgumentHelp("One of \(methods.joined(separator: ", ")).", valueName: "method"))
    var method = "muller"

    @Option(
        help: ArgumentHelp(
            "Whose rules: \(ResampleConvention.allCases.map(\.rawValue).joined(separator: ", ")).",
            valueName: "convention"))
    var convention: String?

    @Option(
        help: ArgumentHelp(
            "auto, on or off: whether the filter grows with the reduction.", valueName: "choice"))
    var antialias = "auto"

    @Option(
        help: ArgumentHelp(
            "MULLER's weights: resnet50 (default), a list w1,b1,w2,b2,… or a safetensors file. A network's: its file.",
            valueName: "weights"))
    var weights: String?

    @Option(help: ArgumentHelp("The taps of MULLER's blur.", valueName: "taps"))
    var kernel = 5

    @Option(help: ArgumentHelp("The blur's σ in pixels.", valueName: "sigma"))
    var sigma = 1.0

    @Option(help: ArgumentHelp("MULLER's layers; by default as many as the weights have.", valueName: "n"))
    var layers: Int?

    @Flag(help: "Take means before MULLER's base resizer, as the authors' option does.")
    var pool = false

    @Option(
        help: ArgumentHelp(
            "How MULLER's blur goes on beyond the border: reflect, zero or replicate.", valueName: "rule"))
    var border = "reflect"

    @Option(
        help: ArgumentHelp(
            "MULLER's base resizer, a method of the convention (tensorflow).", valueName: "method"))
    var base = "bilinear"

    @Flag(help: "Don't take means before reductions beyond three, though MULLER's base aliases there.")
    var raw = false

    @Flag(help: "Resize light instead of sRGB numbers.")
    var linearLight = false

    /// - Throws: where no method has the name.
    static func check(_ name: String) throws {
        if name == "muller" || NetworkMethod.all.contains(where: { $0.name == name }) { return }
        guard ResampleMethod(named: name) == nil else { return }
        if RescaleOptions.methods.contains(name) {
            throw ValidationError("'\(name)' goes with --down, --up or --roundtrip, and not into a sheet")
        }
        throw ValidationError("there is no method '\(name)'; there are \(methods.joined(separator: ", "))")
    }

    /// The resizer for a size; `name` instead of the method that was given.
    func resolved(_ name: String? = nil, for size: PictureSize) throws -> PictureResizer {
        let name = name ?? method
        if let network = NetworkMethod.all.first(where: { $0.name == name }) {
            if linearLight { throw ValidationError("'--linear-light' doesn't go with the network \(name)") }
            return PictureResizer(.network(try network.make(self, size)))
        }
        let antialias = try resolvedAntialias()
        let convention = try self.convention.map { text in
            guard let convention = ResampleConvention(rawValue: text.lowercased()) else {
                throw ValidationError(
                    "there is no convention '\(text)'; there are "
                        + ResampleConvention.allCases.map(\.rawValue).joined(separator: ", "))
            }
            return convention
        }
        if name == "muller" { return try muller(convention ?? .tensorflow, antialias) }
        try Self.check(name)
        return PictureResizer(
            .filter(try rule(ResampleMethod(named: name)!, convention ?? .mercer, antialias)),
            isLinearLight: linearLight)
    }

    private func rule(
        _ method: ResampleMethod, _ convention: ResampleConvention, _ antialias: Bool?
    ) throws -> ResampleRule {
        do {
            return try ResampleRule(method, convention, antialias: antialias)
        } catch {
            throw ValidationError("\(error)")
        }
    }

    private func muller(_ convention: ResampleConvention, _ antialias: Bool?) throws -> PictureResizer {
        guard let base = ResampleMethod(named: base) else {
            throw ValidationError(
                "there is no base method '\(self.base)'; there are "
                    + convention.methods.map(\.rawValue).joined(separator: ", "))
        }
        guard let border = BlurBorder(rawValue: border.lowercased()) else {
            throw ValidationError("there is no border rule '\(border)'; there are reflect, zero, replicate")
        }
        let baseRule = try rule(base, convention, antialias)
        do {
            // Settings first: they are wrong whatever the weights are.
            _ = try MullerSettings(layers: layers ?? 1, kernel: kernel, sigma: sigma)
            let weights = try MullerWeights(weights ?? "resnet50")
            if let layers, layers != weights.layers {
                throw MullerError.layerCount(found: weights.layers, expected: layers)
            }
            let settings = try MullerSettings(
                base: baseRule, layers: weights.layers, kernel: kernel, sigma: sigma, pool: pool,
                border: border)
            let aliases = !baseRule.antialias
            return PictureResizer(
                .muller(settings, weights, reduces: aliases && !raw && !pool), isLinearLight: linearLight)
        } catch let error as MullerError {
            switch error {
            case .names, .shape: throw error
            default: throw ValidationError("\(error)")
            }
        }
    }

    private func resolvedAntialias() throws -> Bool? {
        switch antialias {
        case "auto": nil
        case "on": true
        case "off": false
        default: throw ValidationError("'--antialias \(antialias)' isn't auto, on or off")
        }
    }
}
