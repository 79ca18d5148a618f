import Foundation
import Mercer

/// The fused picture seen again through the multispectral sensor, D(y): each band through its own kernel with repeated
/// borders, moved by the bands' shift, every R-th pixel from R/2 on.
public struct Reprojection: Sendable {
    public let ratio: Int
    /// `[bands, side, side, 1]`, float32.
    private let weights: Tensor

    private var reach: Int { weights.dim(1) / 2 }

    /// - Parameters:
    ///   - shifts: rows and columns in half pixels for each band, by which the bands lie off the panchromatic one.
    public init(_ sensor: SatelliteSensor, ratio: Int, shifts: [(rows: Int, columns: Int)]? = nil) {
        self.ratio = ratio
        let kernels = sensor.kernels(ratio: ratio)
        let moved = (0..<kernels.dim(0)).map { band -> Tensor in
            guard let shifts, shifts.contains(where: { $0 != (0, 0) }) else { return kernels[band] }
            return HalfPixelShift.moved(kernels[band], rows: shifts[band].rows, columns: shifts[band].columns)
        }
        weights = stacked(moved).asType(.float32).expandedDimensions(axis: 3).contiguous()
    }

    /// - Parameter y: `[N, H, W, bands]`, sides multiples of the ratio.
    /// - Returns: `[N, H / ratio, W / ratio, bands]`.
    public func callAsFunction(_ y: Tensor) -> Tensor {
        precondition(
            y.rank == 4 && y.dim(3) == weights.dim(0) && y.dim(1) % ratio == 0 && y.dim(2) % ratio == 0,
            "Reprojection: a tensor of shape \(y.shape) for \(weights.dim(0)) bands and ratio \(ratio)")
        // Only the pixels that stay are computed: the window of the first one begins R/2 pixels in.
        let (before, after) = (reach - ratio / 2, reach - ratio + ratio / 2)
        let large = padded(
            y, [(0, 0), (before, after + 1), (before, after + 1), (0, 0)], mode: .replicate)
        let z = conv2d(large, weights, stride: PerAxis(ratio), groups: y.dim(3))
        return z[0..., 0..<(y.dim(1) / ratio), 0..<(y.dim(2) / ratio), 0...]
    }
}

/// Moving pictures and kernels by half pixels, towards larger indices where the number is positive.
enum HalfPixelShift {
    /// A kernel whose convolution gives the moved picture; larger by eight on each side. Whole pixels are a plain
    /// shift, half ones the twelve taps between samples.
    static func moved(_ kernel: Tensor, rows: Int, columns: Int) -> Tensor {
        let room = 8
        var result = padded(kernel, [(room, room), (room, room)]).contiguous()
        // y(i) = Σ h(d)·x(i + d) moved by s is Σ h(d)·x(i − s + d): the kernel moves the other way.
        for (axis, halves) in [(0, rows), (1, columns)] { result = moved(result, axis: axis, halves: -halves) }
        return result
    }

    /// Arrays with zeros (or what turns in) at their ends.
    static func moved(_ x: Tensor, axis: Int, halves: Int) -> Tensor {
        let whole = Int((Double(halves) / 2).rounded(.down))
        var y = whole == 0 ? x : x.rolled([whole], axes: [axis])
        if halves - 2 * whole == 1 {
            // Half a pixel on: y(i) = Σ k(2j)·x(i + j − 6).
            var sum = Tensor.zeros(y.shape, y.dtype)
            for j in 0..<12 { sum = sum + y.rolled([6 - j], axes: [axis]) * Interpolation23.taps[2 * j] }
            y = sum
        }
        return y
    }
}

/// How the multispectral bands lie off the panchromatic one (Ciotola et al. 2023, section III-D): the shift of the
/// panchromatic picture, seen through its own kernel, that correlates best with each enlarged band.
public enum CoRegistration {
    /// Half pixels that are tried on each side.
    public static let search = 4

    /// - Parameters:
    ///   - enlarged: EXP of the bands, `[1, H, W, bands]`.
    ///   - pan: `[1, H, W, 1]`.
    /// - Returns: for each band the shift in half pixels, rows and columns.
    public static func shifts(
        _ enlarged: Tensor, _ pan: Tensor, sensor: SatelliteSensor, ratio: Int, step: (Int) throws -> Void = { _ in }
    ) rethrows -> [(rows: Int, columns: Int)] {
        let kernel = sensor.panKernel(ratio: ratio).asType(.float32).expandedDimensions(axes: [0, 3])
        let reach = SatelliteSensor.kernelSide / 2
        let seen = conv2d(
            padded(pan.asType(.float32), [(0, 0), (reach, reach), (reach, reach), (0, 0)], mode: .replicate), kernel
        ).asType(.float64)
        func inner(_ x: Tensor) -> Tensor { x[0..., 3..<(x.dim(1) - 3), 3..<(x.dim(2) - 3), 0...].contiguous() }
        let bands = inner(enlarged)
        var best = [(value: Double, rows: Int, columns: Int)](
            repeating: (-.infinity, 0, 0), count: enlarged.dim(3))
        var done = 0
        for rows in -search...search {
            for columns in -search...search {
                var moved = seen
                for (axis, halves) in [(1, rows), (2, columns)] {
                    moved = HalfPixelShift.moved(moved, axis: axis, halves: halves)
                }
                let rho = LocalCorrelation.map(bands, inner(moved), halfWidth: 8).mean(axes: [0, 1, 2])
                for (band, value) in rho.asType(.float64).toArray(Double.self).enumerated()
                where value > best[band].value {
                    best[band] = (value, rows, columns)
                }
                done += 1
                try step(done)
            }
        }
        return best.map { ($0.rows, $0.columns) }
    }
}
