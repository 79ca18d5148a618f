import CKernels
import Foundation

/// The row of the kernel tables for the instruction set in use.
let kernelISA = Int32(InstructionSet.current.rawValue)

/// Elementwise loops over whole tensors: broadcasting, chunks for the pool, and the choice of kernel. Results are
/// plain tensors; gradients are recorded by the operations that call these.
enum Elementwise {
    /// Elements a chunk for operations bound by memory.
    static let grain = 32768
    /// Elements a chunk for operations with tens of instructions an element.
    static let denseGrain = 8192

    /// Calls `body` with a first element, a number of elements and the place of the first in the result, whose
    /// elements have `size` bytes, until `0..<count` is covered. On the pool, in chunks of `grain` elements.
    ///
    /// Results of any size are written with ordinary stores: stores past the caches were measured to be a third slower
    /// (16 M sums of float32 on Zen 4, one thread).
    @inline(__always)
    static func forRanges(
        _ count: Int, grain: Int, size: Int, to: UnsafeMutableRawPointer,
        _ body: (_ start: Int, _ n: Int, _ to: UnsafeMutableRawPointer) -> Void
    ) {
        nonisolated(unsafe) let to = to
        Parallel.forRanges(count, grain: grain) { range in
            body(range.lowerBound, range.count, to + range.lowerBound * size)
        }
    }

    // MARK: Kernels on float32 and float64

    /// y = f(x; p, q) in the type of `x`, which is float32 or float64, or a half type computed through float32.
    static func unary(_ operation: mercer_unary, _ x: Tensor, _ p: Double = 0, _ q: Double = 0) -> Tensor {
        switch x.dtype {
        case .float32, .float64: break
        case .float16, .bfloat16:
            return Conversion.convert(unary(operation, Conversion.convert(x, .float32), p, q), x.dtype)
        default: return unary(operation, Conversion.convert(x, .float32), p, q)
        }
        let y = Tensor(uninitialized: x.shape, x.dtype)
        unary(operation, x.isContiguous ? x : x.denseCopy(), p, q, into: y)
        return y
    }

    /// The same into a dense tensor that may be `x` itself.
    static func unary(_ operation: mercer_unary, _ x: Tensor, _ p: Double, _ q: Double, into y: Tensor) {
        let loop = mercer_unary_function(kernelISA, x.dtype == .float64 ? 1 : 0, operation)
        let count = x.count
        if count <= denseGrain {
            if count > 0 { loop(x.rawPointer, y.rawPointer, count, p, q) }
            return
        }
        let size = x.dtype.size
        nonisolated(unsafe) let from = x.rawPointer
        nonisolated(unsafe) let to = y.rawPointer
        forRanges(count, grain: denseGrain, size: size, to: to) { start, n, to in
            loop(from + start * size, to, n, p, q)
        }
    }

    /// y = f(a, b; p, q), broadcast; both of one type, float32, float64 or a half type.
    static func binary(
        _ operation: mercer_binary, _ a: Tensor, _ b: Tensor, _ name: StaticString, _ p: Double = 0,
        _ q: Double = 0
    ) -> Tensor {
        switch a.dtype {
        case .float32, .float64: break
        default:
            let wide = binary(
                operation, Conversion.convert(a, .float32), Conversion.convert(b, .float32), name, p, q)
            return a.dtype.isFloatingPoint ? Conversion.convert(wide, a.dtype) : wide
        }
        let loop = mercer_binary_function(kernelISA, a.dtype == .float64 ? 1 : 0, operation)
        if a.shape == b.shape && a.isContiguous && b.isContiguous {
            let y = Tensor(uninitialized: a.shape, a.dtype)
            dense(loop, a, b, y, p, q)
            return y
        }
        let y = Tensor(uninitialized: Shape.broadcast(a.shape, b.shape, name), a.dtype)
        broadcast(loop, a, b, y, p, q)
        return y
    }

    /// y = f(a, b; p, q) where all three are dense and of one shape; `y` may be `a` or `b`.
    @inline(__always)
    static func dense(
        _ loop: mercer_binary_loop, _ a: Tensor, _ b: Tensor, _ y: Tensor, _ p: Double, _ q: Double
    ) {
        let count = y.count
        if count <= denseGrain {
            if count > 0 { loop(a.rawPointer, 1, b.rawPointer, 1, y.rawPointer, count, p, q) }
            return
        }
        let size = a.dtype.size
        nonisolated(unsafe) let left = a.rawPointer
        nonisolated(unsafe) let right = b.rawPointer
        nonisolated(unsafe) let to = y.rawPointer
        forRanges(count, grain: grain, size: y.dtype.size, to: to) {
            start, n, to in
            loop(left + start * size, 1, right + start * size, 1, to, n, p, q)
        }
    }

    /// y = f(a, b; p, q) with operands broadcast to the shape of the dense tensor `y`, which may be `a`.
    static func broadcast(
        _ loop: mercer_binary_loop, _ a: Tensor, _ b: Tensor, _ y: Tensor, _ p: Double, _ q: Double
    ) {
        let plan = LoopPlan(y.shape, a, b)
        let size = a.dtype.size
        let outputSize = y.dtype.size
        nonisolated(unsafe) let left = plan.operands[0].rawPointer
        nonisolated(unsafe) let right = plan.operands[1].rawPointer
        nonisolated(unsafe) let to = y.rawPointer
        let steps = plan.innerSteps
        plan.forEachRun(grain: grain) { output, offsets, n in
            loop(
                left + offsets[0] * size, steps[0], right + offsets[1] * size, steps[1],
                to + output * outputSize, n, p, q)
        }
        withExtendedLifetime(plan) {}
    }

    /// f(x, s) or f(s, x) for a number `s`, in the type of `x` (float32, float64 or a half type).
    static func binary(
        _ operation: mercer_binary, _ x: Tensor, scalar: Double, scalarFirst: Bool = false
    ) -> Tensor {
        switch x.dtype {
        case .float32, .float64: break
        default:
            let wide = binary(
                operation, Conversion.convert(x, .float32), scalar: scalar, scalarFirst: scalarFirst)
            return x.dtype.isFloatingPoint ? Conversion.convert(wide, x.dtype) : wide
        }
        let y = Tensor(uninitialized: x.shape, x.dtype)
        binary(
            operation, x.isContiguous ? x : x.denseCopy(), scalar: scalar, scalarFirst: scalarFirst, into: y)
        return y
    }

    /// The same into a dense tensor that may be `x` itself.
    static func binary(
        _ operation: mercer_binary, _ x: Tensor, scalar: Double, scalarFirst: Bool, into y: Tensor
    ) {
        let loop = mercer_binary_function(kernelISA, x.dtype == .float64 ? 1 : 0, operation)
        withScalar(scalar, x.dtype) { scalar in
            nonisolated(unsafe) let scalar = scalar
            nonisolated(unsafe) let from = x.rawPointer
            nonisolated(unsafe) let to = y.rawPointer
            let size = x.dtype.size
            forRanges(x.count, grain: grain, size: size, to: to) {
                start, n, to in
                if scalarFirst {
                    loop(scalar, 0, from + start * size, 1, to, n, 0, 0)
                } else {
                    loop(from + start * size, 1, scalar, 0, to, n, 0, 0)
                }
            }
        }
    }

    /// A number in memory, as an element of type `dtype` (float32 or float64).
    @inline(__always)
    static func withScalar<R>(_ value: Double, _ dtype: DType, _ body: (UnsafeRawPointer) -> R) -> R {
        if dtype == .float64 { return withUnsafeBytes(of: value) { body($0.baseAddress!) } }
        return withUnsafeBytes(of: Float(value)) { body($0.baseAddress!) }
    }

    /// A comparison of two tensors of one type, float32, float64 or a half type; the result is bool.
    static func compare(_ operation: mercer_comparison, _ a: Tensor, _ b: Tensor, _ name: StaticString)
        -> Tensor
    {
        switch a.dtype {
        case .float32, .float64: break
        default:
            return compare(operation, Conversion.convert(a, .float32), Conversion.convert(b, .float32), name)
        }
        let loop = mercer_comparison_function(kernelISA, a.dtype == .float64 ? 1 : 0, operation)
        let y = Tensor(uninitialized: Shape.broadcast(a.shape, b.shape, name), .bool)
        if a.shape == b.shape && a.isContiguous && b.isContiguous {
            dense(loop, a, b, y, 0, 0)
        } else {
            broadcast(loop, a, b, y, 0, 0)
        }
        return y
    }

    /// y = f(a, b, c), broadcast. For `select` the first operand is bool and the others have elements of 4 or 8 bytes;
    /// for the rest all three are float32 or float64.
    static func ternary(
        _ operation: mercer_ternary, _ a: Tensor, _ b: Tensor, _ c: Tensor, _ name: StaticString
    ) -> Tensor {
        let loop = mercer_ternary_function(kernelISA, b.dtype.size == 8 ? 1 : 0, operation)
        let shape = Shape.broadcast(Shape.broadcast(a.shape, b.shape, name), c.shape, name)
        let y = Tensor(uninitialized: shape, b.dtype)
        let plan = LoopPlan(shape, a, b, c)
        let (first, size) = (a.dtype.size, b.dtype.size)
        nonisolated(unsafe) let pointers = plan.operands.map(\.rawPointer)
        nonisolated(unsafe) let to = y.rawPointer
        let steps = plan.innerSteps
        plan.forEachRun(grain: grain) { output, offsets, n in
            loop(
                pointers[0] + offsets[0] * first, steps[0], pointers[1] + offsets[1] * size, steps[1],
                pointers[2] + offsets[2] * size, steps[2], to + output * size, n)
        }
        withExtendedLifetime(plan) {}
        return y
    }

    // MARK: Swift closures, for types without kernels

    /// y = f(x) for elements of any types.
    @inline(__always)
    static func map<T, R>(_ x: Tensor, _ result: DType, _ f: (T) -> R) -> Tensor {
        run(x, result) { from, to, n in
            let from = from.assumingMemoryBound(to: T.self)
            let to = to.assumingMemoryBound(to: R.self)
            for i in 0..<n { to[i] = f(from[i]) }
        }
    }

    /// y = f(a, b), broadcast, for elements of any types.
    @inline(__always)
    static func map<T, R>(
        _ a: Tensor, _ b: Tensor, _ result: DType, _ name: StaticString, _ f: (T, T) -> R
    ) -> Tensor {
        run(a, b, result, name) { left, leftStep, right, rightStep, to, n in
            let left = left.assumingMemoryBound(to: T.self)
            let right = right.assumingMemoryBound(to: T.self)
            let to = to.assumingMemoryBound(to: R.self)
            if leftStep == 1 && rightStep == 1 {
                for i in 0..<n { to[i] = f(left[i], right[i]) }
            } else {
                for i in 0..<n { to[i] = f(left[i * leftStep], right[i * rightStep]) }
            }
        }
    }

    /// The loop around a closure on dense runs; not generic, so that it is compiled once.
    private static func run(
        _ x: Tensor, _ result: DType, _ body: (UnsafeRawPointer, UnsafeMutableRawPointer, _ n: Int) -> Void
    ) -> Tensor {
        let dense = x.isContiguous ? x : x.denseCopy()
        let y = Tensor(uninitialized: x.shape, result)
        nonisolated(unsafe) let from = dense.rawPointer
        nonisolated(unsafe) let to = y.rawPointer
        let (size, resultSize) = (x.dtype.size, result.size)
        Parallel.forRanges(x.count, grain: grain) { range in
            body(from + range.lowerBound * size, to + range.lowerBound * resultSize, range.count)
        }
        withExtendedLifetime(dense) {}
        return y
    }

    /// The loop around a closure on runs of two operands with steps 0 or 1; not generic, so that it is compiled once.
    private static func run(
        _ a: Tensor, _ b: Tensor, _ result: DType, _ name: StaticString,
        _ body: (UnsafeRawPointer, Int, UnsafeRawPointer, Int, UnsafeMutableRawPointer, _ n: Int) -> Void
    ) -> Tensor {
        let y = Tensor(uninitialized: Shape.broadcast(a.shape, b.shape, name), result)
        let plan = LoopPlan(y.shape, a, b)
        nonisolated(unsafe) let left = plan.operands[0].rawPointer
        nonisolated(unsafe) let right = plan.operands[1].rawPointer
        nonisolated(unsafe) let to = y.rawPointer
        let (size, resultSize) = (a.dtype.size, result.size)
        let steps = plan.innerSteps
        plan.forEachRun(grain: grain) { output, offsets, n in
            body(
                left + offsets[0] * size, steps[0], right + offsets[1] * size, steps[1],
                to + output * resultSize, n)
        }
        withExtendedLifetime(plan) {}
        return y
    }
}
