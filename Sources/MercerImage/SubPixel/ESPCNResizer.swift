import Mercer
import MercerImageIO

/// A picture enlarged by ESPCN: what stands behind `mercer resize --method espcn`.
///
/// Luma goes through the network. The rest follows the bicubic enlargement (MATLAB's rule): since red, green and blue
/// depend on luma in the same way, the result is the bicubic one plus 255/219 of the difference that the network
/// makes to its luma, which equals enlarging Cb and Cr by the bicubic filter and converting back. Grey pictures and
/// other bands are luma by themselves; opacity is enlarged by the bicubic filter. Bits stay 8 or 16, rounded once.
/// A network of three channels gets red, green and blue.
public struct ESPCNResizer: PictureNetwork {
    public let name = "espcn"
    private let enlarger: SubPixelEnlarger
    private let path: String

    public var scale: Int { enlarger.scale }

    /// - Parameters:
    ///   - net: of 1 or 3 channels.
    ///   - path: what the weights came from, for errors.
    public init(_ net: ESPCN, path: String = "the weights") throws {
        guard net.channels == 1 || net.channels == 3 else {
            throw ESPCNError.channels(
                path: path, found: net.channels, expected: "pictures need 1 (luma) or 3 (red, green, blue)")
        }
        enlarger = net.fast
        self.path = path
    }

    /// The network for luma planes.
    ///
    /// - Throws: where its weights are for colour.
    public func planes() throws -> SubPixelEnlarger {
        guard enlarger.channels == 1 else {
            throw ESPCNError.channels(path: path, found: enlarger.channels, expected: "video needs 1 (luma)")
        }
        return enlarger
    }

    public func resized(_ picture: Bitmap, to size: (height: Int, width: Int)) throws -> Bitmap {
        guard size.height == picture.height * scale, size.width == picture.width * scale else {
            throw ESPCNError.size(
                from: "\(picture.width)x\(picture.height)", to: "\(size.width)x\(size.height)", scale: scale)
        }
        let colours = picture.channels - (picture.hasAlpha ? 1 : 0)
        guard enlarger.channels == 1 || colours == 3 else {
            throw ESPCNError.channels(path: path, found: 3, expected: "the picture has \(colours)")
        }
        var result = picture
        let pixels = picture.pixels.contiguous()
        result.pixels =
            pixels.dtype == .uint8
            ? enlarged(pixels, colours, UInt8.self, 255) : enlarged(pixels, colours, UInt16.self, 65_535)
        return result
    }

    /// Weights of luma for samples in [0, 1], and its offset.
    private static let luma: (red: Float, green: Float, blue: Float, offset: Float) =
        (65.481 / 255, 128.553 / 255, 24.966 / 255, 16 / 255)

    private func enlarged<T: TensorElement & BinaryInteger>(
        _ pixels: Tensor, _ colours: Int, _ type: T.Type, _ maximum: Float
    ) -> Tensor {
        let (height, width, channels) = (pixels.shape[0], pixels.shape[1], pixels.shape[2])
        /// What the network makes of some channels: one as luma, or three.
        func network(_ first: Int, _ count: Int) -> Tensor {
            pixels.withUnsafeBuffer(of: T.self) { samples in
                enlarger(height: height, width: width) { y, out in
                    let line = samples.baseAddress! + y * width * channels + first
                    let (l, scale) = (Self.luma, 1 / maximum)
                    for x in 0..<width {
                        let p = line + x * channels
                        if enlarger.channels == 3 {
                            for c in 0..<3 { out[3 * x + c] = Float(p[c]) * scale }
                        } else if count == 3 {
                            let sum = l.red * Float(p[0]) + l.green * Float(p[1]) + l.blue * Float(p[2])
                            out[x] = sum * scale + l.offset
                        } else {
                            out[x] = Float(p[0]) * scale * (219.0 / 255) + l.offset
                        }
                    }
                }
            }
        }
        let plans: [(first: Int, count: Int, result: Tensor)] =
            colours == 3 ? [(0, 3, network(0, 3))] : (0..<colours).map { ($0, 1, network($0, 1)) }
        let resampling = SeparableResampling(
            [(enlargement(of: height), enlargement(of: width))], channels: channels)
        let (outWidth, bytes) = (width * scale, MemoryLayout<T>.size)
        return pixels.withUnsafeBytes { source in
            Tensor([height * scale, outWidth, channels], of: T.self) { out in
                let target = UInt(bitPattern: out.baseAddress!)
                let rows = PixelRows(
                    source.baseAddress!, height: height, width: width, channels: channels, pixels.dtype)
                resampling.forEachRow(of: rows) { row, parts in
                    let numbers = parts[0]
                    for plan in plans {
                        plan.result.withUnsafeBuffer(of: Float.self) { made in
                            let line = made.baseAddress! + row * outWidth * enlarger.channels
                            merge(line, plan.first, plan.count, channels, outWidth, maximum, into: numbers)
                        }
                    }
                    storePixels(
                        numbers, outWidth * channels,
                        to: UnsafeMutableRawPointer(bitPattern: target)! + row * outWidth * channels * bytes,
                        pixels.dtype)
                }
            }
        }
    }

    /// Puts what the network made of a line into the bicubic line.
    private func merge(
        _ line: UnsafePointer<Float>, _ first: Int, _ count: Int, _ channels: Int, _ width: Int, _ maximum: Float,
        into numbers: UnsafeMutablePointer<Float>
    ) {
        let l = Self.luma
        for x in 0..<width {
            let p = numbers + x * channels + first
            if enlarger.channels == 3 {
                for c in 0..<3 { p[c] = line[3 * x + c] * maximum }
            } else if count == 3 {
                let bicubic = l.red * p[0] + l.green * p[1] + l.blue * p[2] + l.offset * maximum
                let change = (line[x] * maximum - bicubic) * (255.0 / 219)
                for c in 0..<3 { p[c] += change }
            } else {
                p[0] = (line[x] - l.offset) * (255.0 / 219) * maximum
            }
        }
    }

    private func enlargement(of length: Int) -> Resampler {
        Resampler(input: length, output: length * scale, rule: .matlab(.bicubic), scale: 1 / Double(scale))
    }
}
