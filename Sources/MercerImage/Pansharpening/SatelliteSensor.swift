import Foundation
import Mercer

/// How sharp a satellite's bands are: the gain of each at the Nyquist frequency of its own pixels.
public struct SatelliteSensor: Sendable, Hashable {
    public let name: String
    /// One for each multispectral band.
    public let gains: [Double]
    /// Of the panchromatic band, for co-registration.
    public let panGain: Double
    /// The side of the kernels.
    public static let kernelSide = 41

    public init(name: String = "own", gains: [Double], panGain: Double = 0.15) {
        precondition(
            !gains.isEmpty && (gains + [panGain]).allSatisfy { $0 > 0 && $0 < 1 },
            "SatelliteSensor: gains \(gains), \(panGain) must lie between 0 and 1")
        self.name = name
        self.gains = gains
        self.panGain = panGain
    }

    public static let geoEye1 = SatelliteSensor(name: "GE1", gains: [0.23, 0.23, 0.23, 0.23], panGain: 0.16)
    public static let worldView2 = SatelliteSensor(
        name: "WV2", gains: [0.35, 0.35, 0.35, 0.35, 0.35, 0.35, 0.35, 0.27], panGain: 0.11)
    public static let worldView3 = SatelliteSensor(
        name: "WV3", gains: [0.325, 0.355, 0.360, 0.350, 0.365, 0.360, 0.335, 0.315], panGain: 0.14)
    public static let quickBird = SatelliteSensor(name: "QB", gains: [0.34, 0.32, 0.30, 0.22], panGain: 0.15)
    public static let ikonos = SatelliteSensor(name: "IKONOS", gains: [0.26, 0.28, 0.29, 0.28], panGain: 0.17)

    public static let all = [geoEye1, worldView2, worldView3, quickBird, ikonos]
    public static var names: [String] { all.map(\.name) }

    /// A sensor by its name, or `gains=G1,G2,…[;pan=G]`.
    ///
    /// - Throws: ``PansharpeningError``.
    public init(_ text: String) throws {
        if let known = Self.all.first(where: { $0.name.lowercased() == text.lowercased() }) {
            self = known
            return
        }
        guard text.hasPrefix("gains=") else { throw PansharpeningError.unknownSensor(text) }
        let unified = text.replacingOccurrences(of: ",pan=", with: ";pan=")
        let parts = unified.dropFirst("gains=".count).components(separatedBy: ";pan=")
        let gains = parts[0].split(separator: ",", omittingEmptySubsequences: false).map {
            Double($0.trimmingCharacters(in: .whitespaces))
        }
        let pan = parts.count > 1 ? Double(parts[1]) : 0.15
        guard parts.count <= 2, let pan, (gains + [pan]).allSatisfy({ ($0 ?? 0) > 0 && ($0 ?? 1) < 1 }) else {
            throw PansharpeningError.gains(text, reason: "each must be a number between 0 and 1")
        }
        self.init(gains: gains.map { $0! }, panGain: pan)
    }

    /// The low-pass kernels of the bands for a ratio of resolutions, `[bands, 41, 41]`, float64, each of sum 1.
    ///
    /// A Gaussian whose response is the gain at the coarse pixels' Nyquist frequency, by the window method with a
    /// Kaiser window (β = 0.5) over the columns alone, as the official code has it; negative elements become 0.
    public func kernels(ratio: Int) -> Tensor {
        stacked(
            gains.map { gain in
                let kernel = clip(Self.kernel(gain: gain, ratio: ratio, side: Double(Self.kernelSide - 1)), min: 0)
                return kernel / kernel.sum().doubleValue
            })
    }

    /// The panchromatic band's kernel, `[41, 41]`, neither cut at 0 nor divided by its sum.
    public func panKernel(ratio: Int) -> Tensor {
        Self.kernel(gain: panGain, ratio: ratio, side: Double(Self.kernelSide))
    }

    private static func kernel(gain: Double, ratio: Int, side: Double) -> Tensor {
        let n = kernelSide
        let reach = side / Double(2 * ratio)
        let sigma = (reach * reach / (-2 * Foundation.log(gain))).squareRoot()
        let places = (0..<n).map { Double($0 - n / 2) }
        let response = Tensor([n, n], of: Double.self) { out in
            for i in 0..<out.count {
                let (y, x) = (places[i / n], places[i % n])
                let value = Foundation.exp(-(x * x + y * y) / (2 * sigma * sigma))
                out[i] = value < Double.ulpOfOne ? 0 : value
            }
        }
        let impulse = fftShift(ifft2(ifftShift(response))).realPart()
        let window = Tensor((0..<n).map { kaiser($0, n, beta: 0.5) })
        return impulse * window
    }

    /// The Kaiser window I₀(β√(1 − (2i/(n−1) − 1)²)) / I₀(β).
    private static func kaiser(_ i: Int, _ n: Int, beta: Double) -> Double {
        func bessel(_ x: Double) -> Double {
            var (sum, term) = (1.0, 1.0)
            for k in 1..<40 {
                term *= (x / 2 / Double(k)) * (x / 2 / Double(k))
                sum += term
            }
            return sum
        }
        let t = 2 * Double(i) / Double(n - 1) - 1
        return bessel(beta * max(0, 1 - t * t).squareRoot()) / bessel(beta)
    }
}
