import Foundation
import Mercer
import MercerImageIO

/// A kernel in words, as the command takes it: `disk:7`, `motion:20,10`, `gaussian:3`, or a file.
public enum BlurShape: Hashable, Sendable {
    /// Defocus: a disk of a radius in pixels.
    case disk(radius: Double)
    /// Shake: a stroke of a length in pixels and an angle in degrees.
    case motion(length: Double, angle: Double)
    /// A normal distribution of standard deviation σ in pixels.
    case gaussian(sigma: Double)
    /// A grey picture, or a NumPy file of two axes.
    case file(String)

    /// - Throws: ``DeblurError/kernelSpelling(_:)``.
    public init(_ text: String) throws {
        guard let colon = text.firstIndex(of: ":"), let kind = Kind(rawValue: String(text[..<colon])) else {
            self = .file(text)
            return
        }
        let numbers = text[text.index(after: colon)...].split(separator: ",", omittingEmptySubsequences: false)
            .map { Double($0.trimmingCharacters(in: .whitespaces)) }
        guard numbers.allSatisfy({ $0?.isFinite == true }), let first = numbers.first ?? nil, first > 0,
            first <= 500
        else { throw DeblurError.kernelSpelling(text) }
        switch (kind, numbers.count) {
        case (.disk, 1): self = .disk(radius: first)
        case (.gaussian, 1): self = .gaussian(sigma: first)
        case (.motion, 2): self = .motion(length: first, angle: numbers[1]!)
        default: throw DeblurError.kernelSpelling(text)
        }
    }

    private enum Kind: String { case disk, motion, gaussian }

    /// The kernel.
    ///
    /// - Throws: ``DeblurError``, ``ImageError``, or what reading a NumPy file throws.
    public func kernel(side: Int? = nil) throws -> BlurKernel {
        switch self {
        case .disk(let radius): return .disk(radius: radius, side: side)
        case .motion(let length, let angle): return .motion(length: length, angle: angle, side: side)
        case .gaussian(let sigma): return .gaussian(sigma: sigma, side: side)
        case .file(let path): return try Self.read(path)
        }
    }

    /// The same kind of kernel, wrong by so much in its size and its angle.
    public func wrong(size: Double = 0, angle: Double = 0) -> BlurShape {
        switch self {
        case .disk(let radius): .disk(radius: radius + size)
        case .gaussian(let sigma): .gaussian(sigma: sigma + size)
        case .motion(let length, let old): .motion(length: length + size, angle: old + angle)
        case .file: self
        }
    }

    private static func read(_ path: String) throws -> BlurKernel {
        if path.hasSuffix(".npy") { return try BlurKernel(try Npy.read(contentsOf: path), name: path) }
        let picture = try Bitmap(contentsOf: path)
        let colours = picture.channels - (picture.hasAlpha ? 1 : 0)
        let x = picture.tensor(.float64)[0]
        let first = x[0..., 0..., 0]
        for channel in 1..<max(1, colours) where !allClose(x[0..., 0..., channel], first, rtol: 0, atol: 1e-9) {
            throw DeblurError.kernelColour(path)
        }
        return try BlurKernel(first.contiguous(), name: path)
    }
}
