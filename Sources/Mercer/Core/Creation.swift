// Making tensors from numbers and arrays, and turning them back.

extension Tensor {
    /// A tensor of the elements of an array in row-major order.
    ///
    /// ```swift
    /// let a = Tensor([1, 2, 3, 4] as [Float], [2, 2])
    /// ```
    ///
    /// - Parameter shape: its product is the array's count; one axis may be -1. By default one axis.
    public init<T: TensorElement>(_ elements: [T], _ shape: [Int]? = nil) {
        let shape = shape.map { Tensor.resolved($0, count: elements.count, "Tensor") } ?? [elements.count]
        self.init(uninitialized: shape, T.dtype)
        elements.withUnsafeBytes { bytes in
            if let base = bytes.baseAddress { storage.pointer.copyMemory(from: base, byteCount: bytes.count) }
        }
    }

    /// A scalar.
    public init<T: TensorElement>(_ value: T) {
        self.init(uninitialized: [], T.dtype)
        storage.pointer.storeBytes(of: value, as: T.self)
    }

    /// A tensor of the bytes of a buffer, copied.
    public init(bytes: UnsafeRawBufferPointer, _ shape: [Int], _ dtype: DType) {
        precondition(
            bytes.count == Shape.count(shape) * dtype.size,
            "Tensor: \(bytes.count) bytes for a \(dtype) tensor of shape \(shape)")
        self.init(uninitialized: shape, dtype)
        if let base = bytes.baseAddress { StridedCopy.bytes(base, storage.pointer, bytes.count) }
    }

    /// A tensor whose elements a function writes, in row-major order.
    public init<T: TensorElement>(
        _ shape: [Int], of type: T.Type = T.self,
        initializingWith body: (UnsafeMutableBufferPointer<T>) throws -> Void
    ) rethrows {
        self.init(uninitialized: shape, T.dtype)
        try body(UnsafeMutableBufferPointer(start: mutablePointer(T.self), count: count))
    }

    /// A tensor over memory of somebody else, dense and in row-major order; it is not copied.
    public init(storage: Storage, _ shape: [Int], _ dtype: DType) {
        precondition(
            storage.byteCount >= Shape.count(shape) * dtype.size,
            "Tensor: \(storage.byteCount) bytes of storage for a \(dtype) tensor of shape \(shape)")
        self.init(storage: storage, shape: shape, dtype: dtype)
    }

    /// Zeros.
    public static func zeros(_ shape: [Int], _ dtype: DType = .float32) -> Tensor {
        let result = Tensor(uninitialized: shape, dtype)
        let address = UInt(bitPattern: result.storage.pointer)
        Parallel.forRanges(result.byteCount, grain: 1 << 20) { range in
            UnsafeMutableRawPointer(bitPattern: address + UInt(range.lowerBound))!
                .initializeMemory(as: UInt8.self, repeating: 0, count: range.count)
        }
        return result
    }

    /// Ones.
    public static func ones(_ shape: [Int], _ dtype: DType = .float32) -> Tensor { full(shape, 1, dtype) }

    /// One number everywhere.
    public static func full(_ shape: [Int], _ value: Double, _ dtype: DType = .float32) -> Tensor {
        if value == 0 && value.sign == .plus { return zeros(shape, dtype) }
        let result = Tensor(uninitialized: shape, dtype)
        result.fill(with: Tensor.scalar(value, dtype))
        return result
    }

    /// A number as a scalar of any type; for integer types it is rounded toward zero.
    public static func scalar(_ value: Double, _ dtype: DType) -> Tensor {
        switch dtype {
        case .bool: Tensor(value != 0)
        case .uint8: Tensor(UInt8(value))
        case .int8: Tensor(Int8(value))
        case .uint16: Tensor(UInt16(value))
        case .int16: Tensor(Int16(value))
        case .uint32: Tensor(UInt32(value))
        case .int32: Tensor(Int32(value))
        case .uint64: Tensor(UInt64(value))
        case .int64: Tensor(Int64(value))
        case .float16: Tensor(Float16(value))
        case .bfloat16: Tensor(BFloat16(Float(value)))
        case .float32: Tensor(Float(value))
        case .float64: Tensor(value)
        case .complex64: Tensor(Complex(Float(value)))
        case .complex128: Tensor(Complex(value))
        }
    }

    /// Zeros of the shape and type of another tensor.
    public static func zeros(like other: Tensor) -> Tensor { zeros(other.shape, other.dtype) }

    /// Ones of the shape and type of another tensor.
    public static func ones(like other: Tensor) -> Tensor { ones(other.shape, other.dtype) }

    /// The identity matrix, `[rows, columns]`, with ones on diagonal `k` (0 the main one, positive above).
    public static func eye(_ rows: Int, _ columns: Int? = nil, k: Int = 0, _ dtype: DType = .float32)
        -> Tensor
    {
        let columns = columns ?? rows
        var result = zeros([rows, columns], dtype)
        let one = Tensor.scalar(1, dtype)
        for row in Swift.max(0, -k)..<Swift.max(Swift.max(0, -k), Swift.min(rows, columns - k)) {
            result.setElement(row * columns + row + k, from: one)
        }
        return result
    }

    /// `start`, `start + step`, … below `stop`.
    public static func arange(
        _ start: Double = 0, _ stop: Double, step: Double = 1, _ dtype: DType = .float32
    ) -> Tensor {
        precondition(step != 0, "arange: the step is 0")
        let count = Swift.max(0, Int(((stop - start) / step).rounded(.up)))
        return sequence(count, dtype) { start + Double($0) * step }
    }

    /// The whole numbers `0..<count`, as int64.
    public static func arange(_ count: Int) -> Tensor {
        Tensor([count], of: Int64.self) { for i in 0..<count { $0[i] = Int64(i) } }
    }

    /// `count` numbers from `start` to `stop`, both included.
    public static func linspace(_ start: Double, _ stop: Double, count: Int, _ dtype: DType = .float32)
        -> Tensor
    {
        precondition(count >= 1, "linspace: \(count) numbers")
        if count == 1 { return full([1], start, dtype) }
        let step = (stop - start) / Double(count - 1)
        // From both ends, so that the middle is symmetric and the ends exact.
        return sequence(count, dtype) {
            $0 < count / 2 ? start + Double($0) * step : stop - Double(count - 1 - $0) * step
        }
    }

    private static func sequence(_ count: Int, _ dtype: DType, _ value: (Int) -> Double) -> Tensor {
        switch dtype {
        case .float32:
            return Tensor([count], of: Float.self) { for i in 0..<count { $0[i] = Float(value(i)) } }
        case .float64:
            return Tensor([count], of: Double.self) { for i in 0..<count { $0[i] = value(i) } }
        default:
            var result = Tensor(uninitialized: [count], dtype)
            for i in 0..<count { result.setElement(i, from: .scalar(value(i), dtype)) }
            return result
        }
    }

    /// Sets one element of a fresh dense tensor.
    mutating func setElement(_ index: Int, from scalar: Tensor) {
        rawPointer.advanced(by: index * dtype.size).copyMemory(from: scalar.rawPointer, byteCount: dtype.size)
    }

    /// Sets all elements of a fresh dense tensor.
    func fill(with scalar: Tensor) {
        var source = scalar.detached
        source.shape = shape
        source.explicitStrides = [Int](repeating: 0, count: shape.count)
        StridedCopy.copy(from: source, to: self)
    }

    // MARK: Back to Swift

    /// The elements in row-major order. `T` must be the tensor's type; convert with ``asType(_:)`` first where not.
    public func toArray<T: TensorElement>(_ type: T.Type = T.self) -> [T] {
        withUnsafeBuffer(of: T.self) { Array($0) }
    }

    /// The only element of a tensor that has just one.
    public func item<T: TensorElement>(_ type: T.Type = T.self) -> T {
        precondition(count == 1, "item: a tensor of shape \(shape) has \(count) elements")
        return withUnsafeBuffer(of: T.self) { $0[0] }
    }

    /// The only element as a number, whatever its type.
    public var doubleValue: Double {
        precondition(count == 1, "doubleValue: a tensor of shape \(shape) has \(count) elements")
        return number(at: offset)
    }

    /// Reads the elements in row-major order, from a dense copy where the tensor isn't dense.
    public func withUnsafeBuffer<T: TensorElement, R>(
        of type: T.Type, _ body: (UnsafeBufferPointer<T>) throws -> R
    ) rethrows -> R {
        precondition(T.dtype == dtype, "a \(dtype) tensor read as \(T.dtype)")
        let dense = isContiguous ? self : denseCopy()
        return try withExtendedLifetime(dense.storage) {
            try body(UnsafeBufferPointer(start: dense.pointer(T.self), count: count))
        }
    }

    /// Writes the elements in row-major order; copies first where others share the storage.
    public mutating func withUnsafeMutableBuffer<T: TensorElement, R>(
        of type: T.Type, _ body: (UnsafeMutableBufferPointer<T>) throws -> R
    ) rethrows -> R {
        precondition(T.dtype == dtype, "a \(dtype) tensor written as \(T.dtype)")
        makeUnique()
        return try body(UnsafeMutableBufferPointer(start: mutablePointer(T.self), count: count))
    }

    /// The raw bytes of the elements in row-major order.
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        let dense = isContiguous ? self : denseCopy()
        return try withExtendedLifetime(dense.storage) {
            try body(UnsafeRawBufferPointer(start: dense.rawPointer, count: byteCount))
        }
    }

    /// Writes the raw bytes of the elements in row-major order; copies first where others share the storage.
    public mutating func withUnsafeMutableBytes<R>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> R
    ) rethrows -> R {
        makeUnique()
        return try body(UnsafeMutableRawBufferPointer(start: rawPointer, count: byteCount))
    }

    /// An element of the storage as a number; the magnitude's real part for complex types.
    func number(at index: Int) -> Double {
        let base = storage.pointer
        func load<T: TensorElement>(_ type: T.Type) -> T { base.assumingMemoryBound(to: T.self)[index] }
        return switch dtype {
        case .bool: load(UInt8.self) != 0 ? 1 : 0
        case .uint8: Double(load(UInt8.self))
        case .int8: Double(load(Int8.self))
        case .uint16: Double(load(UInt16.self))
        case .int16: Double(load(Int16.self))
        case .uint32: Double(load(UInt32.self))
        case .int32: Double(load(Int32.self))
        case .uint64: Double(load(UInt64.self))
        case .int64: Double(load(Int64.self))
        case .float16: Double(load(Float16.self))
        case .bfloat16: Double(load(BFloat16.self).float)
        case .float32: Double(load(Float.self))
        case .float64: load(Double.self)
        case .complex64: Double(load(Complex<Float>.self).real)
        case .complex128: load(Complex<Double>.self).real
        }
    }

    /// A shape with its -1 filled in.
    static func resolved(_ shape: [Int], count: Int, _ operation: StaticString) -> [Int] {
        var result = shape
        if let free = shape.firstIndex(of: -1) {
            let rest = shape.enumerated().filter { $0.offset != free }.map(\.element).reduce(1, *)
            precondition(
                rest > 0 && count % rest == 0, "\(operation): \(count) elements don't fill the shape \(shape)"
            )
            result[free] = count / rest
        }
        precondition(
            Shape.count(result) == count && result.allSatisfy { $0 >= 0 },
            "\(operation): \(count) elements don't fill the shape \(shape)")
        return result
    }
}
