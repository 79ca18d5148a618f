import Foundation
import Mercer
import MercerImage
import MercerImageIO
import MercerPapers

/// `mercer resize --explain`: what a resizing computes, in words and numbers, and as a page with pictures.
struct ResizeExplanation {
    let job: PictureJob
    let inputs: [String]
    let output: String?
    let json: Bool

    private struct Facts: Encodable {
        var picture: String
        var from: [Int]
        var to: [Int]
        var method: String
        var taps: [Int]
        var parameters: Int?
        var multiplyAdds: Int?
        var multiplyAddsPlain: Int?
        var reduction: [Int]?
        var weights: [Double]?
        var peakFrequency: Double?
        var peakGain: Double?
        var nyquistGain: Double?
        var lines: [String] = []
    }

    func run() throws {
        guard let input = inputs.first, inputs.count == 1, input != "-" else {
            throw CleanFailure("--explain takes one picture file")
        }
        let picture = try Bitmap(contentsOf: input)
        let (result, _) = try job.resized(picture)
        let size = (height: result.height, width: result.width)
        let facts: Facts
        switch job.resizer.method {
        case .filter(let rule): facts = explained(rule, input, picture, size)
        case .muller(let settings, let weights, let reduces):
            facts = explained(settings, weights, reduces, input, picture, size)
        case .network(let network):
            throw CleanFailure("--explain knows filters and MULLER, not the network \(network.name)")
        }
        if json { try Console.print(json: facts) } else { for line in facts.lines { Console.print(line) } }
        if let output { try page(facts, picture, result, output) }
    }

    private func explained(
        _ rule: ResampleRule, _ input: String, _ picture: Bitmap, _ size: (height: Int, width: Int)
    ) -> Facts {
        let rows = Resampler(input: picture.height, output: size.height, rule: rule)
        let columns = Resampler(input: picture.width, output: size.width, rule: rule)
        var facts = Facts(
            picture: input, from: [picture.width, picture.height], to: [size.width, size.height],
            method: rule.description, taps: [columns.taps, rows.taps])
        facts.lines = [
            "\(input): \(picture.width)x\(picture.height) to \(size.width)x\(size.height) by \(rule)",
            "each output pixel is a weighted sum of \(columns.taps) x \(rows.taps) input pixels, "
                + "computed as two passes along the axes",
        ]
        return facts
    }

    private func explained(
        _ settings: MullerSettings, _ weights: MullerWeights, _ reduces: Bool, _ input: String,
        _ picture: Bitmap,
        _ size: (height: Int, width: Int)
    ) -> Facts {
        let reduction =
            reduces
            ? [
                MullerSettings.reduction(from: Double(picture.width), to: size.width),
                MullerSettings.reduction(from: Double(picture.height), to: size.height),
            ] : [1, 1]
        let cost = MullerCost(
            settings, from: (picture.height / reduction[1], picture.width / reduction[0]), to: size,
            channels: picture.channels)
        let explanation = MullerExplanation(settings, weights)
        let peak = explanation.peak()
        let nyquist = weights.response(at: 0.5, blur: settings.taps)
        var facts = Facts(
            picture: input, from: [picture.width, picture.height], to: [size.width, size.height],
            method: "muller", taps: [], parameters: 2 * weights.layers, multiplyAdds: cost.collapsed,
            multiplyAddsPlain: cost.plain, reduction: reduction, weights: weights.list,
            peakFrequency: peak.frequency, peakGain: peak.gain, nyquistGain: nyquist)
        func million(_ count: Int) -> String { String(format: "%.2f M", Double(count) / 1e6) }
        facts.lines = [
            "\(input): \(picture.width)x\(picture.height) to \(size.width)x\(size.height) by MULLER",
            "base: \(settings.base); blur of \(settings.kernel) taps, σ \(settings.sigma), border "
                + "\(settings.border.rawValue); \(weights.layers) layers",
            "weights: \(weights.list.map { Format.number($0, digits: 5) }.joined(separator: ", ")) "
                + "(\(2 * weights.layers) parameters, for pictures in [0, 1])",
            "gain of small waves: largest \(String(format: "%.3f", peak.gain)) at "
                + "\(String(format: "%.3f", peak.frequency)) cycles/pixel, "
                + "\(String(format: "%.3f", nyquist)) at the finest",
        ]
        if reduction != [1, 1] {
            facts.lines.append(
                "means over \(reduction[0])x\(reduction[1]) pixels come first, since the base aliases beyond a "
                    + "reduction of 3 (--raw leaves them out)")
        }
        facts.lines.append(
            "multiply-adds: \(million(cost.plain)) as the equations stand, \(million(cost.collapsed)) collapsed into "
                + "\(weights.layers + 1) resamplings")
        return facts
    }

    private func page(_ facts: Facts, _ picture: Bitmap, _ result: Bitmap, _ output: String) throws {
        let isPage = output.hasSuffix(".html")
        let name = ((inputs[0] as NSString).lastPathComponent as NSString).deletingPathExtension
        let path = isPage ? output : (output as NSString).appendingPathComponent(name + "-explained.html")
        let folder = (path as NSString).deletingLastPathComponent
        if !folder.isEmpty {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        var body = facts.lines.map(Page.paragraph).joined()
        var pictures = [Picture("result", caption: "the result", png: try png(result))]
        if case .muller(let settings, let weights, _) = job.resizer.method {
            let explanation = MullerExplanation(settings, weights)
            body += Page.chart(explanation.chart())
            for (l, band) in explanation.bands(of: picture, to: (result.height, result.width)).enumerated() {
                pictures.append(
                    Picture(
                        "band-\(l + 1)", caption: "band \(l + 1): sharp minus blurred", png: try png(band)))
                if !isPage {
                    try band.write(
                        to: (output as NSString).appendingPathComponent("\(name)-band\(l + 1).png"))
                }
            }
        }
        body += Page.pictures(pictures)
        try AtomicFile.write(Page(title: "How \(name) is resized", body: body).html, to: path)
        Console.remark(path)
    }

    private func png(_ picture: Bitmap) throws -> Data {
        Data(try picture.fitted(to: .png).0.encoded(as: .png, ImageEncoding(dropsMetadata: true)))
    }
}
