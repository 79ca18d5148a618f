import Foundation
import Mercer

/// Numbers that look random and are the same in Swift and in `Benchmarks/peers/inputs.py`, so that both sides compute
/// on the same inputs and their results can be compared.
public enum BenchmarkInput {
    /// Float32 numbers in [-1, 1): element i is a hash of i and the seed.
    public static func tensor(_ shape: [Int], seed: UInt32) -> Tensor {
        Tensor(values(shape.reduce(1, *), seed: seed) { Float(Int32($0 >> 8) - (1 << 23)) * 0x1p-23 }, shape)
    }

    /// Integers in 0..<limit as int64.
    public static func integers(_ shape: [Int], below limit: Int, seed: UInt32) -> Tensor {
        Tensor(values(shape.reduce(1, *), seed: seed) { Int64(($0 >> 8) % UInt32(limit)) }, shape)
    }

    /// Bytes.
    public static func bytes(_ shape: [Int], seed: UInt32) -> Tensor {
        Tensor(values(shape.reduce(1, *), seed: seed) { UInt8($0 >> 24) }, shape)
    }

    private static func values<T>(_ count: Int, seed: UInt32, _ number: (UInt32) -> T) -> [T] {
        [T](unsafeUninitializedCapacity: count) { buffer, initialized in
            for i in 0..<count {
                var hash = UInt32(truncatingIfNeeded: i) &* 2_654_435_761 &+ seed &* 40503
                hash ^= hash >> 15
                hash = hash &* 2_246_822_519
                hash ^= hash >> 13
                hash = hash &* 3_266_489_917
                hash ^= hash >> 16
                buffer.initializeElement(at: i, to: number(hash))
            }
            initialized = count
        }
    }
}

/// What is told of a result so that two processes can compare it: its size, and its projection on numbers that look
/// random.
struct ResultSummary: Decodable {
    let count: Int
    /// The root of the sum of squares.
    let norm: Double
    /// The sum of products with ``BenchmarkInput/tensor(_:seed:)`` of seed 99, divided by the root mean square of
    /// those numbers, √(1/3).
    let projection: Double

    init(_ x: Tensor) {
        let real = x.dtype.isComplex ? stacked([x.realPart(), x.imaginaryPart()], axis: x.rank) : x
        let values = real.asType(.float64).toArray(Double.self)
        let directions = BenchmarkInput.tensor([values.count], seed: 99).toArray(Float.self)
        var (squares, products) = (0.0, 0.0)
        for (value, direction) in zip(values, directions) {
            squares += value * value
            products += value * Double(direction)
        }
        count = values.count
        norm = squares.squareRoot()
        projection = products * 3.0.squareRoot()
    }

    /// How far two results are apart, as a part of their norm: an estimate of the relative error, infinite where they
    /// can't be the same.
    func difference(from other: ResultSummary) -> Double {
        guard count == other.count, norm.isFinite, other.norm.isFinite else { return .infinity }
        let scale = max(norm, other.norm, 1e-30)
        return max(abs(norm - other.norm), abs(projection - other.projection)) / scale
    }
}
