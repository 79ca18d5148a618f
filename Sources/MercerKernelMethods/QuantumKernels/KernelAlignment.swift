import Mercer

/// A scale and a rotation for each feature, x_k → s_k x_k + r_k, trained so that the kernel aligns with the labels:
/// ⟨K, T⟩/(‖K‖‖T‖) is as large as can be, where T is 1 for points of one class and −1 for others.
public struct KernelAlignment: Sendable {
    public let scales: [Double]
    public let rotations: [Double]
    /// The alignment before and after training.
    public let before: Double
    public let after: Double

    /// Trains by L-BFGS, with gradients through the states of the feature map.
    ///
    /// - Parameters:
    ///   - x: points that are encoded as they are, `[n, features]`.
    ///   - labels: class numbers.
    public init(_ map: some FeatureMap, _ x: Tensor, labels: [Int], iterations: Int = 50) {
        precondition(x.shape[0] == labels.count, "KernelAlignment: \(x.shape[0]) points, \(labels.count) labels")
        let n = labels.count
        let target = Tensor([n, n], of: Double.self) { target in
            for i in 0..<n { for j in 0..<n { target[i * n + j] = labels[i] == labels[j] ? 1 : -1 } }
        }
        let points = x.asType(.float64)
        let start = [Tensor.ones([map.features], .float64), Tensor.zeros([map.features], .float64)]
        let result = LBFGS(maxIterations: iterations, gradientTolerance: 1e-6, valueTolerance: 1e-8)
            .minimize(from: start) { parameters in
                -Self.alignment(map, points * parameters[0] + parameters[1], target)
            }
        before = Self.alignment(map, points, target).doubleValue
        after = -result.value
        scales = result.point[0].toArray(Double.self)
        rotations = result.point[1].toArray(Double.self)
    }

    /// Points as the trained map takes them.
    public func apply(_ x: Tensor) -> Tensor { x * Tensor(scales) + Tensor(rotations) }

    private static func alignment(_ map: some FeatureMap, _ x: Tensor, _ target: Tensor) -> Tensor {
        let (re, im) = map.amplitudes(x)
        let real: Tensor = matmul(re, re.transposed()) + matmul(im, im.transposed())
        let imaginary: Tensor = matmul(re, im.transposed()) - matmul(im, re.transposed())
        let kernel: Tensor = real * real + imaginary * imaginary
        let n = Double(x.shape[0])
        return (kernel * target).sum() / (sqrt((kernel * kernel).sum()) * n)
    }
}
