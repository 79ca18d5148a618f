import Foundation
import Mercer

/// Patches of a scene that differ as much as they can: features of each, three principal components, k-means, and for
/// each centre the nearest patch that isn't taken yet.
///
/// The paper's features are those of a network trained on ImageNet, which no package carries; here they are means,
/// deviations and mean gradients of the bands and a histogram of the panchromatic picture.
enum PatchChoice {
    struct Place: Hashable {
        let top: Int
        let left: Int
    }

    static func places(_ scene: PansharpeningScene, side: Int, count: Int) -> [Place] {
        let (height, width) = (scene.pan.dim(1), scene.pan.dim(2))
        var candidates: [Place] = []
        for top in Swift.stride(from: 0, through: height - side, by: side) {
            for left in Swift.stride(from: 0, through: width - side, by: side) {
                candidates.append(Place(top: top, left: left))
            }
        }
        if candidates.count <= count { return candidates }
        let rows = candidates.map { features(scene, $0, side) }
        let points = projected(standardised(rows))
        let centres = kMeans(points, count)
        var taken: Set<Int> = []
        for centre in centres {
            let nearest = points.indices.filter { !taken.contains($0) }
                .min { distance(points[$0], centre) < distance(points[$1], centre) }!
            taken.insert(nearest)
        }
        return taken.sorted().map { candidates[$0] }
    }

    private static func features(_ scene: PansharpeningScene, _ place: Place, _ side: Int) -> [Double] {
        let ratio = scene.ratio
        let small = scene.ms[
            0..., (place.top / ratio)..<((place.top + side) / ratio),
            (place.left / ratio)..<((place.left + side) / ratio), 0...
        ].asType(.float64)
        let pan = scene.pan[0..., place.top..<(place.top + side), place.left..<(place.left + side), 0...]
        let change: Tensor = abs(small[0..., 1..., 0..., 0...] - small[0..., 0..<(small.dim(1) - 1), 0..., 0...])
        var values = small.mean(axes: [0, 1, 2]).toArray(Double.self)
        values += sqrt(variance(small, axes: [0, 1, 2], unbiased: false)).toArray(Double.self)
        values += change.mean(axes: [0, 1, 2]).toArray(Double.self)
        var histogram = [Double](repeating: 0, count: 16)
        let samples = pan.contiguous().toArray(Float.self)
        for sample in samples { histogram[min(15, max(0, Int(sample * 16)))] += 1 / Double(samples.count) }
        return values + histogram
    }

    /// Each feature with mean 0 and deviation 1.
    private static func standardised(_ rows: [[Double]]) -> Tensor {
        let x = Tensor(rows.flatMap { $0 }, [rows.count, rows[0].count])
        let centred: Tensor = x - x.mean(axes: [0], keepDims: true)
        let deviation = sqrt(square(centred).mean(axes: [0], keepDims: true))
        return centred / which(deviation .== 0.0, Tensor.ones(deviation.shape, .float64), deviation)
    }

    private static func projected(_ x: Tensor) -> [[Double]] {
        let covariance = matmul(x.T, x) / Double(x.dim(0))
        guard let (_, vectors) = try? LinearAlgebra.eigh(covariance) else {
            return (0..<x.dim(0)).map { x[$0].toArray(Double.self) }
        }
        let top = vectors[0..., (x.dim(1) - 3)...].contiguous()
        let points = matmul(x, top)
        return (0..<x.dim(0)).map { points[$0].contiguous().toArray(Double.self) }
    }

    private static func distance(_ a: [Double], _ b: [Double]) -> Double {
        zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }

    /// Lloyd's iteration from points that lie evenly over the scene.
    private static func kMeans(_ points: [[Double]], _ count: Int) -> [[Double]] {
        var centres = (0..<count).map { points[$0 * points.count / count] }
        for _ in 0..<50 {
            var sums = [[Double]](repeating: [Double](repeating: 0, count: points[0].count), count: count)
            var members = [Int](repeating: 0, count: count)
            for point in points {
                let nearest = centres.indices.min { distance(point, centres[$0]) < distance(point, centres[$1]) }!
                members[nearest] += 1
                for i in point.indices { sums[nearest][i] += point[i] }
            }
            let moved = centres.indices.map { c in
                members[c] == 0 ? centres[c] : sums[c].map { $0 / Double(members[c]) }
            }
            if moved == centres { break }
            centres = moved
        }
        return centres
    }
}
