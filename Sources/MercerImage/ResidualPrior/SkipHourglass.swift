import Mercer
import MercerNN

/// The hourglass of "Deep Image Prior" (Ulyanov et al. 2018) as DRP uses it twice (Tang et al. 2023, section 4): at
/// each scale a short path past the deeper scales, mirrored borders, batch statistics always.
///
/// Parameter keys are those of the official checkpoints (`1.0.1.1.weight`, …): `Sequential` numbers from 1, and in
/// `Concat` 0 is the skip path and 1 the deep one.
public final class SkipHourglass: Module, UnaryLayer {
    /// The last layer's function.
    public enum Output: Hashable, Sendable, Codable {
        /// Slope 0.2 below 0: what the official option `need_sigmoid` adds, in spite of its name.
        case leakyReLU
        /// Exact zeros up to a threshold: the residual is zero away from edges.
        case softshrink(Double)
        /// The last convolution's numbers.
        case linear
    }

    /// Channels at each scale, from the full size down.
    public struct Configuration: Hashable, Sendable, Codable {
        public var down: [Int]
        public var up: [Int]
        public var skip: [Int]
        public var inputs = 1
        public var outputs = 1
        public var output: Output

        public init(down: [Int], up: [Int]? = nil, skip: [Int], output: Output) {
            self.down = down
            self.up = up ?? down
            self.skip = skip
            self.output = output
        }

        /// The paper's image network: five scales of 128 channels, 2,257,313 parameters.
        public static let imagePaper = Configuration(
            down: [128, 128, 128, 128, 128], skip: [16, 16, 16, 16, 16], output: .leakyReLU)
        /// The official main script's residual network, 269,033 parameters.
        public static let residualPaper = Configuration(
            down: [16, 16, 32, 64, 64], skip: [4, 4, 4, 4, 4], output: .softshrink(0.005))
        /// The residual networks of the published checkpoints.
        public static let residualCheckpoint128 = Configuration(
            down: [8, 16, 32, 64, 128], skip: [4, 4, 4, 4, 4], output: .softshrink(0.005))
        public static let residualCheckpoint64 = Configuration(
            down: [8, 16, 32, 64, 64], skip: [4, 4, 4, 4, 4], output: .softshrink(0.005))
        /// Networks of four scales that finish within a minute.
        public static let imageSmall = Configuration(
            down: [20, 20, 20, 20], skip: [4, 4, 4, 4], output: .leakyReLU)
        public static let residualSmall = Configuration(
            down: [8, 8, 16, 16], skip: [4, 4, 4, 4], output: .softshrink(0.005))

        /// The channels of a network whose parameters are given under official keys, in PyTorch's layout; nil where
        /// they are no hourglass.
        public init?(parameters: [String: Tensor], output: Output) {
            self.init(down: [], skip: [], output: output)
            var place = ""
            while let reduce = parameters[place + "1.1.1.1.weight"], let past = parameters[place + "1.0.1.1.weight"],
                let mix = parameters[place + "6.1.weight"]
            {
                down.append(reduce.dim(0))
                skip.append(past.dim(0))
                up.append(mix.dim(0))
                place += "1.1.7."
            }
            guard let first = parameters["1.1.1.1.weight"], let last = parameters["9.1.weight"], first.rank == 4,
                last.rank == 4
            else { return nil }
            inputs = first.dim(1)
            outputs = last.dim(0)
        }

        /// Another last function.
        public func with(_ output: Output) -> Configuration {
            var copy = self
            copy.output = output
            return copy
        }
    }

    public let configuration: Configuration
    @ModuleInfo(key: "") var scales: HourglassScale
    @ModuleInfo(key: "9.1") var last: Conv2d

    /// - Precondition: as many channels down, up and past as there are scales, none of them 0.
    public init(_ configuration: Configuration) {
        let (down, up, skip) = (configuration.down, configuration.up, configuration.skip)
        precondition(
            !down.isEmpty && up.count == down.count && skip.count == down.count
                && (down + up + skip).allSatisfy { $0 > 0 },
            "SkipHourglass: channels down \(down), up \(up), skip \(skip)")
        self.configuration = configuration
        _scales = ModuleInfo(wrappedValue: HourglassScale(configuration, 0, configuration.inputs), key: "")
        _last = ModuleInfo(wrappedValue: Conv2d(up[0], configuration.outputs, kernelSize: 1), key: "9.1")
    }

    /// - Parameter x: `[N, H, W, inputs]`, any size from 2^scales up.
    /// - Returns: `[N, H, W, outputs]`.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        let y = last(scales(x))
        switch configuration.output {
        case .leakyReLU: return leakyRelu(y, negativeSlope: 0.2)
        case .softshrink(let threshold): return softShrink(y, threshold)
        case .linear: return y
        }
    }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        let output = last.trace(scales.trace(shape, &cost), &cost)
        cost.record(self, output: output)
        return output
    }
}

/// One scale of the hourglass and all deeper ones.
final class HourglassScale: Module, UnaryLayer {
    @ModuleInfo(key: "1.0.1.1") var skip: Conv2d
    @ModuleInfo(key: "1.0.2") var skipNorm: BatchNorm
    @ModuleInfo(key: "1.1.1.1") var reduce: Conv2d
    @ModuleInfo(key: "1.1.2") var reduceNorm: BatchNorm
    @ModuleInfo(key: "1.1.4.1") var deepen: Conv2d
    @ModuleInfo(key: "1.1.5") var deepenNorm: BatchNorm
    @ModuleInfo(key: "1.1.7") var deeper: HourglassScale?
    @ModuleInfo(key: "2") var joinNorm: BatchNorm
    @ModuleInfo(key: "3.1") var merge: Conv2d
    @ModuleInfo(key: "4") var mergeNorm: BatchNorm
    @ModuleInfo(key: "6.1") var mix: Conv2d
    @ModuleInfo(key: "7") var mixNorm: BatchNorm

    init(_ c: SkipHourglass.Configuration, _ scale: Int, _ inputs: Int) {
        let (down, up, skip) = (c.down[scale], c.up[scale], c.skip[scale])
        let isLast = scale == c.down.count - 1
        let below = isLast ? down : c.up[scale + 1]
        func norm(_ channels: Int) -> BatchNorm { BatchNorm(channels, tracksStatistics: false) }
        _skip = ModuleInfo(wrappedValue: Conv2d(inputs, skip, kernelSize: 1), key: "1.0.1.1")
        _skipNorm = ModuleInfo(wrappedValue: norm(skip), key: "1.0.2")
        _reduce = ModuleInfo(wrappedValue: Conv2d(inputs, down, kernelSize: 3, stride: 2), key: "1.1.1.1")
        _reduceNorm = ModuleInfo(wrappedValue: norm(down), key: "1.1.2")
        _deepen = ModuleInfo(wrappedValue: Conv2d(down, down, kernelSize: 3), key: "1.1.4.1")
        _deepenNorm = ModuleInfo(wrappedValue: norm(down), key: "1.1.5")
        _deeper = ModuleInfo(wrappedValue: isLast ? nil : HourglassScale(c, scale + 1, down), key: "1.1.7")
        _joinNorm = ModuleInfo(wrappedValue: norm(skip + below), key: "2")
        _merge = ModuleInfo(wrappedValue: Conv2d(skip + below, up, kernelSize: 3), key: "3.1")
        _mergeNorm = ModuleInfo(wrappedValue: norm(up), key: "4")
        _mix = ModuleInfo(wrappedValue: Conv2d(up, up, kernelSize: 1), key: "6.1")
        _mixNorm = ModuleInfo(wrappedValue: norm(up), key: "7")
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let past = activated(skipNorm(skip(x)))
        var deep = activated(reduceNorm(reduce(mirrored(x))))
        deep = activated(deepenNorm(deepen(mirrored(deep))))
        if let deeper { deep = deeper(deep) }
        deep = interpolate(
            deep, size: [2 * deep.shape[1], 2 * deep.shape[2]], mode: .bilinear, alignCorners: true)
        let size = [min(past.shape[1], deep.shape[1]), min(past.shape[2], deep.shape[2])]
        var y = concatenated([centre(past, size), centre(deep, size)], axis: 3)
        y = activated(mergeNorm(merge(mirrored(joinNorm(y)))))
        return activated(mixNorm(mix(y)))
    }

    private func activated(_ x: Tensor) -> Tensor { leakyRelu(x, negativeSlope: 0.2) }

    private func mirrored(_ x: Tensor) -> Tensor { padded(x, [(0, 0), (1, 1), (1, 1), (0, 0)], mode: .reflect) }

    /// The middle of a picture, from ⌊(n − size) / 2⌋.
    private func centre(_ x: Tensor, _ size: [Int]) -> Tensor {
        let (top, left) = ((x.shape[1] - size[0]) / 2, (x.shape[2] - size[1]) / 2)
        if x.shape[1] == size[0] && x.shape[2] == size[1] { return x }
        return x[0..., top..<(top + size[0]), left..<(left + size[1]), 0...]
    }

    func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        func padded(_ shape: [Int]) -> [Int] { [shape[0], shape[1] + 2, shape[2] + 2, shape[3]] }
        let past = skipNorm.trace(skip.trace(shape, &cost), &cost)
        var deep = reduceNorm.trace(reduce.trace(padded(shape), &cost), &cost)
        deep = deepenNorm.trace(deepen.trace(padded(deep), &cost), &cost)
        if let deeper { deep = deeper.trace(deep, &cost) }
        var joined = past
        joined[1] = min(past[1], 2 * deep[1])
        joined[2] = min(past[2], 2 * deep[2])
        joined[3] = past[3] + deep[3]
        let merged = mergeNorm.trace(merge.trace(padded(joinNorm.trace(joined, &cost)), &cost), &cost)
        return mixNorm.trace(mix.trace(merged, &cost), &cost)
    }
}

/// x drawn towards 0 by a threshold: max(x − t, 0) + min(x + t, 0).
public func softShrink(_ x: Tensor, _ threshold: Double) -> Tensor {
    x - clip(x, min: -threshold, max: threshold)
}
