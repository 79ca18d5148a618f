/// An n-dimensional array of numbers: a value over shared storage.
///
/// Copying a tensor copies a few words; views (`transposed`, slices, `broadcast`, `reshaped` where strides allow)
/// share the storage, and writing to a tensor copies first unless it holds the storage alone. Images are
/// `[batch, height, width, channels]`, convolution weights `[output, height, width, input / groups]`.
///
/// ```swift
/// let x = Tensor([1, 2, 3, 4, 5, 6] as [Float], [2, 3])
/// let y = matmul(x, x.transposed()) + 1
/// print(y)              // [[15., 33.],
///                       //  [33., 78.]]
/// ```
///
/// A tensor that takes part in a gradient call carries the operation that made it (``valueAndGrad(_:)``); outside
/// such a call nothing is recorded.
public struct Tensor: Sendable {
    /// The bytes, possibly shared with other tensors.
    public internal(set) var storage: Storage
    /// The length of each axis; empty for a scalar.
    public internal(set) var shape: [Int]
    /// Steps between elements of each axis; nil where elements lie densely in row-major order.
    var explicitStrides: [Int]?
    /// Index of the first element in the storage, in elements.
    var offset: Int
    /// The type of the elements.
    public let dtype: DType
    /// The recorded operation that made this tensor, while gradients are taken.
    var node: Node?
    /// Which result of `node` this is.
    var outputIndex: Int32 = 0

    @inline(__always)
    init(storage: Storage, shape: [Int], strides: [Int]? = nil, offset: Int = 0, dtype: DType) {
        self.storage = storage
        self.shape = shape
        self.offset = offset
        self.dtype = dtype
        if let strides, !Shape.isDense(shape, strides) { explicitStrides = strides }
    }

    /// A dense tensor whose elements have not been set yet.
    @inline(__always)
    public init(uninitialized shape: [Int], _ dtype: DType) {
        let count = Shape.count(shape)
        storage = Storage(byteCount: count * dtype.size)
        self.shape = shape
        offset = 0
        self.dtype = dtype
    }

    /// The number of elements.
    @inline(__always)
    public var count: Int { Shape.count(shape) }

    /// The number of axes.
    public var rank: Int { shape.count }

    /// Bytes of the elements, not of the storage.
    public var byteCount: Int { count * dtype.size }

    /// Steps between neighbours along each axis, in elements.
    public var strides: [Int] { explicitStrides ?? Shape.denseStrides(shape) }

    /// True where the elements lie densely in row-major order.
    @inline(__always)
    public var isContiguous: Bool { explicitStrides == nil }

    /// The length of an axis; a negative axis counts from the end.
    public func dim(_ axis: Int) -> Int { shape[Shape.axis(axis, rank, "dim")] }

    /// The same elements, dense. Itself where they already are.
    public func contiguous() -> Tensor {
        if isContiguous { return self }
        let copy = denseCopy()
        guard isTracked else { return copy }
        return copy.tracked("contiguous", from: self) { $0.gradient }
    }

    /// A dense copy without gradient, in storage of its own.
    func denseCopy() -> Tensor {
        let copy = Tensor(uninitialized: shape, dtype)
        StridedCopy.copy(from: self, to: copy)
        return copy
    }

    /// The same values without the operation that made them: constant for gradients.
    @inline(__always)
    public var detached: Tensor {
        if node == nil { return self }
        var plain = self
        plain.node = nil
        plain.outputIndex = 0
        return plain
    }

    // MARK: Bytes

    /// The address of the first element. Valid while the storage lives.
    @inline(__always)
    func pointer<T>(_ type: T.Type) -> UnsafePointer<T> {
        UnsafePointer(storage.pointer.assumingMemoryBound(to: T.self) + offset)
    }

    /// The address of the first element of a fresh tensor that nobody else holds yet.
    @inline(__always)
    func mutablePointer<T>(_ type: T.Type) -> UnsafeMutablePointer<T> {
        storage.pointer.assumingMemoryBound(to: T.self) + offset
    }

    /// The address of the first element, without a type.
    @inline(__always)
    var rawPointer: UnsafeMutableRawPointer { storage.pointer + offset * dtype.size }

    /// Whether the elements may be overwritten in place: held once, dense, not borrowed and not recorded.
    mutating func canWriteInPlace() -> Bool {
        node == nil && isContiguous && storage.isWritable && isKnownUniquelyReferenced(&storage)
    }

    /// Makes the tensor dense and its storage unshared, so that it can be written to.
    mutating func makeUnique() {
        if canWriteInPlace() { return }
        self = detached.denseCopy()
    }
}
