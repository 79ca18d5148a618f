import Foundation
import Mercer

/// A random rectangle replaced, with probability `p` (Zhong et al. 2020, arXiv:1708.04896).
public struct RandomErasing: Augmentation {
    /// What comes in its place.
    public enum Filling: Sendable {
        case constant(Float)
        /// Standard normal, each element its own.
        case noise
    }

    public let p: Double
    /// Of the picture's area.
    public let scale: ClosedRange<Double>
    /// Height over width; drawn on a logarithmic scale.
    public let ratio: ClosedRange<Double>
    public let filling: Filling

    public init(
        _ p: Double = 0.25, scale: ClosedRange<Double> = 0.02...0.33, ratio: ClosedRange<Double> = 0.3...3.3,
        filling: Filling = .constant(0)
    ) {
        self.p = p
        self.scale = scale
        self.ratio = ratio
        self.filling = filling
    }

    public func callAsFunction(_ image: Tensor, key: RandomKey) -> Tensor {
        var stream = RandomStream(key)
        guard stream.uniform() < p else { return image }
        let (height, width) = (image.shape[0], image.shape[1])
        for _ in 0..<10 {
            let area = Double(height * width) * stream.uniform(scale)
            let proportion = exp(stream.uniform(log(ratio.lowerBound)...log(ratio.upperBound)))
            let h = Int((area * proportion).squareRoot().rounded())
            let w = Int((area / proportion).squareRoot().rounded())
            guard h > 0 && h < height && w > 0 && w < width else { continue }
            let (top, left) = (stream.integer(0...(height - h)), stream.integer(0...(width - w)))
            let size = [h, w, image.shape[2]]
            var result = image
            result[top..<(top + h), left..<(left + w)] =
                switch filling {
                case .constant(let value): Tensor.full(size, Double(value))
                case .noise: Random.normal(size, key: key.fold(in: "noise"))
                }
            return result
        }
        return image
    }
}
