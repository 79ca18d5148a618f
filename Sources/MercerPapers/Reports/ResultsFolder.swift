import Foundation

/// The folder where reports are kept: one folder a paper, in it one folder a run, named after its time.
///
/// ```
/// results/
///   muller/
///     2026-03-01T14-05-09Z/
///       report.json   everything that was measured
///       report.html   the page, complete in itself
///       charts/NAME.svg
///       pictures/NAME.png
/// ```
/// A run's folder is written beside under another name and renamed when it is complete, so that a reader never
/// sees half a report. Nothing is ever replaced: the history stays.
public struct ResultsFolder: Sendable {
    public let root: URL

    public init(_ root: URL) { self.root = root }

    /// `$XDG_DATA_HOME/mercer/results`, by default `~/.local/share/mercer/results`.
    public static var standard: ResultsFolder {
        ResultsFolder(UserFolders.data.appendingPathComponent("results"))
    }

    /// A report and the folder that holds it.
    public struct Stored: Sendable {
        public let report: Report
        public let folder: URL
        /// The page to open in a browser.
        public var page: URL { folder.appendingPathComponent("report.html") }
    }

    /// Writes a report with its charts, pictures and page.
    ///
    /// - Throws: ``ResultsError/unwritable(_:reason:)``.
    public func save(_ report: Report) throws -> Stored {
        let folder = root.appendingPathComponent(report.paper)
        let manager = FileManager.default
        do {
            try manager.createDirectory(at: folder, withIntermediateDirectories: true)
            let draft = folder.appendingPathComponent(".writing-\(UUID().uuidString)")
            defer { try? manager.removeItem(at: draft) }
            try write(report, to: draft)
            return Stored(report: report, folder: try publish(draft, in: folder, date: report.date))
        } catch {
            throw ResultsError.unwritable(folder.path, reason: "\(error.localizedDescription)")
        }
    }

    private func write(_ report: Report, to folder: URL) throws {
        let manager = FileManager.default
        let charts = folder.appendingPathComponent("charts")
        let pictures = folder.appendingPathComponent("pictures")
        try manager.createDirectory(at: charts, withIntermediateDirectories: true)
        try manager.createDirectory(at: pictures, withIntermediateDirectories: true)
        for chart in report.charts {
            try Data(chart.svg().utf8).write(to: charts.appendingPathComponent("\(chart.name).svg"))
        }
        for picture in report.pictures {
            try picture.png.write(to: folder.appendingPathComponent(picture.file))
        }
        try Self.encoder.encode(report).write(to: folder.appendingPathComponent("report.json"))
        try Data(ReportPage(report).html.utf8).write(to: folder.appendingPathComponent("report.html"))
    }

    /// Gives a complete folder the name of its time; of two that end in the same second the later gets a number.
    private func publish(_ draft: URL, in folder: URL, date: Date) throws -> URL {
        let time = Self.timestamp(date)
        var target = folder.appendingPathComponent(time)
        var attempt = 1
        while rename(draft.path, target.path) != 0 {
            guard errno == EEXIST || errno == ENOTEMPTY else { throw CocoaError(.fileWriteUnknown) }
            attempt += 1
            target = folder.appendingPathComponent("\(time)-\(attempt)")
        }
        return target
    }

    /// The folders of a paper's runs, the newest first.
    public func history(of paper: Paper) -> [URL] {
        let folder = root.appendingPathComponent(paper.slug)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { !$0.hasPrefix(".") }
            .sorted { $0.compare($1, options: .numeric) == .orderedDescending }
            .map { folder.appendingPathComponent($0) }
            .filter { FileManager.default.fileExists(atPath: $0.appendingPathComponent("report.json").path) }
    }

    /// The newest report of a paper, nil when it was never run.
    ///
    /// - Throws: ``ResultsError/damaged(_:reason:)`` when the newest report can't be read.
    public func newest(of paper: Paper) throws -> Stored? {
        guard let folder = history(of: paper).first else { return nil }
        return try Self.load(folder)
    }

    /// Reads the report in a folder.
    ///
    /// - Throws: ``ResultsError/damaged(_:reason:)``.
    public static func load(_ folder: URL) throws -> Stored {
        let file = folder.appendingPathComponent("report.json")
        do {
            let decoder = JSONDecoder()
            decoder.dateDecodingStrategy = .iso8601
            decoder.nonConformingFloatDecodingStrategy = .convertFromString(
                positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
            decoder.userInfo[Picture.folderKey] = folder
            return Stored(
                report: try decoder.decode(Report.self, from: Data(contentsOf: file)), folder: folder)
        } catch let error as DecodingError {
            throw ResultsError.damaged(file.path, reason: error.sentence)
        } catch {
            throw ResultsError.damaged(file.path, reason: error.localizedDescription)
        }
    }

    private static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        // JSON has no numbers for these.
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return encoder
    }

    static func timestamp(_ date: Date) -> String {
        date.formatted(.iso8601).replacingOccurrences(of: ":", with: "-")
    }
}

/// What can be wrong with the folder of results.
public enum ResultsError: Error, Equatable, CustomStringConvertible, LocalizedError {
    case unwritable(String, reason: String)
    case damaged(String, reason: String)

    public var description: String {
        switch self {
        case .unwritable(let path, let reason):
            "the report can't be written to \(path): \(reason); '--results DIR' names another folder"
        case .damaged(let path, let reason):
            "the report \(path) can't be read: \(reason); delete its folder or run the paper again"
        }
    }

    public var errorDescription: String? { description }
}

extension DecodingError {
    /// What is wrong and where, as one sentence.
    var sentence: String {
        func place(_ context: Context) -> String {
            let path = context.codingPath.map(\.stringValue).joined(separator: ".")
            return path.isEmpty ? "" : " at '\(path)'"
        }
        switch self {
        case .keyNotFound(let key, let context): return "'\(key.stringValue)' is missing\(place(context))"
        case .valueNotFound(_, let context), .typeMismatch(_, let context):
            return "a value of another kind is expected\(place(context))"
        case .dataCorrupted(let context): return "\(context.debugDescription)\(place(context))"
        @unknown default: return "\(self)"
        }
    }
}
