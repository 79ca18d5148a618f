import Mercer

/// The methods without learning that λ-PNN is compared with.
public enum ClassicalPansharpening: String, Sendable, CaseIterable {
    /// Interpolation alone.
    case exp
    /// Each band times panchromatic / mean of the bands (Gillespie et al. 1987).
    case brovey
    /// Adaptive Gram-Schmidt (Aiazzi et al. 2007): intensity by regression on the coarse panchromatic picture.
    case gsa
    /// Detail of the panchromatic picture beyond the sensor's kernel, injected by regression (Aiazzi et al. 2006).
    case mtfGLP = "mtf-glp"

    /// The fused picture, `[1, H, W, bands]` on the scene's scale.
    ///
    /// - Throws: what a degenerate regression throws.
    public func callAsFunction(_ scene: PansharpeningScene, sensor: SatelliteSensor) throws -> Tensor {
        let (bands, pan) = (scene.enlarged.asType(.float64), scene.pan.asType(.float64))
        switch self {
        case .exp: return scene.enlarged
        case .brovey:
            let intensity = bands.mean(axes: [3], keepDims: true)
            let safe = which(abs(intensity) .< 1e-9, Tensor.full(intensity.shape, 1e-9, .float64), intensity)
            return (bands * (pan / safe)).asType(.float32)
        case .gsa:
            let count = scene.bands
            let coarse = Self.coarse(scene, sensor).reshaped([-1, 1])
            let rows = scene.ms.asType(.float64).reshaped([-1, count])
            let table = concatenated([rows, Tensor.ones([rows.dim(0), 1], .float64)], axis: 1)
            let weights = try LinearAlgebra.solve(matmul(table.T, table), matmul(table.T, coarse))
            let intensity: Tensor =
                (bands * weights[0..<count].reshaped([count])).sum(axes: [3], keepDims: true) + weights[count]
            return Self.injected(bands, detail: (pan - pan.mean()) - (intensity - intensity.mean()), like: intensity)
                .asType(.float32)
        case .mtfGLP:
            let low = Interpolation23.enlarged(Self.coarse(scene, sensor), ratio: scene.ratio)
            return Self.injected(bands, detail: pan - low, like: low).asType(.float32)
        }
    }

    /// The panchromatic picture at the coarse size, through the first band's kernel.
    private static func coarse(_ scene: PansharpeningScene, _ sensor: SatelliteSensor) -> Tensor {
        let one = SatelliteSensor(gains: [sensor.gains[0]])
        return Reprojection(one, ratio: scene.ratio)(scene.pan).asType(.float64)
    }

    /// Each band with detail times its covariance with a picture over that picture's variance.
    private static func injected(_ bands: Tensor, detail: Tensor, like x: Tensor) -> Tensor {
        let centred: Tensor = x - x.mean()
        let gains: Tensor = (bands * centred).mean(axes: [0, 1, 2]) / square(centred).mean()
        return bands + detail * gains
    }
}
