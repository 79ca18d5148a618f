import Mercer
import MercerImage
import MercerNN

extension BenchmarkCase {
    /// Invertible rescaling beside the same modules in PyTorch: the published ×2 network making a small picture, a
    /// training step of the small network of the claims (both directions and all gradients, by inversion here, with
    /// stored activations there), and IARN's invertible net.
    static let rescaling: [BenchmarkCase] = [
        BenchmarkCase(
            "irn-forward/144", ["side": 144, "blocks": 8, "growth": 32],
            work: Work(operations: 2 * 8.6e9), peers: [Peer("torch", goal: 1.67)]
        ) { size in
            let network = rescaler(size)
            let x = Random.uniform(0..<1, [1, size["side"]!, size["side"]!, 3], key: RandomKey(1))
            return { discard(network.forward(x).first) }
        },
        BenchmarkCase(
            "irn-step/48", ["side": 48, "batch": 8, "blocks": 3, "growth": 8], peers: [Peer("torch", goal: 1.43)],
            prepare: step),
        BenchmarkCase(
            "irn-step/144", ["side": 144, "batch": 1, "blocks": 8, "growth": 32], peers: [Peer("torch", goal: 1.43)],
            prepare: step),
        BenchmarkCase(
            "iarn-forward/144", ["side": 144, "blocks": 16, "growth": 32], peers: [Peer("torch", goal: 1.67)]
        ) { size in
            let network = ArbitraryRescaler(.init(blocks: size["blocks"]!, growth: size["growth"]!))
            network.initialize(RandomKey(1))
            let side = size["side"]!
            let x = Random.uniform(0..<1, [1, side, side, 3], key: RandomKey(1))
            let sizes = ArbitraryRescaler.Sizes((side, side), to: (side * 3 / 5, side * 2 / 5))
            let context = network.context(sizes)
            let halves = network.split(x, sizes)
            return { discard(network.transform(halves, context).first) }
        },
    ]

    /// A training step: both ways and all gradients.
    @Sendable private static func step(_ size: [String: Int]) -> () -> Void {
        let network = rescaler(size)
        let x = Random.uniform(0..<1, [size["batch"]!, size["side"]!, size["side"]!, 3], key: RandomKey(1))
        let reference = Resample.imresize(x, by: 0.5)
        return {
            discard(
                valueAndGrad(network) {
                    RescaleLosses($0, x, reference: reference).total(guideWeight: 4)
                }.1.values[0])
        }
    }

    @Sendable private static func rescaler(_ size: [String: Int]) -> InvertibleRescaler {
        let network = InvertibleRescaler(scale: 2, blocks: [size["blocks"]!], growth: size["growth"]!)
        network.initialize(RandomKey(1))
        return network
    }
}
