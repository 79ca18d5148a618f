import ArgumentParser
import Foundation
import Mercer
import MercerImage
import MercerImageIO

/// `mercer resize --method irn|dlv-irn|iarn --down|--up|--roundtrip`: small pictures that come back sharp.
struct RescaleOptions: ParsableArguments {
    @Flag(help: "Make the small picture, from which --up makes the large one again (irn, dlv-irn, iarn).")
    var down = false

    @Flag(help: "Make the large picture of one that --down made.")
    var up = false

    @Flag(help: "Both, and say how well the picture comes back; files are written where -o is given.")
    var roundtrip = false

    @Option(help: ArgumentHelp("With --down: this many small pictures of each (dlv-irn).", valueName: "n"))
    var variants: Int?

    @Option(
        help: ArgumentHelp(
            "How far the variants spread: the deviation of z_D; by default what the weights say, or 1.",
            valueName: "spread"))
    var spread: Double?

    @Option(help: ArgumentHelp("With --up: this many large pictures of each, drawn at --temperature.", valueName: "n"))
    var samples: Int?

    @Option(help: ArgumentHelp("Of what is drawn for --up; 0 gives the best picture.", valueName: "tau"))
    var temperature = 0.0

    @Option(help: ArgumentHelp("The seed of variants and samples.", valueName: "n"))
    var drawSeed: UInt64 = 0

    @Flag(help: "Write small pictures in lossy formats too: they come back worse.")
    var allowLossy = false

    @Flag(help: "Go by --size where the small picture says another size.")
    var ignoreStoredSize = false

    static let methods = RescaleMethod.allCases.map(\.rawValue)

    var isAsked: Bool { down || up || roundtrip }

    /// The method, where it is one of these; nil for others.
    func method(_ name: String) throws -> RescaleMethod? {
        guard let method = RescaleMethod(rawValue: name) else {
            if isAsked || variants != nil || samples != nil {
                throw ValidationError(
                    "'--down', '--up' and '--roundtrip' go with '--method irn', 'dlv-irn' or 'iarn', not '\(name)'")
            }
            return nil
        }
        return method
    }

    /// - Throws: for what no run could do.
    func validate(_ method: RescaleMethod, _ size: SizeOptions, output: String?) throws {
        guard [down, up, roundtrip].count(where: { $0 }) == 1 else {
            throw ValidationError("which way? '\(method.rawValue)' needs one of --down, --up and --roundtrip")
        }
        if size.fit != nil || size.fill != nil || size.box != nil {
            throw ValidationError("'\(method.rawValue)' resizes whole pictures by --scale or --size")
        }
        if size.size != nil && size.scale != nil { throw ValidationError("--size and --scale exclude each other") }
        if method == .iarn {
            if let text = size.size { _ = try Self.sides(text) }
            if !up && size.size == nil && size.scale == nil {
                throw ValidationError("how large? Give '--size WxH', '--size Wx' or '--scale FACTOR'")
            }
            if let scale = size.scale, !(scale > 0 && scale.isFinite) {
                throw ValidationError("'--scale \(scale)' isn't a factor: it must be greater than 0")
            }
            if let scale = size.scale, !up, scale > 1 {
                throw ValidationError(
                    "'--scale \(scale)' makes pictures larger; '--down' makes them smaller: at most 1")
            }
        } else {
            if size.size != nil && !up {
                throw ValidationError("'\(method.rawValue)' goes by its scale: give '--scale 2', or take --method iarn")
            }
            guard let scale = size.scale else {
                throw ValidationError("by which scale? Give '--scale 2', 3, 4 or 8")
            }
            guard scale >= 1, scale < 1e4, scale == scale.rounded() else {
                throw ValidationError("\(RescaleError.scale(Int(max(-1e4, min(scale, 1e4)))))")
            }
            do {
                _ = try InvertibleRescaler.Configuration(
                    scale: Int(scale),
                    blocks: [Int](repeating: 1, count: Int(scale) == 3 ? 1 : max(1, Int(scale).trailingZeroBitCount))
                ).checked()
            } catch { throw ValidationError("\(error)") }
        }
        if let variants {
            guard down, method == .dlvIRN else {
                throw ValidationError("'--variants' goes with '--method dlv-irn --down'")
            }
            if !(1...1000).contains(variants) { throw ValidationError("'--variants' must lie between 1 and 1000") }
        }
        if let samples {
            guard up else { throw ValidationError("'--samples' goes with '--up'") }
            if !(1...1000).contains(samples) { throw ValidationError("'--samples' must lie between 1 and 1000") }
            if temperature == 0 { throw ValidationError("\(RescaleError.samplesWithoutTemperature)") }
        }
        if !(temperature >= 0 && temperature <= 10) {
            throw ValidationError("'--temperature' must lie between 0 and 10")
        }
        if let spread, !(0...100).contains(spread) { throw ValidationError("'--spread' must lie between 0 and 100") }
        if output == nil && !roundtrip { throw ValidationError("where to? Give '-o FOLDER' or '-o FILE'") }
        if output == "-" { throw ValidationError("'\(method.rawValue)' writes files; give '-o FOLDER' or '-o FILE'") }
    }

    /// `900x700`, `1280x` or `x700`.
    static func sides(_ text: String) throws -> (width: Int?, height: Int?) {
        let words = text.lowercased().split(separator: "x", omittingEmptySubsequences: false).map(String.init)
        let limit = 1...Bitmap.longestSide
        func side(_ word: String) throws -> Int? {
            if word.isEmpty { return nil }
            guard let number = Int(word), limit.contains(number) else {
                throw ValidationError("'--size \(text)': sides lie between 1 and \(Bitmap.longestSide)")
            }
            return number
        }
        guard words.count == 2, words.contains(where: { !$0.isEmpty }) else {
            throw ValidationError("'--size \(text)' isn't WxH, Wx or xH")
        }
        return (try side(words[0]), try side(words[1]))
    }
}

/// The work of invertible rescaling on files.
struct RescaleRun {
    let options: RescaleOptions
    let method: RescaleMethod
    let size: SizeOptions
    let weights: String?
    let inputs: [String]
    let output: String?
    let overwrite: Bool
    let json: Bool

    private struct Outcome: Encodable {
        var input: String
        var outputs: [String] = []
        var status = "done"
        var from: [Int]?
        var to: [Int]?
        var psnr: Double?
        var ssim: Double?
        var smallPSNR: Double?
        var notes: [String] = []
        var error: String?
    }

    func run() throws {
        let rescaler = try PictureRescaler(
            method, scale: method == .iarn ? nil : size.scale.map { Int($0) }, weights: weights)
        let files = try PictureFile.plan(inputs, output: output ?? ".", format: options.up ? nil : .png)
        let bar = ProgressBar(isSilent: json || files.count == 1)
        defer { bar.end() }
        bar.begin(options.up ? "enlarging" : "reducing", steps: files.count)
        var outcomes: [Outcome] = []
        for file in files {
            try Task.checkCancellation()
            var outcome = Outcome(input: file.input)
            do {
                if options.up {
                    try enlarge(file, rescaler, &outcome)
                } else if options.roundtrip {
                    try goRound(file, rescaler, &outcome)
                } else {
                    try reduce(file, rescaler, &outcome)
                }
            } catch let error as CancellationError {
                throw error
            } catch {
                outcome.status = "failed"
                let text = "\(error)"
                outcome.error = text.hasPrefix(file.input) ? text : "\(file.input): \(text)"
                Console.remark("mercer: \(outcome.error!)")
            }
            if !json { for note in outcome.notes { Console.remark("\(file.input): \(note)") } }
            outcomes.append(outcome)
            bar.advance()
        }
        bar.end()
        try say(outcomes)
        let failed = outcomes.count { $0.status == "failed" }
        if failed > 0 { throw failed == outcomes.count ? ExitCode.failure : ExitCode.fellShort }
    }

    private func say(_ outcomes: [Outcome]) throws {
        if json { return try Console.print(json: outcomes) }
        for outcome in outcomes where outcome.status != "failed" {
            var text = outcome.input
            if outcome.status == "skipped" { text += " is done already (--overwrite does it again)" }
            if let from = outcome.from, let to = outcome.to {
                text += ": \(from[0])x\(from[1]) to \(to[0])x\(to[1])"
            }
            if let psnr = outcome.psnr, let ssim = outcome.ssim, let small = outcome.smallPSNR {
                text += String(
                    format: ", restored %.2f dB (SSIM %.4f); small picture %.2f dB from bicubic", psnr, ssim, small)
            }
            if !outcome.outputs.isEmpty { text += " → " + outcome.outputs.joined(separator: ", ") }
            Console.print(text)
        }
    }

    // MARK: Files

    /// Names of several results of one file: `photo-1.png`, …
    private func names(_ path: String, _ count: Int?) -> [String] {
        guard let count else { return [path] }
        let (base, ending) = ((path as NSString).deletingPathExtension, (path as NSString).pathExtension)
        return (1...count).map { "\(base)-\($0).\(ending)" }
    }

    /// Whether all results are there already; throws where one would replace the input.
    private func isDone(_ file: PictureFile, _ outputs: [String]) throws -> Bool {
        for output in outputs where PictureFile(input: file.input, output: output).replacesInput && !overwrite {
            throw CleanFailure("\(file.input): the result would replace the picture; --overwrite allows it")
        }
        return !overwrite && outputs.allSatisfy { FileManager.default.fileExists(atPath: $0) }
    }

    private func write(_ picture: Bitmap, to path: String, record: RescaleRecord?) throws {
        let folder = (path as NSString).deletingLastPathComponent
        if !folder.isEmpty {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        guard let format = ImageFormat(fileName: path) else { throw ImageError.unknownFormat(path) }
        let (fitted, _) = picture.fitted(to: format)
        var bytes = try fitted.encoded(as: format, ImageEncoding(isLossless: true))
        if format == .png, let record { bytes = PNGText.setting([RescaleRecord.keyword: record.text], in: bytes) }
        try AtomicFile.write(bytes, to: path)
    }

    // MARK: Ways

    private func target(_ picture: Bitmap) throws -> (height: Int, width: Int)? {
        guard method == .iarn else { return nil }
        let size = try askedSize(picture)!
        guard size.height <= picture.height, size.width <= picture.width else {
            throw RescaleError.larger(
                width: size.width, height: size.height, than: "the picture's \(picture.width)x\(picture.height)")
        }
        return size
    }

    /// The size that the options ask for.
    private func askedSize(_ picture: Bitmap) throws -> (height: Int, width: Int)? {
        let (w, h) = (Double(picture.width), Double(picture.height))
        func whole(_ x: Double) -> Int { max(1, Int(x.rounded())) }
        if let text = size.size {
            let sides = try RescaleOptions.sides(text)
            switch (sides.width, sides.height) {
            case (let width?, let height?): return (height, width)
            case (let width?, nil): return (whole(h * Double(width) / w), width)
            case (nil, let height?): return (height, whole(w * Double(height) / h))
            case (nil, nil): return nil
            }
        }
        return method == .iarn ? size.scale.map { (whole(h * $0), whole(w * $0)) } : nil
    }

    /// Warns where sizes lie beyond the scales of the training.
    private func warn(_ rescaler: PictureRescaler, _ large: Bitmap, _ small: Bitmap, _ outcome: inout Outcome) {
        guard let trained = rescaler.trainedScales else { return }
        for ratio in [
            Double(large.width) / Double(small.width), Double(large.height) / Double(small.height),
        ] where ratio > trained.upperBound + 0.05 || ratio < trained.lowerBound - 0.05 {
            outcome.notes.append(
                String(
                    format: "a scale of %.2f lies beyond %.3g to %.3g, for which the weights were trained", ratio,
                    trained.lowerBound, trained.upperBound))
            return
        }
    }

    private func reduce(_ file: PictureFile, _ rescaler: PictureRescaler, _ outcome: inout Outcome) throws {
        let outputs = names(file.output, options.variants)
        for output in outputs {
            guard let format = ImageFormat(fileName: output) else { throw ImageError.unknownFormat(output) }
            if [.jpeg, .heic, .avif, .gif].contains(format), !options.allowLossy {
                throw RescaleError.lossy(output, format: format.rawValue)
            }
        }
        if try isDone(file, outputs) {
            outcome.status = "skipped"
            return
        }
        let picture = try Bitmap(contentsOf: file.input)
        outcome.notes += picture.conversions
        if picture.depth == 16 { outcome.notes.append("the small picture has 8 bits, the picture 16") }
        let size = try target(picture)
        let record = RescaleRecord(
            width: picture.width, height: picture.height,
            isGrey: picture.channels - (picture.hasAlpha ? 1 : 0) == 1)
        for (index, output) in outputs.enumerated() {
            let key = RandomKey(options.drawSeed).fold(in: "variants")[index]
            let spread = options.variants == nil ? 0 : options.spread ?? rescaler.variantSpread ?? 1
            let small = try rescaler.reduced(picture, to: size, spread: spread, key: key)
            try write(small, to: output, record: record)
            outcome.outputs.append(output)
            outcome.to = [small.width, small.height]
            if index == 0 { warn(rescaler, picture, small, &outcome) }
            if ImageFormat(fileName: output) != .png {
                outcome.notes.append("only PNG keeps the original size; --up will need '--size'")
            }
        }
        outcome.from = [picture.width, picture.height]
    }

    private func enlarge(_ file: PictureFile, _ rescaler: PictureRescaler, _ outcome: inout Outcome) throws {
        let outputs = names(file.output, options.samples)
        if try isDone(file, outputs) {
            outcome.status = "skipped"
            return
        }
        let small = try Bitmap(contentsOf: file.input)
        outcome.notes += small.conversions
        if [.jpeg, .heic, .avif].contains(small.format) {
            outcome.notes.append("\(small.format!.rawValue) has lost levels that the way up needs: the result is worse")
        }
        let record = RescaleRecord(ofFile: file.input)
        var target = record.map { (height: $0.height, width: $0.width) }
        if let asked = try askedSize(small) {
            if let stored = target, stored != asked, size.size != nil, !options.ignoreStoredSize {
                throw RescaleError.storedSize(
                    file.input, stored: "\(stored.width)x\(stored.height)", asked: "\(asked.width)x\(asked.height)")
            }
            if target == nil || size.size != nil { target = asked }
        }
        if record == nil && method != .iarn && target == nil {
            outcome.notes.append("it doesn't say the size that it had: the result has a multiple of the scale")
        }
        for (index, output) in outputs.enumerated() {
            let key = RandomKey(options.drawSeed).fold(in: "samples")[index]
            let large = try rescaler.enlarged(
                small, to: target, isGrey: record?.isGrey ?? false, temperature: options.temperature, key: key)
            try write(large, to: output, record: nil)
            outcome.outputs.append(output)
            outcome.to = [large.width, large.height]
            if index == 0 { warn(rescaler, large, small, &outcome) }
        }
        outcome.from = [small.width, small.height]
    }

    private func goRound(_ file: PictureFile, _ rescaler: PictureRescaler, _ outcome: inout Outcome) throws {
        let picture = try Bitmap(contentsOf: file.input)
        outcome.notes += picture.conversions
        let size = try target(picture)
        let small = try rescaler.reduced(picture, to: size)
        warn(rescaler, picture, small, &outcome)
        let isGrey = picture.channels - (picture.hasAlpha ? 1 : 0) == 1
        let large = try rescaler.enlarged(small, to: (picture.height, picture.width), isGrey: isGrey)
        let quality = RescaleQuality(of: large, small, against: picture)
        outcome.from = [picture.width, picture.height]
        outcome.to = [small.width, small.height]
        func finite(_ x: Double) -> Double? { x.isFinite ? x : nil }
        outcome.psnr = finite(quality.psnr)
        outcome.ssim = finite(quality.ssim)
        outcome.smallPSNR = finite(quality.lowPSNR)
        if outcome.psnr == nil { outcome.notes.append("the picture comes back without any difference") }
        guard output != nil else { return }
        let base = (file.output as NSString).deletingPathExtension
        let outputs = ["\(base)-small.png", "\(base)-restored.png"]
        if try isDone(file, outputs) { return }
        try write(
            small, to: outputs[0],
            record: RescaleRecord(width: picture.width, height: picture.height, isGrey: isGrey))
        try write(large, to: outputs[1], record: nil)
        outcome.outputs = outputs
    }
}
