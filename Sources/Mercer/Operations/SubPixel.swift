/// The order of channels that ``pixelShuffle(_:by:order:)`` reads.
public enum SubPixelOrder: String, Sendable, CaseIterable {
    /// PyTorch's: channel = c·r² + i·r + j.
    case torch
    /// Depth-to-space, as in TensorFlow and in the ESPCN paper (eq. 4): channel = (i·r + j)·C + c.
    case depthToSpace
}

/// Channels rearranged as pixels: `[N, H, W, C·r²]` to `[N, H·r, W·r, C]`.
///
/// Source: Shi et al. 2016 (arXiv 1609.05158), eq. 4.
public func pixelShuffle(_ x: Tensor, by r: Int, order: SubPixelOrder = .torch) -> Tensor {
    precondition(
        x.rank == 4 && x.shape[3] % (r * r) == 0,
        "pixelShuffle by \(r): shape \(x.shape) is not [N, H, W, C·\(r * r)]")
    let (n, h, w, c) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3] / (r * r))
    let split =
        switch order {
        case .torch: x.reshaped(n, h, w, c, r, r).transposed(0, 1, 4, 2, 5, 3)
        case .depthToSpace: x.reshaped(n, h, w, r, r, c).transposed(0, 1, 3, 2, 4, 5)
        }
    return split.reshaped(n, h * r, w * r, c)
}

/// Pixels rearranged as channels: the reverse of ``pixelShuffle(_:by:order:)``.
public func pixelUnshuffle(_ x: Tensor, by r: Int, order: SubPixelOrder = .torch) -> Tensor {
    precondition(
        x.rank == 4 && x.shape[1] % r == 0 && x.shape[2] % r == 0,
        "pixelUnshuffle by \(r): height and width of shape \(x.shape) are not multiples of \(r)")
    let (n, h, w, c) = (x.shape[0], x.shape[1] / r, x.shape[2] / r, x.shape[3])
    let split = x.reshaped(n, h, r, w, r, c)
    let joined =
        switch order {
        case .torch: split.transposed(0, 1, 3, 5, 2, 4)
        case .depthToSpace: split.transposed(0, 1, 3, 2, 4, 5)
        }
    return joined.reshaped(n, h, w, c * r * r)
}
