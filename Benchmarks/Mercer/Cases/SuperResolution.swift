import Mercer
import MercerImage
import MercerNN

extension BenchmarkCase {
    /// ESPCN ×3 to 1080p beside the same network in PyTorch, one of its training steps, ADK-Net's operator beside
    /// unfolding, multiplying and adding up, and its small network on a picture of three megapixels.
    static let superResolution: [BenchmarkCase] = [
        BenchmarkCase(
            "espcn/1080p", ["height": 360, "width": 640, "scale": 3], work: Work(operations: 2 * 5.21e9),
            peers: [Peer("torch", goal: 1.67)]
        ) { size in
            let net = ESPCN(scale: size["scale"]!)
            net.initialize(RandomKey(1))
            let enlarger = net.fast
            let x = Random.uniform(0..<1, [size["height"]!, size["width"]!, 1], key: RandomKey(1))
            return { discard(enlarger(x)) }
        },
        BenchmarkCase(
            "espcn/2160p", ["height": 720, "width": 1280, "scale": 3], work: Work(operations: 8 * 5.21e9),
            peers: [Peer("torch", goal: 2)]
        ) { size in
            let net = ESPCN(scale: size["scale"]!)
            net.initialize(RandomKey(1))
            let enlarger = net.fast
            let x = Random.uniform(0..<1, [size["height"]!, size["width"]!, 1], key: RandomKey(1))
            return { discard(enlarger(x)) }
        },
        BenchmarkCase(
            "espcn-step/17", ["batch": 32, "side": 17, "scale": 3], peers: [Peer("torch", goal: 1.3)]
        ) { size in
            let net = ESPCN(scale: size["scale"]!)
            net.initialize(RandomKey(1))
            let (n, side, scale) = (size["batch"]!, size["side"]!, size["scale"]!)
            let x = Random.uniform(0..<1, [n, side, side, 1], key: RandomKey(1))
            let target = Random.uniform(0..<1, [n, side * scale, side * scale, 1], key: RandomKey(2))
            return { discard(valueAndGrad(net) { mseLoss($0(x), target) }.1.values[0]) }
        },
        BenchmarkCase(
            "adaptive/12mp", ["height": 3000, "width": 4000, "scale": 2, "kernel": 8],
            work: Work(bytes: 4 * (576e6 + 45e6)), peers: [Peer("torch", goal: 4)]
        ) { size in
            let (h, w, s, k) = (size["height"]!, size["width"]!, size["scale"]!, size["kernel"]!)
            let x = Random.uniform(0..<1, [1, h, w, 3], key: RandomKey(1))
            let kernels = Random.uniform(0..<1, [1, h / s, w / s, 3, k * k], key: RandomKey(2))
            return { discard(AdaptiveResample.apply(x, kernels: kernels, scale: s)) }
        },
        BenchmarkCase(
            "adk/1536", ["height": 1536, "width": 2048, "scale": 2, "kernel": 8], peers: [Peer("torch", goal: 1.43)]
        ) { size in
            let net = ADKNet(scale: size["scale"]!, kernel: size["kernel"]!)
            net.initialize(RandomKey(1))
            let resizer = ADKResizer(net)
            let (h, w) = (size["height"]!, size["width"]!)
            let x = Random.randInt(0..<256, [h, w, 3], key: RandomKey(1)).asType(.uint8)
            let method = PictureResizer(.network(resizer))
            return { discard(try! method.pixels(x, to: (h / 2, w / 2))) }
        },
        BenchmarkCase(
            "adk-step/64", ["batch": 16, "side": 64, "scale": 2, "kernel": 8], peers: [Peer("torch", goal: 1.3)]
        ) { size in
            let net = ADKNet(scale: size["scale"]!, kernel: size["kernel"]!)
            net.initialize(RandomKey(1))
            let (n, side) = (size["batch"]!, size["side"]!)
            let x = Random.uniform(0..<1, [n, side, side, 3], key: RandomKey(1))
            let target = Random.uniform(0..<1, [n, side / 2, side / 2, 3], key: RandomKey(2))
            return { discard(valueAndGrad(net) { l1Loss($0(x), target) }.1.values[0]) }
        },
    ]
}
