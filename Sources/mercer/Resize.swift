import ArgumentParser
import Foundation
import Mercer
import MercerImage
import MercerImageIO

/// `mercer resize`: pictures in another size, by MULLER or by the classic filters under everybody's conventions.
struct ResizeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resize",
        abstract: "Make pictures smaller or larger.",
        discussion: """
            Inputs are files, folders (mirrored under the output) and patterns; '-' reads standard input. Results \
            keep format, bit depth, transparency, colour profile and metadata; a rotation that EXIF asks for is \
            carried out. Files that are there already count as finished, so a stopped run goes on where it was.

            Without further options MULLER (Tu, Milanfar, Talebi 2023) resizes with the published weights. Exit \
            status 3 when a picture couldn't be read and the others are done.

              mercer resize photos -o small --fit 1024
              mercer resize photo.png -o half.png --scale 0.5 --method lanczos --convention pillow
              mercer resize photo.jpg -o sheet.html --fit 400 --compare muller,bilinear,lanczos
              mercer resize photo.jpg -o small.png --method irn --scale 2 --down
              mercer resize small.png -o back.png --method irn --scale 2 --up
            """)

    @Argument(help: "Pictures, folders, patterns, or '-'.")
    var inputs: [String] = []

    @Option(
        name: [.short, .customLong("output")],
        help: ArgumentHelp("A folder, a file, or '-'.", valueName: "out"))
    var output: String?

    @OptionGroup(title: "Size") var size: SizeOptions
    @OptionGroup(title: "Method") var method: MethodOptions

    @Option(help: ArgumentHelp("Write png, jpeg, webp, tiff, gif, heic or avif.", valueName: "format"))
    var format: String?

    @Option(help: ArgumentHelp("The quality of lossy formats, 1 to 100.", valueName: "n"))
    var quality = 90

    @Flag(help: "WebP, HEIC and AVIF without loss.")
    var lossless = false

    @Option(help: ArgumentHelp("How many pictures at once; by default one a processor.", valueName: "n"))
    var jobs: Int?

    @Flag(help: "Replace files that are there.")
    var overwrite = false

    @Option(
        help: ArgumentHelp(
            "A sheet of these methods side by side: PNG, or HTML by the output's ending.", valueName: "a,b,c")
    )
    var compare: String?

    @Flag(help: "Say what is computed: cost, response, reductions; with -o DIR also the bands as pictures.")
    var explain = false

    @OptionGroup(title: "Smaller and back again") var rescale: RescaleOptions

    @OptionGroup(title: "Learning weights") var fit: FitOptions

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if let method = try rescale.method(method.method) {
            if inputs.isEmpty { throw ValidationError("which pictures? Name files, folders, or patterns") }
            return try rescale.validate(method, size, output: output)
        }
        _ = try size.resolved()
        _ = try size.resolvedBox()
        // Errors of weights files are no wrong usage: they come when the command runs.
        do { _ = try method.resolved(for: size.resolved()) } catch let error as ValidationError { throw error } catch {}
        _ = try resolvedFormat()
        if fit.fitWeights != nil { return try fit.validate(inputs, output, size, method) }
        if inputs.isEmpty { throw ValidationError("which pictures? Name files, folders, or '-'") }
        if !(1...100).contains(quality) { throw ValidationError("'--quality' must lie between 1 and 100") }
        if let jobs, !(1...256).contains(jobs) {
            throw ValidationError("'--jobs' must lie between 1 and 256")
        }
        if inputs.contains("-"), inputs.count > 1 {
            throw ValidationError("'-' is standard input and stands alone")
        }
        if output == nil, inputs != ["-"], !explain {
            throw ValidationError("where to? Give '-o FOLDER', '-o FILE' or '-o -'")
        }
        if output == "-" || (output == nil && inputs == ["-"] && !explain), json {
            throw ValidationError("'--json' and a picture can't both go to the standard output")
        }
        if let compare {
            for name in names(compare) { try MethodOptions.check(name) }
            if explain { throw ValidationError("'--compare' and '--explain' exclude each other") }
        }
    }

    func run() async throws {
        if let jobs { Parallel.threads = jobs }
        if let invertible = try rescale.method(method.method) {
            return try RescaleRun(
                options: rescale, method: invertible, size: size, weights: method.weights, inputs: inputs,
                output: output, overwrite: overwrite, json: json
            ).run()
        }
        if let data = fit.fitWeights { return try fit.run(data, output!, size, method, json: json) }
        let target = try size.resolved()
        var job = PictureJob(try method.resolved(for: target), target)
        job.format = try resolvedFormat()
        job.encoding = ImageEncoding(quality: quality, isLossless: lossless)
        job.overwrites = overwrite
        job.box = try size.resolvedBox()
        if explain {
            try ResizeExplanation(job: job, inputs: inputs, output: output, json: json).run()
        } else if let compare {
            try sheet(job, names(compare))
        } else if inputs == ["-"] || output == "-" {
            try stream(job)
        } else {
            try files(job)
        }
    }

    private func names(_ list: String) -> [String] {
        list.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    }

    private func resolvedFormat() throws -> ImageFormat? {
        guard let format else { return nil }
        guard let known = ImageFormat(suffix: format) else {
            throw ValidationError(
                "there is no format '\(format)'; there are "
                    + ImageFormat.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return known
    }

    // MARK: Files

    private func files(_ job: PictureJob) throws {
        let files = try PictureFile.plan(inputs, output: output!, format: job.format)
        let start = ContinuousClock.now
        let bar = ProgressBar(isSilent: json || files.count == 1)
        defer { bar.end() }
        bar.begin("resizing", steps: files.count)
        let outcomes = try job.run(files) { outcome in
            if let error = outcome.error {
                note("mercer: \(error)", bar)
            } else {
                for text in outcome.notes { note("\(outcome.file.input): \(text)", bar) }
            }
            bar.advance()
        }
        bar.end()
        let report = Report(outcomes, seconds: (ContinuousClock.now - start) / .seconds(1))
        if json { try Console.print(json: report) } else { Console.print(report.sentence(output!)) }
        if report.failed > 0 {
            let missing = outcomes.allSatisfy {
                $0.state == .failed && !FileManager.default.fileExists(atPath: $0.file.input)
            }
            throw missing ? ExitCode.failure : ExitCode.fellShort
        }
    }

    /// A line that stays also where the bar says nothing.
    private func note(_ line: String, _ bar: ProgressBar) {
        if json || Console.errors.isTerminal == false { Console.remark(line) } else { bar.note(line) }
    }

    /// From standard input, or to standard output.
    private func stream(_ job: PictureJob) throws {
        let picture: Bitmap
        if inputs == ["-"] {
            picture = try Bitmap(bytes: FileHandle.standardInput.readToEnd() ?? Data())
        } else {
            guard inputs.count == 1, !inputs[0].hasSuffix("/") else {
                throw ValidationError("only one picture can go to the standard output")
            }
            picture = try Bitmap(contentsOf: inputs[0])
        }
        let (result, notes) = try job.resized(picture)
        let name = output ?? "-"
        let format = job.format ?? (name == "-" ? nil : ImageFormat(fileName: name)) ?? picture.format ?? .png
        let (fitted, given) = result.fitted(to: format)
        for text in notes + given {
            Console.remark("\(inputs[0] == "-" ? "standard input" : inputs[0]): \(text)")
        }
        if name == "-" {
            try FileHandle.standardOutput.write(contentsOf: Data(fitted.encoded(as: format, job.encoding)))
        } else {
            if FileManager.default.fileExists(atPath: name), !overwrite {
                throw CleanFailure("\(name) is there already; --overwrite replaces it")
            }
            try fitted.write(to: name, as: format, job.encoding)
        }
    }

    private func sheet(_ job: PictureJob, _ names: [String]) throws {
        let resizers = try names.map { (name: $0, resizer: try method.resolved($0, for: job.size)) }
        let output = self.output ?? "-"
        if inputs.count == 1, !FileManager.default.fileExists(atPath: inputs[0]) || inputs == ["-"] {
            throw ImageError.unreadable(inputs[0], reason: "a sheet is made from a file")
        }
        let isPage = output.hasSuffix(".html") || output.hasSuffix(".htm")
        let files: [PictureFile]
        if isPage || ImageFormat(fileName: output) != nil {
            guard inputs.count == 1 else { throw PictureFilesError.oneOutput(output, inputs: inputs.count) }
            files = [PictureFile(input: inputs[0], output: output)]
        } else {
            files = try PictureFile.plan(inputs, output: output).map {
                let name = ($0.output as NSString).deletingPathExtension
                return PictureFile(input: $0.input, output: name + "-compare.html")
            }
        }
        for file in files {
            if FileManager.default.fileExists(atPath: file.output), !overwrite {
                throw CleanFailure("\(file.output) is there already; --overwrite replaces it")
            }
            let picture = try Bitmap(contentsOf: file.input)
            let sheet = try ComparisonSheet(picture, name: file.input, resizers, job.size)
            let folder = (file.output as NSString).deletingLastPathComponent
            if !folder.isEmpty {
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            }
            if file.output.hasSuffix(".html") || file.output.hasSuffix(".htm") {
                try AtomicFile.write(try sheet.page(), to: file.output)
            } else {
                try sheet.picture().write(to: file.output, job.encoding)
            }
            Console.print(file.output)
        }
    }

    /// What a run did, for people and programs.
    private struct Report: Encodable {
        struct File: Encodable {
            let input: String
            let output: String
            let status: String
            let from: [Int]?
            let to: [Int]?
            let notes: [String]
            let error: String?
        }

        let done: Int
        let skipped: Int
        let failed: Int
        let seconds: Double
        let files: [File]

        init(_ outcomes: [PictureJob.Outcome], seconds: Double) {
            done = outcomes.count { $0.state == .done }
            skipped = outcomes.count { $0.state == .skipped }
            failed = outcomes.count { $0.state == .failed }
            self.seconds = seconds
            files = outcomes.map {
                File(
                    input: $0.file.input, output: $0.file.output, status: $0.state.rawValue, from: $0.before,
                    to: $0.after, notes: $0.notes, error: $0.error)
            }
        }

        func sentence(_ output: String) -> String {
            func pictures(_ count: Int) -> String { "\(count) picture\(count == 1 ? "" : "s")" }
            let time = seconds < 10 ? String(format: "%.2f s", seconds) : String(format: "%.0f s", seconds)
            var text: String
            if files.count == 1, let only = files.first, let from = only.from, let to = only.to {
                text = "\(only.output): \(from[0])x\(from[1]) to \(to[0])x\(to[1]) in \(time)"
            } else {
                text = "\(pictures(done)) resized to \(output) in \(time)"
            }
            if skipped > 0 { text += "; \(pictures(skipped)) there already (--overwrite replaces)" }
            if failed > 0 { text += "; \(pictures(failed)) failed" }
            return text
        }
    }
}

/// A failure that is a sentence and nothing more.
struct CleanFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
