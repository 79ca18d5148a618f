import ArgumentParser
import Foundation
import Mercer
import MercerImage

/// The part of `mercer resize` that enlarges video: YUV4MPEG2 streams, and other files through the program ffmpeg.
struct ResizeVideo {
    let network: ESPCNResizer
    let input: String
    let output: String
    let overwrite: Bool
    let json: Bool

    /// What a YUV4MPEG2 stream begins with.
    static let magic = Data("YUV4MPEG2".utf8)

    /// Whether a file name is a video's.
    static func isVideo(_ path: String) -> Bool {
        FFmpeg.isFor(path) || (path as NSString).pathExtension.lowercased() == "y4m"
    }

    /// - Parameter beginning: what was already read of the standard input.
    func run(beginning: [UInt8] = []) throws {
        // A reader that goes away is an error of the writer, not the end of this program.
        signal(SIGPIPE, SIG_IGN)
        let enlarger = VideoEnlarger(try network.planes())
        if output != "-", FileManager.default.fileExists(atPath: output), !overwrite {
            throw CleanFailure("\(output) is there already; --overwrite replaces it")
        }
        guard output == "-" || Self.isVideo(output) else {
            throw CleanFailure(
                "\(output): a video goes to a .y4m, to '-', or to a \(FFmpeg.endings.joined(separator: ", ")) file")
        }
        let decoder = FFmpeg.isFor(input) ? try decoder() : nil
        let file = decoder == nil && input != "-" ? try opened() : nil
        defer { try? file?.close() }
        do {
            let reader = try Y4MReader(
                descriptor: decoder?.descriptor ?? file?.fileDescriptor ?? STDIN_FILENO, beginning: beginning,
                path: input == "-" ? "standard input" : input)
            let outcome = try written(enlarger, reader, decoder)
            if outcome.problem == nil { try decoder?.finish() } else { decoder?.stop() }
            try report(outcome)
        } catch let error as VideoError {
            // What the decoder says of a file explains more than the stream that it cut short.
            if case .header = error, let decoder { try decoder.finish() }
            decoder?.stop()
            throw error
        } catch {
            decoder?.stop()
            throw error
        }
    }

    private func decoder() throws -> FFmpeg.Running {
        guard FileManager.default.fileExists(atPath: input) else {
            throw CleanFailure("\(input): there is no such file")
        }
        return try FFmpeg(for: input).decoder(input)
    }

    private func opened() throws -> FileHandle {
        guard let file = FileHandle(forReadingAtPath: input) else {
            throw CleanFailure("\(input): the file can't be opened")
        }
        return file
    }

    /// Enlarges into the output: through a pipe, or a file that takes its name when it is whole.
    private func written(
        _ enlarger: VideoEnlarger, _ reader: Y4MReader, _ decoder: FFmpeg.Running?
    ) throws -> VideoEnlarger.Outcome {
        if output == "-" {
            return try enlarge(enlarger, reader) { line in
                try Y4MWriter(line: line, descriptor: STDOUT_FILENO, path: "standard output")
            }
        }
        let ffmpeg = FFmpeg.isFor(output) ? try FFmpeg(for: output) : nil
        return try AtomicFile.replacing(output) { temporary in
            guard let ffmpeg else {
                guard let file = FileHandle(forWritingAtPath: temporary) else {
                    throw CleanFailure("\(output): the file can't be written")
                }
                defer { try? file.close() }
                return try enlarge(enlarger, reader) { line in
                    try Y4MWriter(line: line, descriptor: file.fileDescriptor, path: output)
                }
            }
            let encoder = try ffmpeg.encoder(temporary, soundOf: decoder == nil ? nil : input)
            do {
                let outcome = try enlarge(enlarger, reader) { line in
                    try Y4MWriter(line: line, descriptor: encoder.descriptor, path: output)
                }
                try encoder.finish()
                return outcome
            } catch let error as VideoError {
                // A pipe breaks because the encoder failed: its own words come first.
                if case .system(_, "write", _) = error { try encoder.finish() }
                encoder.stop()
                throw error
            } catch {
                encoder.stop()
                throw error
            }
        }
    }

    private func enlarge(
        _ enlarger: VideoEnlarger, _ reader: Y4MReader, to output: (String) throws -> Y4MWriter
    ) throws -> VideoEnlarger.Outcome {
        let bar = ProgressBar(isSilent: json)
        defer { bar.end() }
        bar.begin("enlarging frames")
        return try enlarger.run(reader, to: output) { frames, _ in bar.step(frames) }
    }

    private func report(_ outcome: VideoEnlarger.Outcome) throws {
        let rate = outcome.rate
        let sizes = "\(outcome.before[0])x\(outcome.before[1]) to \(outcome.after[0])x\(outcome.after[1])"
        let text =
            "\(output == "-" ? "standard output" : output): \(outcome.frames) frames, \(sizes), "
            + String(format: "%.1f frames a second", rate)
        if json {
            try Console.print(
                json: Summary(
                    input: input, output: output, frames: outcome.frames, framesPerSecond: rate, from: outcome.before,
                    to: outcome.after, error: outcome.problem.map { "\($0)" }))
        } else if output == "-" {
            Console.remark(text)
        } else {
            Console.print(text)
        }
        if let problem = outcome.problem {
            Console.remark("mercer: \(problem)")
            throw ExitCode.fellShort
        }
    }

    private struct Summary: Encodable {
        let input: String
        let output: String
        let frames: Int
        let framesPerSecond: Double
        let from: [Int]
        let to: [Int]
        let error: String?
    }
}
