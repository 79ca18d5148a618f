import CKernels

/// The resampling kernels of the instruction set that this process uses.
let resampleKernels: mercer_resample_kernels =
    switch InstructionSet.current {
    case .baseline: mercer_resample_table.0
    case .avx2: mercer_resample_table.1
    case .avx512: mercer_resample_table.2
    }

/// The rows of a ``Resampler`` as the kernels read them.
final class RowTable: @unchecked Sendable {
    /// How the weights are kept.
    enum Number {
        case float, double
        /// 22 bits after the point, rounded away from zero at a half: Pillow's.
        case fixed
    }

    let resampler: Resampler
    let isIdentity: Bool
    private(set) var rows: mercer_resample_rows
    private let start: UnsafeMutablePointer<Int32>
    private let count: UnsafeMutablePointer<Int32>
    private let offset: UnsafeMutablePointer<Int32>
    private let weights: UnsafeMutableRawPointer

    /// - Parameter channels: of a horizontal pass, whose vectors take several taps; 0 for a vertical pass.
    init(_ resampler: Resampler, _ number: Number, channels: Int = 0) {
        self.resampler = resampler
        isIdentity = resampler.isIdentity
        let block =
            switch channels {
            case 1: 16
            case 2: 8
            case 3, 4: 4
            default: 1
            }
        let outputs = resampler.outputLength
        start = .allocate(capacity: outputs)
        count = .allocate(capacity: outputs)
        offset = .allocate(capacity: outputs)
        var total = 0
        for i in 0..<outputs {
            let taps = resampler.offsets[i + 1] - resampler.offsets[i]
            start[i] = Int32(resampler.starts[i])
            count[i] = Int32(taps)
            offset[i] = Int32(total)
            total += max(1, (taps + block - 1) / block) * block
        }
        let size = number == .double ? 8 : 4
        weights = .allocate(byteCount: total * size, alignment: 64)
        weights.initializeMemory(as: UInt8.self, repeating: 0, count: total * size)
        for i in 0..<outputs {
            var place = Int(offset[i])
            for weight in resampler.row(i) {
                switch number {
                case .float: weights.assumingMemoryBound(to: Float.self)[place] = Float(weight)
                case .double: weights.assumingMemoryBound(to: Double.self)[place] = weight
                case .fixed:
                    weights.assumingMemoryBound(to: Int32.self)[place] =
                        Int32((weight < 0 ? -0.5 : 0.5) + weight * Double(1 << 22))
                }
                place += 1
            }
        }
        rows = mercer_resample_rows(
            start: start, count: count, offset: offset, weights: weights, outputs: Int32(outputs),
            inputs: Int32(resampler.inputLength))
    }

    deinit {
        start.deallocate()
        count.deallocate()
        offset.deallocate()
        weights.deallocate()
    }

    /// First input, number of taps and weights of an output.
    @inline(__always)
    func row<T>(_ output: Int, _ type: T.Type) -> (start: Int, taps: Int, weights: UnsafePointer<T>) {
        (
            Int(start[output]), Int(count[output]),
            UnsafePointer(weights.assumingMemoryBound(to: T.self) + Int(offset[output]))
        )
    }

    /// The inputs that a range of outputs depends on.
    func inputs(of outputs: Range<Int>) -> Range<Int> {
        var low = Int.max
        var high = 0
        for i in outputs where count[i] > 0 {
            low = min(low, Int(start[i]))
            high = max(high, Int(start[i]) + Int(count[i]))
        }
        return low < high ? low..<high : 0..<0
    }
}

/// Memory from the caching allocator for the time of a call, aligned to 64 bytes.
func withScratchBytes<R>(_ count: Int, _ body: (UnsafeMutableRawPointer) throws -> R) rethrows -> R {
    let (block, sizeClass) = Allocator.shared.allocate(max(count, 64))
    defer { Allocator.shared.free(block, sizeClass) }
    return try body(block)
}
