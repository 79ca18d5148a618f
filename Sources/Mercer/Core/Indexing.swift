/// What may stand between the brackets of `tensor[…]`: whole numbers, ranges, `.ellipsis`, `.newAxis`,
/// `.stride(from:to:by:)`, integer tensors and bool tensors.
///
/// ```swift
/// x[0]                      // the first row; negative numbers count from the end
/// x[1..<3, .ellipsis, -1]   // rows 1 and 2, the last column
/// x[.ellipsis, .newAxis]    // a new last axis
/// x[.stride(by: -1)]        // reversed
/// x[Tensor([2, 0, 2])]      // rows 2, 0, 2
/// ```
public protocol TensorIndexing: Sendable {
    var tensorIndex: TensorIndex { get }
}

/// One index in its resolved form.
public enum TensorIndex: TensorIndexing {
    case element(Int)
    case slice(from: Int?, to: Int?, by: Int)
    case wholeAxes
    case addedAxis
    case gather(Tensor)

    public var tensorIndex: TensorIndex { self }
}

extension TensorIndexing where Self == TensorIndex {
    /// As many whole axes as are not named otherwise.
    public static var ellipsis: TensorIndex { .wholeAxes }
    /// A new axis of length 1.
    public static var newAxis: TensorIndex { .addedAxis }
    /// Every `by`-th element from `from` to before `to`; a negative step goes backwards, from the end by default.
    public static func stride(from: Int? = nil, to: Int? = nil, by: Int) -> TensorIndex {
        .slice(from: from, to: to, by: by)
    }
    /// A whole axis.
    public static var all: TensorIndex { .slice(from: nil, to: nil, by: 1) }
}

extension Int: TensorIndexing { public var tensorIndex: TensorIndex { .element(self) } }
extension Tensor: TensorIndexing { public var tensorIndex: TensorIndex { .gather(self) } }
extension Range: TensorIndexing where Bound == Int {
    public var tensorIndex: TensorIndex { .slice(from: lowerBound, to: upperBound, by: 1) }
}
extension ClosedRange: TensorIndexing where Bound == Int {
    public var tensorIndex: TensorIndex {
        .slice(from: lowerBound, to: upperBound == -1 ? nil : upperBound + 1, by: 1)
    }
}
extension PartialRangeFrom: TensorIndexing where Bound == Int {
    public var tensorIndex: TensorIndex { .slice(from: lowerBound, to: nil, by: 1) }
}
extension PartialRangeUpTo: TensorIndexing where Bound == Int {
    public var tensorIndex: TensorIndex { .slice(from: nil, to: upperBound, by: 1) }
}
extension PartialRangeThrough: TensorIndexing where Bound == Int {
    public var tensorIndex: TensorIndex {
        .slice(from: nil, to: upperBound == -1 ? nil : upperBound + 1, by: 1)
    }
}

extension Tensor {
    /// A part of the tensor; a view unless an index is a tensor. Assigning copies first where others share the
    /// storage, and is recorded like every operation where gradients are taken.
    public subscript(_ indices: any TensorIndexing...) -> Tensor {
        get { indexed(indices.map(\.tensorIndex)) }
        set { assign(newValue, at: indices.map(\.tensorIndex)) }
    }

    private func indexed(_ indices: [TensorIndex]) -> Tensor {
        let plan = IndexPlan(indices, shape)
        var result = sliced(plan.slices).reshaped(plan.shapeWithGathers)
        // From the last axis to the first, so that earlier axes keep their place.
        for (axis, index) in plan.gathers.reversed() {
            result =
                index.dtype == .bool ? result.compressed(index, axis: axis) : result.take(index, axis: axis)
        }
        return result
    }

    private mutating func assign(_ value: Tensor, at indices: [TensorIndex]) {
        let plan = IndexPlan(indices, shape)
        precondition(
            plan.gathers.isEmpty,
            "assignment through an index tensor: use scatterAdd, putAlong or `where` instead")
        precondition(
            value.dtype == dtype, "assignment of a \(value.dtype) tensor to a part of a \(dtype) tensor")
        let source = value.broadcast(to: plan.shapeWithGathers).reshaped(plan.slices.map(\.count))
        if isTracked || source.isTracked {
            self = cleared(at: plan.slices) + source.placed(in: shape, at: plan.slices)
            return
        }
        // A value that shares this storage (x[0] = x[1]) must be read before it is overwritten.
        let safe = source.storage === storage ? source.denseCopy() : source.detached
        makeUnique()
        StridedCopy.copy(
            from: safe,
            to: Tensor(storage: storage, shape: shape, offset: offset, dtype: dtype)
                .sliced(plan.slices))
    }
}

/// Indices laid over the axes of a shape.
private struct IndexPlan {
    var slices: [AxisSlice] = []
    /// The shape after slicing: element axes gone, new axes there, gathered axes still whole.
    var shapeWithGathers: [Int] = []
    /// Axes of that shape that a tensor picks from.
    var gathers: [(Int, Tensor)] = []

    init(_ indices: [TensorIndex], _ shape: [Int]) {
        let named = indices.reduce(0) { count, index in
            switch index {
            case .wholeAxes, .addedAxis: count
            default: count + 1
            }
        }
        precondition(
            named <= shape.count, "subscript: \(named) indices for a tensor of shape \(shape)")
        let ellipses = indices.reduce(0) { if case .wholeAxes = $1 { $0 + 1 } else { $0 } }
        precondition(ellipses <= 1, "subscript: more than one ellipsis")
        var axis = 0
        func takeWhole(_ count: Int) {
            for _ in 0..<count {
                slices.append(AxisSlice(start: 0, count: shape[axis], step: 1))
                shapeWithGathers.append(shape[axis])
                axis += 1
            }
        }
        for index in indices {
            switch index {
            case .wholeAxes: takeWhole(shape.count - named)
            case .addedAxis: shapeWithGathers.append(1)
            case .element(let i):
                let position = i < 0 ? i + shape[axis] : i
                precondition(
                    position >= 0 && position < shape[axis],
                    "subscript: index \(i) on axis \(axis) of a tensor of shape \(shape)")
                slices.append(AxisSlice(start: position, count: 1, step: 1))
                axis += 1
            case .slice(let from, let to, let by):
                let slice = AxisSlice(from, to, by, length: shape[axis])
                slices.append(slice)
                shapeWithGathers.append(slice.count)
                axis += 1
            case .gather(let tensor):
                gathers.append((shapeWithGathers.count, tensor))
                takeWhole(1)
            }
        }
        takeWhole(shape.count - axis)
    }
}

extension AxisSlice {
    /// Python's meaning of `from:to:by`: negative bounds count from the end, bounds beyond the axis are cut.
    init(_ from: Int?, _ to: Int?, _ by: Int, length n: Int) {
        precondition(by != 0, "subscript: the step is 0")
        func bound(_ i: Int, _ low: Int, _ high: Int) -> Int { min(max(i < 0 ? i + n : i, low), high) }
        if by > 0 {
            let start = bound(from ?? 0, 0, n)
            let end = to.map { bound($0, 0, n) } ?? n
            self.init(start: start, count: max(0, (end - start + by - 1) / by), step: by)
        } else {
            let start = from.map { bound($0, -1, n - 1) } ?? n - 1
            let end = to.map { bound($0, -1, n - 1) } ?? -1
            self.init(start: max(start, 0), count: max(0, (start - end - by - 1) / -by), step: by)
        }
    }
}
