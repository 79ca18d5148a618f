import Foundation
import Mercer
import MercerImageIO
import Synchronization

/// Resizes many picture files, several at a time: one a thread, so that memory stays within a few pictures.
public struct PictureJob: Sendable {
    /// What became of a file.
    public struct Outcome: Sendable {
        public enum State: String, Sendable, Codable {
            case done, skipped, failed
        }

        public let file: PictureFile
        public let state: State
        /// Width and height before and after; nil where the file wasn't resized.
        public let before: [Int]?
        public let after: [Int]?
        /// What was converted or given up, in words.
        public let notes: [String]
        /// Why it failed.
        public let error: String?
    }

    public let resizer: PictureResizer
    public let size: PictureSize
    /// What is written; nil for the format of the output's name, else that of the input.
    public var format: ImageFormat?
    public var encoding = ImageEncoding()
    /// Whether files that are there are replaced; otherwise they count as finished.
    public var overwrites = false
    /// The part of each picture that is resized, in pixels; nil for all of it.
    public var box: ResampleBox?

    public init(_ resizer: PictureResizer, _ size: PictureSize) {
        self.resizer = resizer
        self.size = size
    }

    /// Resizes the files; a file that fails doesn't stop the others.
    ///
    /// - Parameter report: told of each file when it is finished, from any thread.
    /// - Throws: `CancellationError` when the task is cancelled; what is written then is whole.
    public func run(
        _ files: [PictureFile], report: @escaping @Sendable (Outcome) -> Void = { _ in }
    ) throws -> [Outcome] {
        let outcomes = Mutex([Outcome?](repeating: nil, count: files.count))
        let folders = Set(files.map { ($0.output as NSString).deletingLastPathComponent })
        for folder in folders where !folder.isEmpty {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        try Parallel.forEachUnlessCancelled(files.count) { index in
            let outcome = process(files[index])
            outcomes.withLock { $0[index] = outcome }
            report(outcome)
        }
        return outcomes.withLock { $0.compactMap { $0 } }
    }

    private func process(_ file: PictureFile) -> Outcome {
        func outcome(
            _ state: Outcome.State, before: [Int]? = nil, after: [Int]? = nil, notes: [String] = [],
            error: String? = nil
        ) -> Outcome {
            Outcome(file: file, state: state, before: before, after: after, notes: notes, error: error)
        }
        if FileManager.default.fileExists(atPath: file.output), !overwrites {
            if file.replacesInput {
                return outcome(
                    .failed, error: "\(file.input): the result would replace the picture; --overwrite allows it")
            }
            return outcome(.skipped)
        }
        do {
            let picture = try Bitmap(contentsOf: file.input)
            let (result, notes) = try resized(picture)
            let format =
                self.format ?? ImageFormat(fileName: file.output) ?? picture.format ?? .png
            let (fitted, given) = result.fitted(to: format)
            try fitted.write(to: file.output, as: format, encoding)
            return outcome(
                .done, before: [picture.width, picture.height], after: [result.width, result.height],
                notes: notes + given)
        } catch {
            return outcome(.failed, error: "\(error)".hasPrefix(file.input) ? "\(error)" : "\(file.input): \(error)")
        }
    }

    /// One picture in the job's size, and what its reading converted.
    public func resized(_ picture: Bitmap) throws -> (Bitmap, notes: [String]) {
        if let box, case .exactly(let width, let height) = size {
            return (try resizer(picture, to: (height, width), box: box), picture.conversions)
        }
        return (try resizer(picture, size), picture.conversions)
    }
}
