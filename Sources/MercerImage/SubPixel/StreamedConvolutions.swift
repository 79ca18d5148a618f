import CKernels
import Mercer
import MercerNN

private let gemm: mercer_gemm_kernels = {
    let table = mercer_gemm_table
    return switch InstructionSet.current {
    case .baseline: table.0
    case .avx2: table.1
    case .avx512: table.2
    }
}()

/// Convolutions one after the other on an image, each as large as its input (zeros around), line by line.
///
/// Of every feature map only as many lines are kept as the next kernel is high, so that they stay in the second-level
/// cache; bias and activation are applied while a few pixels are still in the first level. A convolution is a matrix
/// product on Mercer's panel kernel: the pixels of a line that a kernel row covers lie one after the other, so that a
/// kernel row is one run and nothing is unfolded. Bound by the multiply-adds.
///
/// Output lines are cut in chunks by their number alone: the result is the same for any number of threads. A chunk
/// computes the few lines of inner maps again that it shares with the one above.
public struct StreamedConvolutions: Sendable {
    private struct Layer: Sendable {
        let kernel: Int
        let inputs: Int
        let outputs: Int
        /// Packed for the panel kernel.
        let weight: [Float]
        /// Filled up to whole panels.
        let bias: [Float]
        let activation: SubPixelActivation?
    }

    private let layers: [Layer]
    /// Channels of the image and of the result.
    public var inputs: Int { layers[0].inputs }
    public var outputs: Int { layers[layers.count - 1].outputs }

    /// Lines of the result that a chunk has, about.
    private static let chunk = 48

    /// - Parameter layers: square kernels of odd size, without groups, stride or dilation.
    public init(_ layers: [(convolution: Conv2d, activation: SubPixelActivation?)]) {
        self.layers = layers.map { convolution, activation in
            let weight = convolution.weight.detached.contiguous()
            let (outputs, kernel, inputs) = (weight.shape[0], weight.shape[1], weight.shape[3])
            precondition(
                weight.shape[2] == kernel && kernel % 2 == 1 && convolution.groups == 1,
                "StreamedConvolutions: weight of shape \(weight.shape) in \(convolution.groups) groups")
            let columns = Int(gemm.panel_columns)
            let filled = (outputs + columns - 1) / columns * columns
            let depth = kernel * kernel * inputs
            var packed = [Float](repeating: 0, count: filled * depth)
            weight.withUnsafeBuffer(of: Float.self) { numbers in
                packed.withUnsafeMutableBufferPointer {
                    gemm.pack_right_columns(
                        Int64(depth), Int64(outputs), numbers.baseAddress!, Int64(depth), Int64(depth),
                        $0.baseAddress!)
                }
            }
            let bias = convolution.bias?.detached.toArray(Float.self) ?? [Float](repeating: 0, count: outputs)
            return Layer(
                kernel: kernel, inputs: inputs, outputs: outputs, weight: packed,
                bias: bias + [Float](repeating: 0, count: filled - outputs), activation: activation)
        }
        for (a, b) in zip(self.layers, self.layers.dropFirst()) {
            precondition(a.outputs == b.inputs, "StreamedConvolutions: \(a.outputs) maps for \(b.inputs)")
        }
    }

    /// Computes every line of the result once, on any thread.
    ///
    /// - Parameters:
    ///   - read: writes the numbers of a line of the image, `width · inputs` of them.
    ///   - body: is given a line of the result, `width · outputs` numbers that it may change.
    public func forEachLine(
        height: Int, width: Int, read: (_ line: Int, _ out: UnsafeMutablePointer<Float>) -> Void,
        _ body: (_ line: Int, _ numbers: UnsafeMutablePointer<Float>) -> Void
    ) {
        let chunks = (height + Self.chunk - 1) / Self.chunk
        Parallel.forEach(chunks) { chunk in
            let lines = (height * chunk / chunks)..<(height * (chunk + 1) / chunks)
            compute(lines, height, width, read, body)
        }
    }

    /// Numbers of scratch memory that a chunk takes.
    func scratch(width: Int) -> Int {
        let rings = layers.reduce(0) { $0 + $1.kernel * (width + $1.kernel - 1) * $1.inputs }
        return rings + zeros(width) + width * outputs + 64
    }

    private func zeros(_ width: Int) -> Int { layers.map { (width + $0.kernel - 1) * $0.inputs }.max()! }

    private func compute(
        _ lines: Range<Int>, _ height: Int, _ width: Int, _ read: (Int, UnsafeMutablePointer<Float>) -> Void,
        _ body: (Int, UnsafeMutablePointer<Float>) -> Void
    ) {
        var memory = Tensor(uninitialized: [scratch(width: width)], .float32)
        memory.withUnsafeMutableBuffer(of: Float.self) { buffer in
            // Edges of lines and the lines beyond the image are zeros; nothing writes there.
            buffer.update(repeating: 0)
            var free = buffer.baseAddress!
            func take(_ count: Int) -> UnsafeMutablePointer<Float> {
                defer { free += count }
                return free
            }
            let zeros = UnsafePointer(take(zeros(width)))
            let rings = layers.map { layer in
                let length = (width + layer.kernel - 1) * layer.inputs
                return (0..<layer.kernel).map { _ in take(length) }
            }
            let result = take(width * outputs)
            // next[l]: the first line of layer l's input that isn't computed yet.
            var above = 0
            var next = layers.reversed().map { layer in
                above += layer.kernel / 2
                return max(0, lines.lowerBound - above)
            }
            next.reverse()

            func line(_ level: Int, _ y: Int) -> UnsafePointer<Float> {
                (0..<height).contains(y) ? UnsafePointer(rings[level][y % rings[level].count]) : zeros
            }
            func target(_ level: Int, _ y: Int) -> UnsafeMutablePointer<Float> {
                let layer = layers[level]
                return rings[level][y % layer.kernel] + layer.kernel / 2 * layer.inputs
            }
            func convolve(_ level: Int, _ y: Int, _ out: UnsafeMutablePointer<Float>) {
                let half = layers[level].kernel / 2
                let sources = (0..<layers[level].kernel).map { line(level, y - half + $0) }
                Self.convolve(layers[level], sources, width, out)
            }
            /// Makes the lines of a layer's input up to one.
            func advance(_ level: Int, through last: Int) {
                while next[level] <= min(last, height - 1) {
                    let y = next[level]
                    if level == 0 {
                        read(y, target(0, y))
                    } else {
                        advance(level - 1, through: y + layers[level - 1].kernel / 2)
                        convolve(level - 1, y, target(level, y))
                    }
                    next[level] += 1
                }
            }
            let last = layers.count - 1
            for y in lines {
                advance(last, through: y + layers[last].kernel / 2)
                convolve(last, y, result)
                body(y, result)
            }
        }
    }

    /// One line of a layer. `sources` are the lines under the kernel's rows, with their edges.
    private static func convolve(
        _ layer: Layer, _ sources: [UnsafePointer<Float>], _ width: Int, _ out: UnsafeMutablePointer<Float>
    ) {
        let height = Int(gemm.panel_rows)
        let tiles = (width + height - 1) / height
        let group = 4
        let (kernel, inputs, outputs) = (layer.kernel, layer.inputs, layer.outputs)
        layer.weight.withUnsafeBufferPointer { weight in
            layer.bias.withUnsafeBufferPointer { bias in
                withUnsafeTemporaryAllocation(of: UnsafePointer<Float>.self, capacity: kernel * height) { left in
                    withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<Float>.self, capacity: height) { rows in
                        var done = 0
                        for tile in 0..<tiles {
                            let (start, end) = (width * tile / tiles, width * (tile + 1) / tiles)
                            let count = end - start
                            for s in 0..<kernel {
                                let source = sources[s] + start * inputs
                                for i in 0..<count { left[s * count + i] = source + i * inputs }
                            }
                            for i in 0..<count { rows[i] = out + (start + i) * outputs }
                            gemm.panel(
                                Int64(count), Int64(outputs), Int64(kernel), Int64(kernel * inputs), nil,
                                left.baseAddress!, 0, weight.baseAddress!, rows.baseAddress!, 0,
                                bias.baseAddress!, false)
                            if tile % group == group - 1 || tile == tiles - 1 {
                                activate(layer.activation, out + done * outputs, (end - done) * outputs)
                                done = end
                            }
                        }
                    }
                }
            }
        }
    }

    private static let tanhLoop = mercer_unary_function(
        Int32(InstructionSet.current.rawValue), 0, mercer_unary_tanh)
    private static let reluLoop = mercer_unary_function(
        Int32(InstructionSet.current.rawValue), 0, mercer_unary_relu)

    private static func activate(
        _ activation: SubPixelActivation?, _ numbers: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        switch activation {
        case .tanh: tanhLoop(numbers, numbers, count, 0, 0)
        case .relu: reluLoop(numbers, numbers, count, 0, 0)
        case nil: break
        }
    }
}
