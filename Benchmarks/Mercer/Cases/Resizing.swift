import Mercer
import MercerImage

extension BenchmarkCase {
    /// An RGB photograph's worth of bytes, 3840×2160 to 960×540: Pillow's filters byte for byte, and MULLER with the
    /// published weights beside Pillow's bicubic filter and the same layer in PyTorch.
    static let resizing: [BenchmarkCase] =
        [
            resize(.bilinear, goal: 0.3), resize(.bicubic, goal: 0.3), resize(.lanczos3, goal: 0.3),
            BenchmarkCase(
                "muller/2160p", size, work: Work(bytes: Double(3 * 3840 * 2160)),
                peers: [Peer("pillow", goal: 1.0), Peer("torch", goal: 0.05)]
            ) { size in
                let x = photograph(size)
                let resizer = PictureResizer(
                    .muller(try MullerSettings(border: .reflect), .resnet50, reduces: false))
                let target = (height: size["toHeight"]!, width: size["toWidth"]!)
                return { discard(try! resizer.pixels(x, to: target)) }
            },
        ]

    private static let size = ["height": 2160, "width": 3840, "toHeight": 540, "toWidth": 960]

    private static func photograph(_ size: [String: Int]) -> Tensor {
        // Waves and noise; what the numbers are doesn't matter to the time.
        let noise = Random.uniform(0..<1, [size["height"]!, size["width"]!, 3], key: RandomKey(1))
        return (noise * 255.0).asType(.uint8)
    }

    private static func resize(_ method: ResampleMethod, goal: Double) -> BenchmarkCase {
        BenchmarkCase(
            "resize-\(method.rawValue)/2160p", size, work: Work(bytes: Double(3 * 3840 * 2160)),
            peers: [Peer("pillow", goal: goal)]
        ) { size in
            let x = photograph(size)
            let target = (height: size["toHeight"]!, width: size["toWidth"]!)
            return { discard(Resample.resize(x, to: target, .pillow(method))) }
        }
    }
}
