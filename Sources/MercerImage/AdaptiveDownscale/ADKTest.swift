import Mercer

/// How close reductions come to the small pictures of pairs: RGB, 4 pixels cropped.
public struct ADKTest: Sendable {
    public let pairs: [PicturePair]
    public let scale: Int
    /// Small pixels on each side that don't count.
    static let border = 4

    public init(_ pairs: [PicturePair], scale: Int) {
        precondition(!pairs.isEmpty, "ADKTest: no pairs")
        self.pairs = pairs
        self.scale = scale
    }

    /// What a method reaches, means over the pairs.
    public struct Score: Sendable {
        /// dB, of each pair.
        public let values: [Double]
        public let ssim: Double
        /// The mean absolute difference in levels.
        public let difference: Double

        public var psnr: Double { values.reduce(0, +) / Double(values.count) }
    }

    /// - Parameter reduce: from `[H, W, 3]` to `[H/s, W/s, 3]`, uint8.
    public func score(_ reduce: (Tensor) -> Tensor) -> Score {
        var values: [Double] = []
        var (ssim, difference) = (0.0, 0.0)
        for pair in pairs {
            let made = reduce(pair.large)
            values.append(ImageMetrics.psnr(made, pair.small, border: Self.border))
            ssim += ImageMetrics.ssim(made, pair.small, border: Self.border)
            let (h, w) = (made.shape[0], made.shape[1])
            let inner: Tensor = (made.asType(.float32) - pair.small.asType(.float32))[
                Self.border..<(h - Self.border), Self.border..<(w - Self.border), 0...]
            difference += inner.abs().mean().doubleValue
        }
        let count = Double(pairs.count)
        return Score(values: values, ssim: ssim / count, difference: difference / count)
    }

    /// The score of a network.
    public func score(_ net: ADKNet) -> Score {
        score { CameraPairs.bytes(net(Self.numbers($0))[0]) }
    }

    /// The score of fixed kernels `[3, k²]`.
    public func score(fixed kernels: Tensor) -> Score {
        score { CameraPairs.bytes(FixedKernels.apply(Self.numbers($0), kernels, scale: scale)[0]) }
    }

    /// The score of a classic filter; Pillow's bytes.
    public func score(_ method: ResampleMethod) -> Score {
        score { x in
            method == .box
                ? Photograph.reduced(x, by: scale)
                : Resample.resize(x, to: (x.shape[0] / scale, x.shape[1] / scale), method, convention: .pillow)
        }
    }

    static func numbers(_ bytes: Tensor) -> Tensor {
        (bytes.asType(.float32) / 255.0).expandedDimensions(axis: 0)
    }

    /// The standard deviation of kernels over the pixels of the pictures, the mean over taps and colours: that a
    /// network adapts at all.
    public func kernelSpread(_ net: ADKNet) -> Double {
        let spreads = pairs.map { pair -> Double in
            let kernels = net.kernels(Self.numbers(pair.large))[0]
            let size = kernels.shape[0] * kernels.shape[1]
            let flat = kernels.reshaped(size, kernels.shape[2] * kernels.shape[3])
            let centred: Tensor = flat - flat.mean(axes: [0], keepDims: true)
            return (centred * centred).mean(axes: [0]).sqrt().mean().doubleValue
        }
        return spreads.reduce(0, +) / Double(spreads.count)
    }
}
