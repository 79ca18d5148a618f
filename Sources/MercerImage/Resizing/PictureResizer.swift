import Mercer
import MercerImageIO

/// What resizes a picture.
public enum PictureMethod: Sendable {
    /// A filter under a convention.
    case filter(ResampleRule)
    /// MULLER; with `reduces` reductions beyond three are brought below three by means first.
    case muller(MullerSettings, MullerWeights, reduces: Bool)
    /// A learnt network; it resizes whole pictures only.
    case network(any PictureNetwork)
}

/// Resizes pictures of files: alpha is premultiplied, light made linear where asked, 8 and 16 bits kept, and the
/// memory beside picture and result is a few rows for each thread.
public struct PictureResizer: Sendable {
    public let method: PictureMethod
    /// Whether sRGB numbers are turned to light before and back after.
    public let isLinearLight: Bool

    public init(_ method: PictureMethod, isLinearLight: Bool = false) {
        self.method = method
        self.isLinearLight = isLinearLight
    }

    /// The picture in another size.
    ///
    /// - Parameters:
    ///   - box: the part of the picture that is resized.
    ///   - scale: inputs per output where they aren't the ratio of the sizes (MATLAB's and PyTorch's given scale).
    /// - Throws: ``ResampleError`` for a size or box that can't be.
    public func callAsFunction(
        _ picture: Bitmap, to size: (height: Int, width: Int), box: ResampleBox? = nil, scale: Double? = nil
    ) throws -> Bitmap {
        let sides = 1...ResampleError.longestSide
        guard sides.contains(size.height), sides.contains(size.width) else {
            throw ResampleError.size(width: size.width, height: size.height)
        }
        if let box {
            guard
                box.left >= 0, box.top >= 0, box.right <= Double(picture.width),
                box.bottom <= Double(picture.height), box.left < box.right, box.top < box.bottom
            else {
                throw ResampleError.box(
                    "\(box.left),\(box.top),\(box.right),\(box.bottom)", width: picture.width,
                    height: picture.height)
            }
        }
        if case .network(let network) = method {
            guard box == nil else { throw PictureNetworkError.part(network.name) }
            return try network.resized(picture, to: size)
        }
        var result = picture
        result.pixels = try pixels(picture, size, box, scale)
        return result
    }

    /// The samples `[height, width, channels]` of an opaque picture in another size.
    ///
    /// - Throws: what a network throws; filters and MULLER throw nothing.
    public func pixels(_ samples: Tensor, to size: (height: Int, width: Int)) throws -> Tensor {
        try pixels(Bitmap(pixels: samples, hasAlpha: false), size, nil, nil)
    }

    private func pixels(
        _ picture: Bitmap, _ size: (height: Int, width: Int), _ box: ResampleBox?, _ scale: Double?
    ) throws -> Tensor {
        switch method {
        case .network(let network):
            return try network.resized(picture, to: size).pixels
        case .filter(let rule):
            let vertical = Resampler(
                input: picture.height, output: size.height, rule: rule, range: box.map { $0.top...$0.bottom },
                scale: scale)
            let horizontal = Resampler(
                input: picture.width, output: size.width, rule: rule, range: box.map { $0.left...$0.right },
                scale: scale)
            if rule.method.isNearest {
                return Resample.apply(vertical: vertical, horizontal: horizontal, to: picture.pixels)
            }
            if rule.convention == .pillow && picture.depth == 8 && !isLinearLight {
                return pillowBytes(picture, vertical, horizontal)
            }
            if !picture.hasAlpha && !isLinearLight {
                return Resample.apply(vertical: vertical, horizontal: horizontal, to: picture.pixels)
            }
            let resampling = SeparableResampling([(vertical, horizontal)], channels: picture.channels)
            return stored(picture, size, restores: true) { body in
                resampling.forEachRow(of: converted(picture)) { row, parts in body(row, parts[0]) }
            }
        case .muller(let settings, let weights, let reduces):
            let part = (
                height: box.map { $0.bottom - $0.top } ?? Double(picture.height),
                width: box.map { $0.right - $0.left } ?? Double(picture.width)
            )
            let reduction =
                reduces
                ? (
                    MullerSettings.reduction(from: part.height, to: size.height),
                    MullerSettings.reduction(from: part.width, to: size.width)
                ) : (1, 1)
            let resampling = MullerResampling(
                settings, weights, from: (picture.height, picture.width), to: size, channels: picture.channels,
                reduction: reduction, box: box)
            if !picture.hasAlpha && !isLinearLight {
                return picture.pixels.withUnsafeBytes { bytes in
                    let rows = PixelRows(
                        bytes.baseAddress!, height: picture.height, width: picture.width,
                        channels: picture.channels, picture.pixels.dtype)
                    return stored(picture, size) { body in
                        resampling.forEachRow(of: rows, maximum: picture.maximum, body)
                    }
                }
            }
            let opaque = Float(weights.shift)
            let channels = picture.channels
            return stored(picture, size, restores: true) { body in
                resampling.forEachRow(of: converted(picture), maximum: 1) { row, numbers in
                    if picture.hasAlpha {
                        // What the biases add everywhere isn't meant for opacity: what is opaque stays so.
                        for x in 0..<size.width { numbers[x * channels + channels - 1] -= opaque }
                    }
                    body(row, numbers)
                }
            }
        }
    }

    /// A result whose rows are stored as they come, converted back first where the source was converted.
    private func stored(
        _ picture: Bitmap, _ size: (height: Int, width: Int), restores: Bool = false,
        _ rows: ((_ row: Int, _ numbers: UnsafeMutablePointer<Float>) -> Void) -> Void
    ) -> Tensor {
        let dtype = picture.pixels.dtype
        let count = size.width * picture.channels
        func fill(_ out: UnsafeMutableRawPointer) {
            let target = UInt(bitPattern: out)
            rows { row, numbers in
                if restores { restore(numbers, size.width, picture) }
                storePixels(
                    numbers, count,
                    to: UnsafeMutableRawPointer(bitPattern: target)! + row * count * dtype.size, dtype)
            }
        }
        let shape = [size.height, size.width, picture.channels]
        return dtype == .uint8
            ? Tensor(shape, of: UInt8.self) { fill($0.baseAddress!) }
            : Tensor(shape, of: UInt16.self) { fill($0.baseAddress!) }
    }

    // MARK: Conversions

    /// The picture's rows in [0, 1], as light where asked and premultiplied with alpha.
    private func converted(_ picture: Bitmap) -> ConvertedRows {
        let (width, channels) = (picture.width, picture.channels)
        let colours = channels - (picture.hasAlpha ? 1 : 0)
        let pixels = picture.pixels
        let isLinearLight = isLinearLight
        let maximum = picture.maximum
        let curve = picture.depth == 8 ? TransferCurve.light8 : TransferCurve.light16
        return ConvertedRows(height: picture.height, width: width, channels: channels) { row, out in
            let start = row * width * channels
            func convert<T: TensorElement & BinaryInteger>(_ type: T.Type) {
                pixels.withUnsafeBuffer(of: T.self) { samples in
                    for x in 0..<width {
                        let p = start + x * channels
                        let q = x * channels
                        let alpha = colours < channels ? Float(samples[p + colours]) / maximum : 1
                        for c in 0..<colours {
                            let sample = samples[p + c]
                            let value = isLinearLight ? curve[Int(sample)] : Float(sample) / maximum
                            out[q + c] = value * alpha
                        }
                        if colours < channels { out[q + colours] = alpha }
                    }
                }
            }
            if maximum == 255 { convert(UInt8.self) } else { convert(UInt16.self) }
        }
    }

    /// A row of the result back as samples: divided by alpha, under the transfer curve, from 0 to the maximum.
    private func restore(_ numbers: UnsafeMutablePointer<Float>, _ width: Int, _ picture: Bitmap) {
        let channels = picture.channels
        let colours = channels - (picture.hasAlpha ? 1 : 0)
        let maximum = picture.maximum
        for x in 0..<width {
            let p = x * channels
            var divisor: Float = 1
            if colours < channels {
                let alpha = min(max(numbers[p + colours], 0), 1)
                // Where alpha rounds to nothing the colour doesn't matter.
                divisor = alpha * maximum < 0.5 ? 0 : 1 / alpha
                numbers[p + colours] = alpha * maximum
            }
            for c in 0..<colours {
                let value = min(max(numbers[p + c] * divisor, 0), 1)
                numbers[p + c] = (isLinearLight ? TransferCurve.number(value) : value) * maximum
            }
        }
    }

    // MARK: Pillow

    /// Bytes as Pillow resizes them: with alpha they are premultiplied and divided as bytes too.
    private func pillowBytes(_ picture: Bitmap, _ vertical: Resampler, _ horizontal: Resampler) -> Tensor {
        let channels = picture.channels
        guard picture.hasAlpha else {
            return Resample.apply(
                vertical: vertical, horizontal: horizontal, to: picture.pixels, fixedPoint: true)
        }
        var premultiplied = picture.pixels
        premultiplied.withUnsafeMutableBuffer(of: UInt8.self) { samples in
            eachPixel(samples, channels) { pixel in
                let alpha = Int(pixel[channels - 1])
                for c in 0..<(channels - 1) {
                    let product = Int(pixel[c]) * alpha + 128
                    pixel[c] = UInt8(((product >> 8) + product) >> 8)
                }
            }
        }
        var result = Resample.apply(
            vertical: vertical, horizontal: horizontal, to: premultiplied, fixedPoint: true)
        result.withUnsafeMutableBuffer(of: UInt8.self) { samples in
            eachPixel(samples, channels) { pixel in
                let alpha = Int(pixel[channels - 1])
                if alpha == 0 || alpha == 255 { return }
                for c in 0..<(channels - 1) { pixel[c] = UInt8(min(255, 255 * Int(pixel[c]) / alpha)) }
            }
        }
        return result
    }

    private func eachPixel(
        _ samples: UnsafeMutableBufferPointer<UInt8>, _ channels: Int,
        _ body: (UnsafeMutablePointer<UInt8>) -> Void
    ) {
        let address = UInt(bitPattern: samples.baseAddress!)
        Parallel.forRanges(samples.count / channels, grain: 1 << 15) { pixels in
            let base = UnsafeMutablePointer<UInt8>(bitPattern: address)!
            for i in pixels { body(base + i * channels) }
        }
    }
}
