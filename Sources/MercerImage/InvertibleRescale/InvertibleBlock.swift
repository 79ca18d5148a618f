import Mercer
import MercerNN

/// An invertible block on channels in two halves (Xiao et al. 2020, IRN, eq. 2 and 3; an affine coupling with a
/// bounded scale):
///
/// y₁ = x₁ + F(x₂), s = clamp·(2σ(H(y₁)) − 1), y₂ = x₂·exp(s) + G(y₁);
/// and back x₂ = (y₂ − G(y₁))/exp(s), x₁ = y₁ − F(x₂).
public final class InvertibleBlock: Module {
    @ModuleInfo(key: "F") public private(set) var f: DenseSubnet
    @ModuleInfo(key: "G") public private(set) var g: DenseSubnet
    @ModuleInfo(key: "H") public private(set) var h: DenseSubnet
    /// The bound of |s|.
    public let clamp: Double

    /// - Parameters:
    ///   - split: channels of the two halves.
    ///   - context: channels that all three subnets read besides their half.
    public init(split: (Int, Int), growth: Int = 32, context: Int = 0, clamp: Double = 1) {
        self.clamp = clamp
        super.init()
        _f.wrappedValue = DenseSubnet(split.1, split.0, growth: growth, context: context)
        _g.wrappedValue = DenseSubnet(split.0, split.1, growth: growth, context: context)
        _h.wrappedValue = DenseSubnet(split.0, split.1, growth: growth, context: context)
    }

    /// The log-scale s that the second half is multiplied by.
    func scale(_ y1: Tensor, _ context: Tensor?) -> Tensor { bounded(h(y1, context: context), clamp) }

    /// The block with every activation kept for gradients; ``ReversibleBlocks`` computes the same in less memory.
    public func forward(_ x: Halves, context: Tensor? = nil) -> Halves {
        let y1: Tensor = x.first + f(x.second, context: context)
        let stretched: Tensor = x.second * exp(scale(y1, context))
        return Halves(y1, stretched + g(y1, context: context))
    }

    /// The reverse of ``forward(_:context:)``, with every activation kept.
    public func inverse(_ y: Halves, context: Tensor? = nil) -> Halves {
        let moved: Tensor = y.second - g(y.first, context: context)
        let x2: Tensor = moved * exp(-scale(y.first, context))
        return Halves(y.first - f(x2, context: context), x2)
    }
}

/// An image whose channels are in two groups.
public struct Halves: Sendable {
    /// For rescaling, what the small image is made of.
    public var first: Tensor
    public var second: Tensor

    public init(_ first: Tensor, _ second: Tensor) {
        self.first = first
        self.second = second
    }

    /// The first `channels` channels of an image and the others.
    public init(splitting x: Tensor, at channels: Int) {
        first = x[0..., 0..., 0..., 0..<channels]
        second = x[0..., 0..., 0..., channels...]
    }

    /// Both side by side.
    public var joined: Tensor { concatenated([first, second], axis: 3) }
}

/// clamp·(2σ(h) − 1).
private func bounded(_ h: Tensor, _ clamp: Double) -> Tensor { (sigmoid(h) * 2.0 - 1.0) * clamp }

/// A block's weights as values, and what its backward walk needs: each activation is worked out again from the
/// block's results.
struct BlockValues {
    let f: DenseConvolution.Weights
    let g: DenseConvolution.Weights
    let h: DenseConvolution.Weights
    let clamp: Double

    init(_ block: InvertibleBlock) {
        f = block.f.values
        g = block.g.values
        h = block.h.values
        clamp = block.clamp
    }

    private func run(
        _ weights: DenseConvolution.Weights, _ x: Tensor, _ context: Tensor?
    ) -> (y: Tensor, maps: Tensor) {
        DenseConvolution.forward([x] + (context.map { [$0] } ?? []), weights)
    }

    func forward(_ x: Halves, _ context: Tensor?) -> Halves {
        let y1: Tensor = x.first + run(f, x.second, context).y
        let stretched: Tensor = x.second * exp(bounded(run(h, y1, context).y, clamp))
        return Halves(y1, stretched + run(g, y1, context).y)
    }

    func inverse(_ y: Halves, _ context: Tensor?) -> Halves {
        let moved: Tensor = y.second - run(g, y.first, context).y
        let x2: Tensor = moved * exp(-bounded(run(h, y.first, context).y, clamp))
        return Halves(y.first - run(f, x2, context).y, x2)
    }

    /// One step of the backward walk: from a block's results and their gradients to its arguments and theirs.
    struct Step {
        var values: Halves
        var gradients: Halves
        /// Of F, G and H, each weights then biases; empty where not wanted.
        var parameters: [Tensor] = []
    }

    /// The step of ``forward(_:_:)``.
    func forwardStep(_ y: Step, _ context: Tensor?, wantsWeights: Bool) -> Step {
        let (y1, y2) = (y.values.first, y.values.second)
        var g1 = y.gradients.first
        let g2 = y.gradients.second
        // y₂ = x₂·exp(s) + G(y₁): with stretched = x₂·exp(s), ∂s = g₂·stretched.
        let (moved, gradientsG) = through(g, y1, context, g2, wantsWeights) { $0 }
        let stretched: Tensor = y2 - moved
        var half: Tensor = stretched
        let (_, gradientsH) = through(h, y1, context, nil, wantsWeights) { sums in
            half = sigmoid(sums)
            return g2 * stretched * slope(half)
        }
        let s: Tensor = (half * 2.0 - 1.0) * clamp
        let x2: Tensor = stretched * exp(-s)
        var gx2: Tensor = g2 * exp(s)
        g1 = g1 + gradientsG.input + gradientsH.input
        let (added, gradientsF) = through(f, x2, context, g1, wantsWeights) { $0 }
        gx2 = gx2 + gradientsF.input
        return Step(
            values: Halves(y1 - added, x2), gradients: Halves(g1, gx2),
            parameters: gradientsF.all + gradientsG.all + gradientsH.all)
    }

    /// The step of ``inverse(_:_:)``.
    func inverseStep(_ x: Step, _ context: Tensor?, wantsWeights: Bool) -> Step {
        let (x1, x2) = (x.values.first, x.values.second)
        // x₁ = y₁ − F(x₂)
        let (added, gradientsF) = through(f, x2, context, -x.gradients.first, wantsWeights) { $0 }
        let gx2: Tensor = x.gradients.second + gradientsF.input
        let y1: Tensor = x1 + added
        // x₂ = (y₂ − G(y₁))·exp(−s): ∂s = −gx₂·x₂, ∂y₂ = gx₂·exp(−s).
        var half: Tensor = x2
        let (_, gradientsH) = through(h, y1, context, nil, wantsWeights) { sums in
            half = sigmoid(sums)
            return -(gx2 * x2 * slope(half))
        }
        let s: Tensor = (half * 2.0 - 1.0) * clamp
        let gy2: Tensor = gx2 * exp(-s)
        let (moved, gradientsG) = through(g, y1, context, -gy2, wantsWeights) { $0 }
        let stretched: Tensor = x2 * exp(s)
        let gy1: Tensor = x.gradients.first + gradientsG.input + gradientsH.input
        return Step(
            values: Halves(y1, stretched + moved), gradients: Halves(gy1, gy2),
            parameters: gradientsF.all + gradientsG.all + gradientsH.all)
    }

    /// ds/dh = clamp·2σ(1 − σ).
    private func slope(_ half: Tensor) -> Tensor { half * (1.0 - half) * (2.0 * clamp) }

    private struct SubnetGradients {
        let input: Tensor
        let all: [Tensor]
    }

    /// A subnet's result, and its gradients for that of the result: `gradient`, or what `derived` makes of the result.
    private func through(
        _ weights: DenseConvolution.Weights, _ x: Tensor, _ context: Tensor?, _ gradient: Tensor?,
        _ wantsWeights: Bool, _ derived: (Tensor) -> Tensor
    ) -> (Tensor, SubnetGradients) {
        let (y, maps) = run(weights, x, context)
        let back = DenseConvolution.backward(
            maps: maps, gradient: gradient ?? derived(y), weights, wantsWeights: wantsWeights)
        let channels = x.shape[3]
        let input = back.input[0..., 0..., 0..., 0..<channels].contiguous()
        return (y, SubnetGradients(input: input, all: back.weights + back.biases))
    }
}
