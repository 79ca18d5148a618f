import Mercer

/// A sub-pixel network on whole pictures: line by line, the r² phases of a result line written straight to their
/// places.
public struct SubPixelEnlarger: Sendable {
    private let convolutions: StreamedConvolutions
    public let scale: Int
    public let channels: Int
    private let order: SubPixelOrder

    init(_ convolutions: StreamedConvolutions, scale: Int, channels: Int, order: SubPixelOrder) {
        precondition(
            convolutions.inputs == channels && convolutions.outputs == channels * scale * scale,
            "SubPixelEnlarger: \(convolutions.outputs) outputs for \(channels) channels enlarged by \(scale)")
        self.convolutions = convolutions
        self.scale = scale
        self.channels = channels
        self.order = order
    }

    /// `[H, W, C]` to `[r·H, r·W, C]`, float32.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        precondition(
            x.rank == 3 && x.shape[2] == channels && x.count > 0,
            "SubPixelEnlarger: shape \(x.shape) isn't [height, width, \(channels)]")
        let numbers = x.asType(.float32).contiguous()
        let line = x.shape[1] * channels
        return numbers.withUnsafeBuffer(of: Float.self) { source in
            self(height: x.shape[0], width: x.shape[1]) { y, out in
                out.update(from: source.baseAddress! + y * line, count: line)
            }
        }
    }

    /// The enlargement `[r·H, r·W, C]`, float32, of a picture whose lines are made when they are needed.
    ///
    /// - Parameter read: writes the `width · C` numbers of a line, on any thread; some lines are asked for twice.
    public func callAsFunction(
        height: Int, width: Int, read: (_ line: Int, _ out: UnsafeMutablePointer<Float>) -> Void
    ) -> Tensor {
        let line = width * channels
        return Tensor([height * scale, width * scale, channels], of: Float.self) { out in
            let address = UInt(bitPattern: out.baseAddress!)
            convolutions.forEachLine(height: height, width: width, read: read) { y, phases in
                let target = UnsafeMutablePointer<Float>(bitPattern: address)! + y * scale * scale * line
                shuffle(phases, width, to: target)
            }
        }
    }

    /// A plane of bytes enlarged to bytes: numbers in [0, 1] inside, rounded half up once.
    ///
    /// - Parameters:
    ///   - source: `width · height` bytes.
    ///   - target: `r·width · r·height` bytes.
    public func enlarge(
        _ source: UnsafePointer<UInt8>, height: Int, width: Int, to target: UnsafeMutablePointer<UInt8>
    ) {
        precondition(channels == 1, "SubPixelEnlarger: planes for a network of \(channels) channels")
        let input = UInt(bitPattern: source)
        let output = UInt(bitPattern: target)
        let count = width * scale * scale
        convolutions.forEachLine(
            height: height, width: width,
            read: { y, to in
                let line = UnsafePointer<UInt8>(bitPattern: input)! + y * width
                for x in 0..<width { to[x] = Float(line[x]) * (1 / 255) }
            },
            { y, phases in
                withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { lines in
                    for i in 0..<count { phases[i] *= 255 }
                    shuffle(phases, width, to: lines.baseAddress!)
                    storePixels(
                        lines.baseAddress!, count,
                        to: UnsafeMutableRawPointer(bitPattern: output)! + y * count, .uint8)
                }
            })
    }

    /// Phases of a line, `[width, C·r²]`, to r lines `[r, r·width, C]`.
    private func shuffle(_ phases: UnsafePointer<Float>, _ width: Int, to target: UnsafeMutablePointer<Float>) {
        let (r, c) = (scale, channels)
        let pixel = c * r * r
        for dy in 0..<r {
            for dx in 0..<r {
                for channel in 0..<c {
                    let phase = order == .torch ? (channel * r + dy) * r + dx : (dy * r + dx) * c + channel
                    var from = phases + phase
                    var to = target + (dy * width * r + dx) * c + channel
                    for _ in 0..<width {
                        to.pointee = from.pointee
                        from += pixel
                        to += r * c
                    }
                }
            }
        }
    }
}
