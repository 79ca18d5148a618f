import Mercer
import MercerImage

extension BenchmarkCase {
    /// An RGB photograph's worth of bytes, 3840×2160 to 1280×720: Pillow's filters byte for byte, beside Pillow, OpenCV
    /// and PyTorch; and to 960×540 MULLER with the published weights, beside Pillow's bicubic filter and the same layer
    /// in PyTorch.
    static let resizing: [BenchmarkCase] =
        [
            resize(.box, [Peer("pillow", goal: 4), Peer("opencv", goal: 1)]),
            resize(.bilinear, [Peer("pillow", goal: 4), Peer("torch", goal: 1)]),
            resize(.bicubic, [Peer("pillow", goal: 4), Peer("torch", goal: 1)]),
            resize(.lanczos3, [Peer("pillow", goal: 4)]),
            BenchmarkCase(
                "muller/2160p-540p", size(540, 960), work: Work(bytes: Double(3 * 3840 * 2160)),
                peers: [Peer("pillow", goal: 1), Peer("torch", goal: 20)]
            ) { size in
                let x = photograph(size)
                let resizer = PictureResizer(
                    .muller(try MullerSettings(border: .reflect), .resnet50, reduces: false))
                let target = (height: size["toHeight"]!, width: size["toWidth"]!)
                return { discard(try! resizer.pixels(x, to: target)) }
            },
        ]

    private static func size(_ height: Int, _ width: Int) -> [String: Int] {
        ["height": 2160, "width": 3840, "toHeight": height, "toWidth": width]
    }

    private static func photograph(_ size: [String: Int]) -> Tensor {
        BenchmarkInput.bytes([size["height"]!, size["width"]!, 3], seed: 1)
    }

    private static func resize(_ method: ResampleMethod, _ peers: [Peer]) -> BenchmarkCase {
        BenchmarkCase(
            "resize-\(method.rawValue)/2160p-720p", size(720, 1280),
            work: Work(bytes: Double(3 * 3840 * 2160), written: Double(3 * 1280 * 720)), peers: peers,
            compute: { size in
                let x = photograph(size)
                let target = (height: size["toHeight"]!, width: size["toWidth"]!)
                return { [Resample.resize(x, to: target, .pillow(method))] }
            })
    }
}
