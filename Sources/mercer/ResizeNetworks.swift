import ArgumentParser
import MercerImage

/// A network that `mercer resize --method` knows.
struct NetworkMethod: Sendable {
    let name: String
    /// Makes it for a size from what the command line says; `weights` nil means the bundled ones.
    let make: @Sendable (MethodOptions, PictureSize) throws -> any PictureNetwork

    /// Every network. One is added by one line here.
    static let all: [NetworkMethod] = [
        NetworkMethod(name: "espcn") { options, size in try espcn(options, size) },
        NetworkMethod(name: "adk") { options, size in try adk(options, size) },
    ]

    /// ESPCN for a whole factor, with the bundled weights or those of a file.
    static func espcn(_ options: MethodOptions, _ size: PictureSize) throws -> ESPCNResizer {
        guard case .scale(let factor) = size, factor >= 2, factor <= 16, factor == factor.rounded() else {
            throw ValidationError("\(ESPCNError.factor(size.words))")
        }
        let scale = Int(factor)
        guard let path = options.weights else { return try ESPCNResizer(ESPCN.bundled(scale: scale)) }
        return try ESPCNResizer(ESPCN.load(path, scale: scale), path: path)
    }

    /// ADK-Net with the bundled weights or those of a file, for a size if one is known.
    static func adk(_ options: MethodOptions, _ size: PictureSize?) throws -> ADKResizer {
        var scale: Int?
        if case .scale(let factor) = size {
            scale = Int((1 / factor).rounded())
            guard let whole = scale, whole >= 2, abs(1 / factor - Double(whole)) < 1e-3 * Double(whole) else {
                throw ValidationError(
                    "adk makes pictures smaller by the whole factor of its weights, such as --scale 0.5, not "
                        + "'--scale \(factor)'")
            }
        }
        guard let path = options.weights else { return ADKResizer(try ADKNet.bundled(scale: scale ?? 2)) }
        return ADKResizer(try ADKNet.load(path, scale: scale))
    }
}

extension PictureSize {
    /// The size as a person would say it.
    fileprivate var words: String {
        switch self {
        case .exactly(let width, let height), .fill(let width, let height): "\(width)x\(height)"
        case .scale(let factor): "\(factor) times the size"
        case .fit(let width, let height): "what fits into \(width)x\(height)"
        }
    }
}
