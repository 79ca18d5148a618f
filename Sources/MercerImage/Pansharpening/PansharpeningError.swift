import Foundation

/// What can be wrong with a pair of a multispectral and a panchromatic picture.
public enum PansharpeningError: Error, Equatable, CustomStringConvertible, LocalizedError {
    case ratio(ms: [Int], pan: [Int])
    case panBands(Int)
    case fewBands(Int)
    case unknownSensor(String)
    case gains(String, reason: String)
    case gainCount(found: Int, bands: Int)
    case constantBand(Int)
    case tooSmall(width: Int, height: Int)
    case nothingKnown
    case range(String)
    case referenceSize(found: [Int], expected: [Int])
    case weights(String, reason: String)
    case file(String, reason: String)

    public var description: String {
        switch self {
        case .ratio(let ms, let pan):
            "the panchromatic picture has \(pan[0])x\(pan[1]) pixels and the multispectral one \(ms[0])x\(ms[1]), a ratio "
                + "of \(Self.short(Double(pan[0]) / Double(ms[0]))) by \(Self.short(Double(pan[1]) / Double(ms[1]))); "
                + "2 or 4 on both sides is expected"
        case .panBands(let count): "the panchromatic picture has \(count) bands; one is expected"
        case .fewBands(let count): "the multispectral picture has \(count) bands; three or more are expected"
        case .unknownSensor(let name):
            "there is no sensor '\(name)'; there are \(SatelliteSensor.names.joined(separator: ", ")), or give "
                + "gains=G1,G2,…[;pan=G], the response of each band at the Nyquist frequency"
        case .gains(let text, let reason): "'\(text)' are no gains: \(reason)"
        case .gainCount(let found, let bands):
            "the sensor has \(found) gains and the multispectral picture \(bands) bands; as many are expected"
        case .constantBand(let band):
            "band \(band) of the multispectral picture is constant, or its mean is 0: nothing can be measured against it"
        case .tooSmall(let width, let height):
            "the multispectral picture has \(width)x\(height) pixels; at least 32x32 are needed (a block of Q2n)"
        case .nothingKnown: "no pixel is known: all are missing"
        case .range(let found):
            "the samples are \(found); give '--scale VALUE', what the largest reflectance is counted as"
        case .referenceSize(let found, let expected):
            "the reference has \(found.map(String.init).joined(separator: "x")) samples; "
                + "\(expected.map(String.init).joined(separator: "x")) (width, height, bands) are expected"
        case .weights(let path, let reason): "\(path): these weights don't fit: \(reason)"
        case .file(let path, let reason): "\(path): \(reason)"
        }
    }

    public var errorDescription: String? { description }

    private static func short(_ value: Double) -> String { String(format: "%.3g", value) }
}
