import Mercer

extension ParameterLayout {
    /// A tensor in Mercer's layout as PyTorch has it.
    func torch(_ tensor: Tensor) -> Tensor {
        switch self {
        case .plain: return tensor
        case .convolution: return tensor.movedAxis(-1, to: 1).contiguous()
        case .transposedConvolution(let groups):
            // [g·o, k…, i] → [g, o, k…, i] → [g, i, o, k…] → [g·i, o, k…]
            let (spatial, inputs) = (Array(tensor.shape.dropFirst().dropLast()), tensor.shape.last!)
            let outputs = tensor.shape[0] / groups
            return tensor.reshaped([groups, outputs] + spatial + [inputs]).movedAxis(-1, to: 1).contiguous()
                .reshaped([groups * inputs, outputs] + spatial)
        }
    }

    /// A tensor in PyTorch's layout as Mercer has it.
    func mercer(_ tensor: Tensor) -> Tensor {
        switch self {
        case .plain: return tensor
        case .convolution: return tensor.movedAxis(1, to: -1).contiguous()
        case .transposedConvolution(let groups):
            let (spatial, outputs) = (Array(tensor.shape.dropFirst(2)), tensor.shape[1])
            let inputs = tensor.shape[0] / groups
            return tensor.reshaped([groups, inputs, outputs] + spatial).movedAxis(1, to: -1).contiguous()
                .reshaped([groups * outputs] + spatial + [inputs])
        }
    }

    /// The shape in PyTorch's layout of a tensor that has `shape` in Mercer's.
    func torchShape(_ shape: [Int]) -> [Int] {
        let spatial = Array(shape.dropFirst().dropLast())
        return switch self {
        case .plain: shape
        case .convolution: [shape[0], shape.last!] + spatial
        case .transposedConvolution(let groups): [shape.last! * groups, shape[0] / groups] + spatial
        }
    }
}
