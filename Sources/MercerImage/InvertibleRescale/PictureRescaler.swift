import Foundation
import Mercer
import MercerImageIO
import MercerNN

/// Which of the invertible rescaling papers.
public enum RescaleMethod: String, Sendable, CaseIterable {
    case irn
    case dlvIRN = "dlv-irn"
    case iarn
}

/// What a small picture's file says of the picture that it came from.
public struct RescaleRecord: Sendable, Equatable {
    public var width: Int
    public var height: Int
    /// Whether it had no colours.
    public var isGrey: Bool

    public init(width: Int, height: Int, isGrey: Bool = false) {
        self.width = width
        self.height = height
        self.isGrey = isGrey
    }

    /// The keyword of the PNG text.
    public static let keyword = "Mercer original size"

    /// As the text has it: `3088x2056`, `3088x2056 grey`.
    public var text: String { "\(width)x\(height)" + (isGrey ? " grey" : "") }

    /// Nil for other texts.
    public init?(text: String) {
        let words = text.split(separator: " ")
        guard let first = words.first, words.count <= 2, words.count == 1 || words[1] == "grey" else { return nil }
        let sides = first.split(separator: "x").compactMap { Int($0) }
        guard sides.count == 2, sides.allSatisfy({ (1...Bitmap.longestSide).contains($0) }) else { return nil }
        self.init(width: sides[0], height: sides[1], isGrey: words.count == 2)
    }

    /// The record of a PNG file; nil where it has none.
    public init?(ofFile path: String) {
        guard let text = PNGText.texts(ofFile: path)[Self.keyword] else { return nil }
        self.init(text: text)
    }
}

/// Invertible rescaling of whole pictures: any size (mirrored to multiples), in tiles, transparency by bicubic.
public final class PictureRescaler {
    public enum Network {
        case fixed(InvertibleRescaler)
        case arbitrary(ArbitraryRescaler)
    }

    public let method: RescaleMethod
    public let network: Network
    /// The side of a tile's core in pixels of the large picture.
    public var tile = 384
    /// The scales that weights were trained for, where their file says so.
    public private(set) var trainedScales: ClosedRange<Double>?
    /// The spread of z_D at which variants can be told apart, where the weights say one.
    public private(set) var variantSpread: Double?

    /// - Throws: ``RescaleError`` where the network isn't of the method.
    public init(_ method: RescaleMethod, _ network: Network, name: String = "the network") throws {
        self.method = method
        self.network = network
        switch (method, network) {
        case (.irn, .fixed(let net)) where net.configuration.downLatent > 0:
            throw RescaleError.weights(
                name, found: "a network with \(net.configuration.downLatent) latent channels (dlv-irn)",
                expected: "a plain one (irn)")
        case (.dlvIRN, .fixed(let net)) where net.configuration.downLatent == 0:
            throw RescaleError.weights(
                name, found: "a network without latent channels (irn)", expected: "one with them (dlv-irn)")
        case (.irn, .fixed), (.dlvIRN, .fixed), (.iarn, .arbitrary): break
        case (_, .arbitrary):
            throw RescaleError.weights(name, found: "a network for any size (iarn)", expected: method.rawValue)
        case (.iarn, .fixed(let net)):
            throw RescaleError.weights(name, found: "a network for scale \(net.configuration.scale)", expected: "iarn")
        }
    }

    /// The network of a weights file, or the one that comes with Mercer.
    ///
    /// - Parameters:
    ///   - scale: of IRN and DLV-IRN.
    ///   - weights: a file; nil for the bundled one.
    public convenience init(_ method: RescaleMethod, scale: Int?, weights: String?) throws {
        let name = method == .iarn ? "iarn" : "\(method.rawValue)-x\(scale ?? 0)"
        if method != .iarn, let scale, InvertibleRescaler.Configuration.levels(scale) == nil {
            throw RescaleError.scale(scale)
        }
        guard let path = weights ?? BundledWeights.path(name) else {
            throw RescaleError.noWeights(
                name, available: BundledWeights.names.filter { $0 == "iarn" || $0.contains("irn-x") })
        }
        if method == .iarn {
            let network: ArbitraryRescaler
            do { network = try ArbitraryRescaler(contentsOf: path) } catch RescaleError.notAnInvertibleNetwork(let path)
            {
                if let other = try? InvertibleRescaler(contentsOf: path) {
                    throw RescaleError.weights(path, found: "\(other.configuration)", expected: "iarn")
                }
                throw RescaleError.notAnInvertibleNetwork(path)
            }
            try self.init(method, .arbitrary(network), name: path)
            trainedScales = try Self.scales(path)
            return
        }
        let network: InvertibleRescaler
        do { network = try InvertibleRescaler(contentsOf: path) } catch RescaleError.notAnInvertibleNetwork(let path) {
            if (try? ArbitraryRescaler(contentsOf: path)) != nil {
                throw RescaleError.weights(path, found: "iarn", expected: name)
            }
            throw RescaleError.notAnInvertibleNetwork(path)
        }
        if let scale, network.configuration.scale != scale {
            throw RescaleError.weights(path, found: "\(network.configuration)", expected: "scale \(scale)")
        }
        try self.init(method, .fixed(network), name: path)
        variantSpread = try Self.metadata("spread", path).flatMap { Double($0) }
    }

    private static func metadata(_ key: String, _ path: String) throws -> String? {
        path.hasSuffix(".safetensors") ? try Safetensors(contentsOf: path).metadata[key] : nil
    }

    /// What the metadata `scales` ("1-4") of a weights file says.
    private static func scales(_ path: String) throws -> ClosedRange<Double>? {
        guard let text = try metadata("scales", path) else { return nil }
        let ends = text.split(separator: "-").compactMap { Double($0) }
        return ends.count == 2 && ends[0] <= ends[1] ? ends[0]...ends[1] : nil
    }

    // MARK: Down

    /// The size of the small picture where the network's scale decides it; sides are rounded up.
    public func smallSize(of size: (height: Int, width: Int)) -> (height: Int, width: Int)? {
        guard case .fixed(let net) = network else { return nil }
        let scale = net.configuration.scale
        return ((size.height + scale - 1) / scale, (size.width + scale - 1) / scale)
    }

    /// The small picture: 8 bits, in colour, transparency kept.
    ///
    /// - Parameters:
    ///   - size: for IARN; the others know it.
    ///   - spread: of z_D, drawn from `key`; 0 gives the thumbnail.
    public func reduced(
        _ picture: Bitmap, to size: (height: Int, width: Int)? = nil, spread: Double = 0, key: RandomKey? = nil
    ) throws -> Bitmap {
        let x = Self.colours(picture)
        let small: Tensor
        switch network {
        case .fixed(let net): small = try reducedByTiles(x, net, spread, key)
        case .arbitrary(let net):
            guard let size else { preconditionFailure("PictureRescaler: iarn needs a size") }
            small = try ArbitraryTiles(net, tile: tile).reduced(x, to: size)
        }
        return Self.assembled(RescaleQuality.bytes(small.expandedDimensions(axis: 0)), picture)
    }

    private func reducedByTiles(
        _ x: Tensor, _ net: InvertibleRescaler, _ spread: Double, _ key: RandomKey?
    ) throws -> Tensor {
        let scale = net.configuration.scale
        let whole = Self.mirrored(x, to: scale)
        let (h, w) = (whole.shape[0], whole.shape[1])
        let latent = DualLatent(net).downLatent(for: [1, h, w, 3], spread: spread, key: key)
        // z_D travels with the picture, each number on all pixels of its cell.
        let channels = net.latentChannels
        let input =
            latent.map { z in
                let cells = z.reshaped(h / scale, 1, w / scale, 1, channels)
                    .broadcast(to: [h / scale, scale, w / scale, scale, channels]).reshaped(h, w, channels)
                return concatenated([whole, cells], axis: 2)
            } ?? whole
        let tiles = PictureTiles((h, w), tile: tile, margin: margin(net), reduction: scale)
        return try tiles.map(input) { part in
            let picture = part[0..., 0..., 0..<3].contiguous().expandedDimensions(axis: 0)
            let z: Tensor? =
                channels > 0
                ? part[.stride(by: scale), .stride(by: scale), 3...].contiguous().expandedDimensions(axis: 0) : nil
            return Quantisation.straightThrough(net.forward(picture, latent: z).first)[0].contiguous()
        }
    }

    // MARK: Up

    /// The large picture of a small one.
    ///
    /// - Parameters:
    ///   - size: of the large picture; nil for the scale times the small one.
    ///   - isGrey: whether it had no colours.
    ///   - temperature: of z_U, drawn from `key`; 0 gives the best one.
    public func enlarged(
        _ small: Bitmap, to size: (height: Int, width: Int)? = nil, isGrey: Bool = false, temperature: Double = 0,
        key: RandomKey? = nil
    ) throws -> Bitmap {
        let y = Self.colours(small)
        let (h, w) = (y.shape[0], y.shape[1])
        let large: Tensor
        switch network {
        case .fixed(let net):
            let scale = net.configuration.scale
            let target = size ?? (h * scale, w * scale)
            guard h == (target.height + scale - 1) / scale, w == (target.width + scale - 1) / scale else {
                throw RescaleError.enlargement(
                    from: "\(w)x\(h)", to: "\(target.width)x\(target.height)", scale: scale)
            }
            let lost = DualLatent(net).upLatent(for: [1, h, w, 3], temperature: temperature, key: key)
            let isDrawn = temperature > 0 && key != nil
            let input = isDrawn ? concatenated([y, lost[0]], axis: 2) : y
            let tiles = PictureTiles(
                (h, w), tile: max(1, tile / scale), margin: (margin(net) + scale - 1) / scale, enlargement: scale)
            let whole = try tiles.map(input) { part in
                let kept = part[0..., 0..., 0..<3].contiguous().expandedDimensions(axis: 0)
                let z = isDrawn ? part[0..., 0..., 3...].contiguous().expandedDimensions(axis: 0) : nil
                return net.upscale(kept, zUp: z)[0].contiguous()
            }
            large = whole[0..<target.height, 0..<target.width, 0...].contiguous()
        case .arbitrary(let net):
            guard let size else { throw RescaleError.sizeNeeded }
            large = try ArbitraryTiles(net, tile: tile).enlarged(y, to: size, temperature: temperature, key: key)
        }
        var bytes = RescaleQuality.bytes(large.expandedDimensions(axis: 0))
        if isGrey {
            // A grey picture comes back as the mean of its channels.
            let mean: Tensor = floor(bytes.asType(.float32).mean(axes: [2], keepDims: true) + 0.5)
            bytes = mean.asType(.uint8)
        }
        return Self.assembled(bytes, small)
    }

    // MARK: Parts

    /// How far tiles look beyond their core: what the blocks see, at most 64 cells of the first transform.
    private func margin(_ net: InvertibleRescaler) -> Int {
        let configuration = net.configuration
        var (seen, cell) = (0, 1)
        for blocks in configuration.blocks {
            cell *= configuration.scale == 3 ? 3 : 2
            seen += 10 * blocks * cell
        }
        return min(seen, 32 * configuration.scale)
    }

    /// Colours in [0, 1], `[height, width, 3]`, without transparency.
    private static func colours(_ picture: Bitmap) -> Tensor {
        let x = picture.tensor()[0]
        let colours = picture.channels - (picture.hasAlpha ? 1 : 0)
        if colours >= 3 { return x[0..., 0..., 0..<3].contiguous() }
        let grey = x[0..., 0..., 0..<1]
        return concatenated([grey, grey, grey], axis: 2)
    }

    /// Mirrored at the right and the lower edge so that sides are multiples.
    static func mirrored(_ x: Tensor, to multiple: Int) -> Tensor {
        func missing(_ n: Int) -> Int { (n + multiple - 1) / multiple * multiple - n }
        return padded(
            x,
            [(before: 0, after: missing(x.shape[0])), (before: 0, after: missing(x.shape[1])), (before: 0, after: 0)],
            mode: .symmetric)
    }

    /// Bytes as a picture, with the transparency of another one resized by MATLAB's bicubic.
    private static func assembled(_ bytes: Tensor, _ source: Bitmap) -> Bitmap {
        var pixels = bytes
        if source.hasAlpha {
            let channels = source.channels
            let eight = source.depth == 8 ? source.pixels : Bitmap(source.tensor(), depth: 8).pixels
            let alpha = Resample.resize(
                eight[0..., 0..., (channels - 1)...].contiguous(), to: (bytes.shape[0], bytes.shape[1]),
                .matlab(.bicubic))
            pixels = concatenated([bytes, alpha], axis: 2)
        }
        var result = Bitmap(pixels: pixels, hasAlpha: source.hasAlpha, metadata: source.metadata)
        result.format = source.format
        result.conversions = source.conversions
        return result
    }
}
