import Mercer

/// How many places a window has on spatial axes; PyTorch's rule for convolutions and pooling.
struct SlidingWindow {
    let kernel: [Int]
    let stride: PerAxis
    var padding: ConvolutionPadding = 0
    var dilation: PerAxis = 1

    func positions(on lengths: [Int]) -> [Int] {
        let axes = kernel.count
        let strides = stride.spread(axes)
        let extents = zip(kernel, dilation.spread(axes)).map { ($0 - 1) * $1 }
        let margins: [Int] =
            switch padding {
            case .symmetric(let both): both.spread(axes).map { 2 * $0 }
            case .asymmetric(let before, let after): zip(before, after).map(+)
            case .same: extents
            }
        return (0..<axes).map { axis in
            let room = lengths[axis] + margins[axis] - extents[axis] - 1
            precondition(room >= 0, "a window of \(kernel) is larger than \(lengths)")
            return room / strides[axis] + 1
        }
    }
}

extension PerAxis {
    /// One number for each of `axes` axes.
    func spread(_ axes: Int) -> [Int] {
        precondition(
            values.count == 1 || values.count == axes, "\(values.count) numbers for \(axes) axes: \(values)")
        return values.count == axes ? values : [Int](repeating: values[0], count: axes)
    }
}
