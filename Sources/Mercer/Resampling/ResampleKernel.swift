import Foundation

/// A filter of one variable that is 0 beyond its support; its argument counts in pixels (of the output, where the
/// filter grows with the reduction).
struct ResampleKernel: Sendable {
    let support: Double
    let value: @Sendable (Double) -> Double

    /// The triangle: linear interpolation.
    static let triangle = ResampleKernel(support: 1) { max(0, 1 - abs($0)) }

    /// 1 on (-½, ½].
    static let box = ResampleKernel(support: 0.5) { $0 > -0.5 && $0 <= 0.5 ? 1 : 0 }

    /// sinc(t) (0.54 + 0.46 cos πt).
    static let hamming = ResampleKernel(support: 1) { t in
        let t = abs(t)
        if t == 0 { return 1 }
        if t >= 1 { return 0 }
        let x = t * Double.pi
        return sin(x) / x * (0.54 + 0.46 * cos(x))
    }

    /// Keys 1981: cubic convolution with the slope a at 1.
    static func cubic(_ a: Double) -> ResampleKernel {
        ResampleKernel(support: 2) { t in
            let t = abs(t)
            if t < 1 { return ((a + 2) * t - (a + 3)) * t * t + 1 }
            if t < 2 { return (((t - 5) * t + 8) * t - 4) * a }
            return 0
        }
    }

    /// Mitchell and Netravali 1988 with B = C = 1/3.
    static let mitchell = ResampleKernel(support: 2) { t in
        let t = abs(t)
        if t < 1 { return ((7.0 / 6 * t - 2) * t) * t + 8.0 / 9 }
        if t < 2 { return ((-7.0 / 18 * t + 2) * t - 10.0 / 3) * t + 16.0 / 9 }
        return 0
    }

    /// sinc(t) sinc(t / n).
    static func lanczos(_ n: Double) -> ResampleKernel {
        ResampleKernel(support: n) { t in
            if t < -n || t >= n { return 0 }
            return sinc(t) * sinc(t / n)
        }
    }

    /// TensorFlow's Gaussian: radius 1.5, σ a third of it.
    static let gaussian = ResampleKernel(support: 1.5) { t in
        abs(t) >= 1.5 ? 0 : exp(-t * t / (2 * 0.5 * 0.5))
    }

    private static func sinc(_ t: Double) -> Double {
        if t == 0 { return 1 }
        let x = t * Double.pi
        return sin(x) / x
    }
}

extension ResampleRule {
    /// The filter behind the method.
    var kernel: ResampleKernel {
        switch method {
        case .nearest, .nearestExact, .box, .area: .box
        case .bilinear: .triangle
        case .hamming: .hamming
        // PyTorch's table is steeper than everyone's, but its antialiased one isn't.
        case .bicubic: .cubic(convention == .torch && !antialias ? -0.75 : -0.5)
        case .mitchell: .mitchell
        case .gaussian: .gaussian
        case .lanczos3: .lanczos(3)
        case .lanczos5: .lanczos(5)
        }
    }
}
