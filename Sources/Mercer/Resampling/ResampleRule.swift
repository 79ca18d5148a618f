import Foundation

/// The filters and rules that a picture can be resampled with.
public enum ResampleMethod: String, Sendable, CaseIterable, Hashable {
    case nearest
    case nearestExact = "nearest-exact"
    case box, area, bilinear, hamming, bicubic, mitchell, gaussian, lanczos3, lanczos5

    /// A method by its name in a command or a file; `lanczos` and `mitchellcubic` are understood too.
    public init?(named name: String) {
        switch name.lowercased() {
        case "lanczos": self = .lanczos3
        case "mitchellcubic": self = .mitchell
        default: self.init(rawValue: name.lowercased())
        }
    }

    /// Whether the result holds input pixels only.
    public var isNearest: Bool { self == .nearest || self == .nearestExact }
}

/// Whose rule for centres, borders and antialiasing is followed, to the last digit.
public enum ResampleConvention: String, Sendable, CaseIterable, Hashable {
    /// Pillow's `Image.resize`; on bytes with its fixed-point arithmetic.
    case pillow
    /// PyTorch's `interpolate`.
    case torch
    /// TensorFlow's `tf.image.resize`.
    case tensorflow
    /// MATLAB's `imresize`.
    case matlab
    /// Antialiased, taps renormalised at borders, one rounding at the end.
    case mercer

    /// The methods that exist here.
    public var methods: [ResampleMethod] {
        switch self {
        case .pillow: [.nearest, .box, .bilinear, .hamming, .bicubic, .lanczos3]
        case .torch: [.nearest, .nearestExact, .area, .bilinear, .bicubic, .lanczos3]
        case .tensorflow: [.nearest, .area, .bilinear, .bicubic, .mitchell, .gaussian, .lanczos3, .lanczos5]
        case .matlab: [.bilinear, .bicubic, .lanczos3]
        case .mercer: ResampleMethod.allCases
        }
    }
}

/// What can be wrong with a request to resample.
public enum ResampleError: Error, Equatable, CustomStringConvertible, LocalizedError {
    /// The convention doesn't have the method.
    case noMethod(ResampleMethod, ResampleConvention)
    /// The method can't be had with or without antialiasing there.
    case antialias(Bool, ResampleMethod, ResampleConvention)
    /// A side of the result that no picture can have.
    case size(width: Int, height: Int)
    /// A part of the picture that isn't in it.
    case box(String, width: Int, height: Int)

    /// The longest side of a picture.
    public static let longestSide = 65_500

    public var description: String {
        switch self {
        case .noMethod(let method, let convention):
            "the convention '\(convention.rawValue)' has no method '\(method.rawValue)'; it has "
                + convention.methods.map(\.rawValue).joined(separator: ", ")
        case .antialias(let on, let method, let convention):
            "'\(method.rawValue)' of the convention '\(convention.rawValue)' doesn't exist "
                + (on ? "with antialiasing" : "without antialiasing")
        case .size(let width, let height):
            "a picture of \(width)x\(height) can't be made: each side must be from 1 to \(Self.longestSide)"
        case .box(let box, let width, let height):
            "the box \(box) isn't within the picture of \(width)x\(height)"
        }
    }

    public var errorDescription: String? { description }
}

/// A method under a convention: all that decides the weights of a resampling.
public struct ResampleRule: Sendable, Hashable {
    public let method: ResampleMethod
    public let convention: ResampleConvention
    /// Whether the filter grows with the reduction, so that nothing aliases.
    public let antialias: Bool
    /// PyTorch's `align_corners`: the outermost pixels' centres stay in place.
    public let alignCorners: Bool

    /// - Parameter antialias: nil for what the convention does by itself.
    /// - Throws: ``ResampleError`` where the convention has no such method.
    public init(
        _ method: ResampleMethod, _ convention: ResampleConvention, antialias: Bool? = nil,
        alignCorners: Bool = false
    ) throws {
        guard convention.methods.contains(method) else { throw ResampleError.noMethod(method, convention) }
        let choices = Self.antialiasChoices(method, convention)
        let chosen = antialias ?? choices[0]
        guard choices.contains(chosen) else { throw ResampleError.antialias(chosen, method, convention) }
        self.method = method
        self.convention = convention
        self.antialias = chosen
        self.alignCorners = alignCorners
    }

    /// Whether antialiasing can be on or off; the first is what the convention does by itself.
    private static func antialiasChoices(_ method: ResampleMethod, _ convention: ResampleConvention) -> [Bool] {
        if method.isNearest { return [false] }
        switch convention {
        case .pillow: return [true]
        case .torch:
            switch method {
            case .area: return [false]
            case .lanczos3: return [true]
            default: return [false, true]
            }
        case .tensorflow: return [false, true]
        case .matlab: return [true, false]
        case .mercer: return method == .area ? [true] : [true, false]
        }
    }

    private static func known(
        _ method: ResampleMethod, _ convention: ResampleConvention, _ antialias: Bool?,
        alignCorners: Bool = false
    ) -> ResampleRule {
        do {
            return try ResampleRule(method, convention, antialias: antialias, alignCorners: alignCorners)
        } catch {
            preconditionFailure("ResampleRule: \(error)")
        }
    }

    public static func pillow(_ method: ResampleMethod) -> ResampleRule { known(method, .pillow, nil) }
    public static func torch(
        _ method: ResampleMethod, antialias: Bool? = nil, alignCorners: Bool = false
    ) -> ResampleRule { known(method, .torch, antialias, alignCorners: alignCorners) }
    public static func tensorflow(_ method: ResampleMethod, antialias: Bool? = nil) -> ResampleRule {
        known(method, .tensorflow, antialias)
    }
    public static func matlab(_ method: ResampleMethod, antialias: Bool? = nil) -> ResampleRule {
        known(method, .matlab, antialias)
    }
    public static func mercer(_ method: ResampleMethod, antialias: Bool? = nil) -> ResampleRule {
        known(method, .mercer, antialias)
    }
}

extension ResampleRule: CustomStringConvertible {
    public var description: String {
        "\(convention.rawValue) \(method.rawValue)" + (antialias ? ", antialiased" : "")
            + (alignCorners ? ", corners aligned" : "")
    }
}
