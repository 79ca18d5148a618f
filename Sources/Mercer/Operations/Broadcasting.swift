/// A gradient summed over the axes along which an operand was stretched: the transpose of ``Tensor/broadcast(to:)``.
public func unbroadcast(_ gradient: Tensor, to shape: [Int]) -> Tensor {
    if gradient.shape == shape { return gradient }
    let lead = gradient.rank - shape.count
    let axes = (0..<gradient.rank).filter { $0 < lead || (shape[$0 - lead] == 1 && gradient.shape[$0] != 1) }
    return gradient.sum(axes: axes, keepDims: true).reshaped(shape)
}
