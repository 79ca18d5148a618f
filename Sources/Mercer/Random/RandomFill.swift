import CKernels

/// Fills of memory with random numbers. Element i depends on the key and i alone.
enum RandomFill {
    static let kernels = mercer_random(Int32(InstructionSet.current.rawValue)).pointee

    /// Groups that are filled by one call: 32 to 64 KiB.
    private static let grain = 256

    /// Splits `count` elements into groups of `perGroup` and gives `body` runs of whole groups: where to
    /// write, how many and the number of the first. The last, incomplete group goes through memory of its
    /// own.
    static func groups<T>(
        _ out: UnsafeMutablePointer<T>, _ count: Int, perGroup: Int,
        _ body: (UnsafeMutablePointer<T>, Int, UInt64) -> Void
    ) {
        let whole = count / perGroup
        Parallel.forRanges(whole, grain: grain) { range in
            body(out + range.lowerBound * perGroup, range.count, UInt64(range.lowerBound))
        }
        let rest = count - whole * perGroup
        if rest == 0 { return }
        withUnsafeTemporaryAllocation(of: T.self, capacity: perGroup) { buffer in
            body(buffer.baseAddress!, 1, UInt64(whole))
            (out + whole * perGroup).update(from: buffer.baseAddress!, count: rest)
        }
    }

    static func bits(_ out: UnsafeMutablePointer<UInt32>, _ count: Int, _ key: RandomKey) {
        groups(out, count, perGroup: 64) { kernels.bits($0, $1, key.key, key.stream, $2) }
    }

    /// Draws one element at a time from a sequence of its own.
    static func each<T>(
        _ out: UnsafeMutablePointer<T>, _ count: Int, _ key: RandomKey,
        _ draw: (inout RandomStream, Int) -> T
    ) {
        Parallel.forRanges(count, grain: 2048) { range in
            for i in range {
                var stream = RandomStream(key, element: i)
                out[i] = draw(&stream, i)
            }
        }
    }
}

/// A distribution with a kernel: fills of float32 and float64.
struct RandomKernel {
    let float32: (UnsafeMutablePointer<Float>, Int, RandomKey, UInt64) -> Void
    let float64: (UnsafeMutablePointer<Double>, Int, RandomKey, UInt64) -> Void

    /// A new tensor of this distribution; float16 and bfloat16 are rounded from float32.
    func tensor(_ shape: [Int], _ dtype: DType, _ key: RandomKey, _ operation: StaticString) -> Tensor {
        precondition(dtype.isFloatingPoint, "\(operation): \(dtype) is not a floating-point type")
        if dtype == .float64 {
            let result = Tensor(uninitialized: shape, .float64)
            RandomFill.groups(result.mutablePointer(Double.self), result.count, perGroup: 32) {
                float64($0, $1, key, $2)
            }
            return result
        }
        let result = Tensor(uninitialized: shape, .float32)
        RandomFill.groups(result.mutablePointer(Float.self), result.count, perGroup: 64) {
            float32($0, $1, key, $2)
        }
        return dtype == .float32 ? result : result.asType(dtype)
    }
}
