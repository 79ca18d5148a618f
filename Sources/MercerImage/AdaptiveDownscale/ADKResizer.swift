import Mercer
import MercerImageIO

/// Pictures made smaller by ADK-Net, in overlapping tiles: what stands behind `mercer resize --method adk`.
///
/// Grey pictures are replicated to three colours and the mean of the three results is kept; opacity is averaged. Bits
/// stay 8 or 16. Sides are cropped to multiples of s at the end.
public struct ADKResizer: PictureNetwork, @unchecked Sendable {
    public let name = "adk"
    /// Read only after its construction.
    private let net: ADKNet
    public var scale: Int { net.scale }
    public var kernel: Int { net.kernel }

    /// Large pixels a side of a tile's core.
    private static let tile = 512

    public init(_ net: ADKNet) {
        net.fold()
        self.net = net
    }

    public func resized(_ picture: Bitmap, to size: (height: Int, width: Int)) throws -> Bitmap {
        let (h, w) = (picture.height / scale, picture.width / scale)
        guard picture.height >= kernel, picture.width >= kernel else {
            throw ADKError.small(width: picture.width, height: picture.height, kernel: kernel)
        }
        guard abs(size.height - h) <= 1, abs(size.width - w) <= 1 else {
            throw ADKError.size(
                from: "\(picture.width)x\(picture.height)", to: "\(size.width)x\(size.height)", scale: scale)
        }
        let colours = picture.channels - (picture.hasAlpha ? 1 : 0)
        let samples = picture.pixels[0..<(h * scale), 0..<(w * scale), 0...].contiguous()
        let dtype = samples.dtype
        let maximum = Double(picture.maximum)
        let tiles = PictureTiles((h * scale, w * scale), tile: Self.tile, margin: net.reach, reduction: scale)
        var parts: [Tensor] = []
        // Three colours together, others one by one.
        for first in colours == 3 ? [0] : Array(0..<colours) {
            let plane = samples[0..., 0..., first..<(colours == 3 ? 3 : first + 1)].contiguous()
            let made = try tiles.map(plane) { tile in
                var x: Tensor = tile.asType(.float32) / maximum
                if colours != 3 { x = concatenated([x, x, x], axis: 2) }
                var y = net(x.expandedDimensions(axis: 0)).squeezed(axis: 0)
                if colours != 3 { y = y.mean(axes: [2], keepDims: true) }
                let levels: Tensor = clip(y, min: 0, max: 1) * maximum + 0.5
                return levels.floor().asType(dtype)
            }
            parts.append(made)
        }
        if picture.hasAlpha {
            let alpha = samples[0..., 0..., colours..<(colours + 1)].contiguous()
            parts.append(
                Resample.apply(
                    vertical: .reduction(length: h * scale, factor: scale),
                    horizontal: .reduction(length: w * scale, factor: scale), to: alpha))
        }
        var result = picture
        result.pixels = parts.count == 1 ? parts[0] : concatenated(parts, axis: 2)
        if picture.height > h * scale || picture.width > w * scale {
            result.conversions.append(
                "cropped to \(w * scale)x\(h * scale) pixels, multiples of \(scale), before the reduction")
        }
        return result
    }

    /// The kernels `[3, k, k]` of one pixel of the result of a picture.
    ///
    /// - Throws: where the picture is smaller than a kernel.
    public func kernels(of picture: Bitmap, x: Int, y: Int) throws -> Tensor {
        let (h, w) = (picture.height / scale, picture.width / scale)
        guard picture.height >= kernel, picture.width >= kernel else {
            throw ADKError.small(width: picture.width, height: picture.height, kernel: kernel)
        }
        precondition((0..<w).contains(x) && (0..<h).contains(y), "ADKResizer: no pixel \(x),\(y)")
        let reach = (net.reach + scale - 1) / scale
        let rows = max(0, y - reach)..<min(h, y + reach + 1)
        let columns = max(0, x - reach)..<min(w, x + reach + 1)
        let opaque = picture.flattened()
        var part: Tensor = opaque.pixels[
            (rows.lowerBound * scale)..<(rows.upperBound * scale),
            (columns.lowerBound * scale)..<(columns.upperBound * scale), 0...
        ].asType(.float32)
        part = part / Double(picture.maximum)
        if part.shape[2] != 3 {
            let grey = part[0..., 0..., 0..<1]
            part = concatenated([grey, grey, grey], axis: 2)
        }
        let all = net.kernels(part.contiguous().expandedDimensions(axis: 0))
        return all[0][y - rows.lowerBound][x - columns.lowerBound].reshaped(3, kernel, kernel)
    }
}
