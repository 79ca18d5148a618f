import Foundation
import Mercer
import MercerImage
import MercerNN

/// `drp-deblur.safetensors`: kernels, circular blur, both networks, transforms, both objectives and the gradients.
enum DeblurOracle {
    private static let tolerance = Tolerance(bound: 2e-5)

    /// Both networks, so that one walk gives both gradients.
    private final class Networks: Module {
        let image: SkipHourglass
        let residual: SkipHourglass

        init(_ image: SkipHourglass, _ residual: SkipHourglass) {
            self.image = image
            self.residual = residual
        }
    }

    static func run(_ file: OracleFile) throws -> OracleTally {
        var tally = OracleTally()
        let networks = Networks(
            try network(file, "image/", output: .leakyReLU), try network(file, "residual/", output: .softshrink(0.005)))
        var gradients: [String: Tensor] = [:]
        var largest = ["image": 0.0, "residual": 0.0]
        if file.tensors["paper_loss"] != nil {
            gradients = try paperGradients(file, networks)
            for (key, value) in file.tensors where key.hasPrefix("grad/") {
                let name = key.hasPrefix("grad/image/") ? "image" : "residual"
                largest[name] = max(largest[name]!, abs(value).max().doubleValue)
            }
        }
        for key in file.tensors.keys.sorted() {
            let parts = key.split(separator: "/", maxSplits: 2).map(String.init)
            let expected = file.tensors[key]!
            switch parts[0] {
            case "clean", "z_image", "z_residual", "image", "residual": continue
            case "grad":
                // Relative to the tensor; biases before a normalisation have none but rounding.
                let name = parts[1]
                let own = parts[2...].joined()
                guard let actual = gradients["\(name).\(own)"] else {
                    tally.count(key, ["there is no such parameter"])
                    continue
                }
                let scale = max(abs(expected).max().doubleValue, 0.02 * (largest[name] ?? 0))
                let bound = Tolerance(bound: 5e-4 * scale, isAbsolute: true)
                tally.count(key, [bound.problem(key, actual, expected)].compactMap { $0 })
            default: tally.count(key, try check(file, key, parts, expected, networks))
            }
        }
        return tally
    }

    private static func check(
        _ file: OracleFile, _ key: String, _ parts: [String], _ expected: Tensor, _ networks: Networks
    ) throws -> [String] {
        func compare(_ actual: Tensor?) -> [String] {
            guard let actual else { return ["the file lacks an operand"] }
            return [tolerance.problem(key, actual, expected)].compactMap { $0 }
        }
        func relative(_ actual: Tensor?) -> [String] {
            guard let actual else { return ["the file lacks an operand"] }
            let bound = 1e-5 * abs(expected.doubleValue)
            return [Tolerance(bound: bound, isAbsolute: true).problem(key, actual.reshaped([1]), expected)]
                .compactMap { $0 }
        }
        switch key {
        case "kernel/otf_real", "kernel/otf_imag":
            guard let given = try givenKernel(file) else { return ["no kernel of the file fits"] }
            let transfer = given.transfer(height: expected.shape[0], width: expected.shape[1])
            return compare(key.hasSuffix("real") ? transfer.realPart() : transfer.imaginaryPart())
        case "reblurred": return compare(try reblurred(file, file.tensors["clean"]))
        case "blurry": return compare(try trueBlur(file))
        case "true_residual":
            guard let blurry = try trueBlur(file), let given = try reblurred(file, file.tensors["clean"]) else {
                return ["no kernel of the file fits"]
            }
            return compare(blurry - given)
        case "image_out": return compare(file.tensors["z_image"].map { networks.image($0) })
        case "residual_out": return compare(file.tensors["z_residual"].map { networks.residual($0) })
        case "tv": return compare(file.tensors["clean"].map { ResidualPriorObjective.totalVariation($0).reshaped([1]) })
        case "dct/input": return []
        case "dct/orthonormal":
            return compare(file.tensors["dct/input"].map { dctn($0, axes: [1, 2]).reshaped(expected.shape) })
        case "dct/code":
            return compare(
                file.tensors["dct/input"].map {
                    ResidualPriorObjective.officialTransform($0).reshaped(expected.shape)
                })
        case "paper_s": return compare(try objective(file, networks, paper(file))?.artefacts)
        case "paper_loss": return relative(try objective(file, networks, paper(file))?.loss)
        case "official_loss": return relative(try objective(file, networks, .standard(.official))?.loss)
        default: return parts[0] == "kernel" && parts.count == 2 ? kernel(parts[1], expected) : ["unknown key"]
        }
    }

    // MARK: Kernels

    /// `motion_13_10`, `disk_3`, `gaussian_2`.
    private static func drawn(_ name: String, side: Int) -> BlurKernel? {
        let words = name.split(separator: "_").map(String.init)
        let numbers = words.dropFirst().map { Double($0) }
        guard numbers.allSatisfy({ $0 != nil }) else { return nil }
        switch (words.first, numbers.count) {
        case ("motion", 2): return .motion(length: numbers[0]!, angle: numbers[1]!, side: side)
        case ("disk", 1): return .disk(radius: numbers[0]!, side: side)
        case ("gaussian", 1): return .gaussian(sigma: numbers[0]!, side: side)
        default: return nil
        }
    }

    private static func kernel(_ name: String, _ expected: Tensor) -> [String] {
        guard let kernel = drawn(name, side: expected.shape[0]) else { return ["unknown key"] }
        return [tolerance.problem(name, kernel.values, expected)].compactMap { $0 }
    }

    private static func kernels(_ file: OracleFile) throws -> [BlurKernel] {
        try file.tensors.keys.sorted().filter { $0.hasPrefix("kernel/") && !$0.hasPrefix("kernel/otf") }
            .map { try BlurKernel(file.tensors[$0]!) }
    }

    /// The kernel that the file's transfer function belongs to: the nearest of its kernels.
    private static func givenKernel(_ file: OracleFile) throws -> BlurKernel? {
        guard let real = file.tensors["kernel/otf_real"] else { return nil }
        return try nearest(kernels(file)) { kernel in
            kernel.transfer(height: real.shape[0], width: real.shape[1]).realPart() - real
        }
    }

    /// The clean picture blurred by the kernel that comes nearest to the blurry one.
    private static func trueBlur(_ file: OracleFile) throws -> Tensor? {
        guard let clean = file.tensors["clean"], let blurry = file.tensors["blurry"] else { return nil }
        func blurred(_ kernel: BlurKernel) -> Tensor {
            CircularBlur(kernel, height: clean.shape[1], width: clean.shape[2])(clean)
        }
        return try nearest(kernels(file)) { blurred($0) - blurry }.map(blurred)
    }

    private static func nearest(_ kernels: [BlurKernel], _ difference: (BlurKernel) -> Tensor) -> BlurKernel? {
        kernels.min { a, b in
            square(difference(a)).sum().doubleValue < square(difference(b)).sum().doubleValue
        }
    }

    private static func reblurred(_ file: OracleFile, _ x: Tensor?) throws -> Tensor? {
        guard let x, let kernel = try givenKernel(file) else { return nil }
        return CircularBlur(kernel, height: x.shape[1], width: x.shape[2])(x)
    }

    // MARK: Networks

    /// A network of the file's shapes with its parameters.
    private static func network(
        _ file: OracleFile, _ prefix: String, output: SkipHourglass.Output
    ) throws -> SkipHourglass {
        var tensors: [String: Tensor] = [:]
        for (key, value) in file.tensors where key.hasPrefix(prefix) {
            tensors[String(key.dropFirst(prefix.count))] = value
        }
        guard let configuration = SkipHourglass.Configuration(parameters: tensors, output: output) else {
            preconditionFailure("drp-deblur has no network \(prefix)")
        }
        let network = SkipHourglass(configuration)
        try network.load(tensors, from: prefix)
        return network
    }

    /// The oracle's constants for the paper's objective.
    private static func paper(_ file: OracleFile) -> ResidualPriorObjective {
        ResidualPriorObjective(.paper, lambda1: 0.02, lambda2: 2e-3, tv: 0.02)
    }

    private static func objective(
        _ file: OracleFile, _ networks: Networks, _ objective: ResidualPriorObjective
    ) throws -> (loss: Tensor, artefacts: Tensor?)? {
        guard let zx = file.tensors["z_image"], let zr = file.tensors["z_residual"], let y = file.tensors["blurry"],
            let kernel = try givenKernel(file)
        else { return nil }
        let x = networks.image(zx)
        let r = networks.residual(zr)
        let kx = CircularBlur(kernel, height: x.shape[1], width: x.shape[2])(x)
        let s = objective.artefacts(blurred: y, reblurred: kx, residual: r)
        return (objective.value(blurred: y, picture: x, reblurred: kx, residual: r, artefacts: s), s)
    }

    /// In PyTorch's layout, under `image.` and `residual.` keys.
    private static func paperGradients(_ file: OracleFile, _ networks: Networks) throws -> [String: Tensor] {
        let (_, gradients) = try valueAndGrad(networks) { networks in
            guard let value = try objective(file, networks, paper(file)) else { return Tensor.zeros([]) }
            return value.loss
        }
        return gradients.dictionary.mapValues { $0.rank == 4 ? $0.movedAxis(-1, to: 1).contiguous() : $0 }
    }
}
