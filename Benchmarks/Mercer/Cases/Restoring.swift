import Mercer
import MercerImage

extension BenchmarkCase {
    /// An iteration of DRP (both networks, circular blur, all gradients, Adam) and a step of λ-PNN's training beside the
    /// same in PyTorch; the local correlation with its gradient; the circular blur beside pocketfft.
    static let restoring: [BenchmarkCase] = [
        deblurring("deblur-step-small/128", 128, .small), deblurring("deblur-step-paper/255", 255, .paper),
        BenchmarkCase("pansharpen-step/128", ["side": 128, "bands": 4], peers: [Peer("torch", goal: 1.4)]) { size in
            let (side, bands) = (size["side"]!, size["bands"]!)
            let scene = try PansharpeningScene(
                ms: Random.uniform(0..<1, [side / 4, side / 4, bands], key: RandomKey(1)) * 1000.0,
                pan: Random.uniform(0..<1, [side, side], key: RandomKey(2)) * 1000.0)
            let net = LambdaPNN(bands: bands)
            net.initialize(RandomKey(3))
            var options = Pansharpening.Options(.geoEye1)
            options.epochs = 1
            options.objective.beta = 0
            return { Pansharpening.adapt(net, scene, sensor: .geoEye1, options: options) { _ in } }
        },
        BenchmarkCase(
            "local-correlation/512x512x4", ["side": 512, "bands": 4], peers: [Peer("torch", goal: 2)]
        ) { size in
            let (side, bands) = (size["side"]!, size["bands"]!)
            let y = Random.uniform(0..<1, [1, side, side, bands], key: RandomKey(1))
            let x = Random.uniform(0..<1, [1, side, side, 1], key: RandomKey(2))
            return { discard(grad { (y: Tensor) in LocalCorrelation.map(y, x, halfWidth: 2).mean() }(y)) }
        },
        BenchmarkCase("real-fft2/256", ["side": 256], peers: [Peer("scipy", goal: 0.83)]) { size in
            let x = Random.normal([size["side"]!, size["side"]!], key: RandomKey(1))
            return { discard(rfft2(x)) }
        },
    ]

    private static func deblurring(
        _ name: String, _ side: Int, _ size: ResidualPriorConfiguration.Size
    ) -> BenchmarkCase {
        let isPaper = size == .paper ? 1 : 0
        return BenchmarkCase(name, ["side": side, "paper": isPaper], peers: [Peer("torch", goal: 1.4)]) { sizes in
            let side = sizes["side"]!
            let prior = try DeepResidualPrior(
                blurred: Random.uniform(0..<1, [1, side, side, 1], key: RandomKey(1)), kernel: .disk(radius: 3),
                configuration: ResidualPriorConfiguration(sizes["paper"] == 1 ? .paper : .small))
            return { _ = prior.step() }
        }
    }
}
