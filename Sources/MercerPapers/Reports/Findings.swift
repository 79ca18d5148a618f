/// What an experiment found: the measured values of its claims, and what there is to look at.
///
/// Blocks are shown in the order in which they are added, under the section that was opened last.
public struct Findings: Sendable {
    public private(set) var measurements: [Measurement] = []
    public private(set) var sections: [Section] = []
    private let claims: Set<String>
    private var names: Set<String> = []

    public init(for experiment: some Experiment) {
        claims = Set(experiment.claims.map(\.id))
    }

    /// Records the value of a claim that doesn't depend on chance.
    public mutating func measure(_ claim: String, _ value: Double, note: String? = nil) {
        record(Measurement(claim: claim, values: [value], seeds: [], note: note))
    }

    /// Records the values of a claim, one for each seed.
    public mutating func measure(
        _ claim: String, _ values: [Double], seeds: [UInt64], note: String? = nil
    ) {
        precondition(
            values.count == seeds.count,
            "Findings.measure(\"\(claim)\"): \(values.count) values, but \(seeds.count) seeds")
        record(Measurement(claim: claim, values: values, seeds: seeds, note: note))
    }

    /// Says why a claim wasn't measured in this run. It counts as not met.
    public mutating func skip(_ claim: String, because reason: String) {
        record(Measurement(claim: claim, values: [], seeds: [], note: reason))
    }

    private mutating func record(_ measurement: Measurement) {
        let id = measurement.claim
        precondition(claims.contains(id), "Findings: the experiment has no claim \"\(id)\"")
        precondition(
            !measurements.contains { $0.claim == id }, "Findings: claim \"\(id)\" was measured twice")
        measurements.append(measurement)
    }

    /// Opens a section: what follows stands under this heading.
    public mutating func section(_ title: String) {
        sections.append(Section(title: title, blocks: []))
    }

    /// Adds a paragraph. `` `code` `` and `**bold**` are understood.
    public mutating func text(_ paragraph: String) { append(.text(paragraph)) }

    public mutating func table(_ table: Table) { append(.table(table)) }

    public mutating func chart(_ chart: Chart) {
        takeName(chart.name)
        append(.chart(chart))
    }

    /// Adds pictures that are looked at side by side.
    public mutating func pictures(_ pictures: [Picture]) {
        for picture in pictures { takeName(picture.name) }
        append(.pictures(pictures))
    }

    private mutating func takeName(_ name: String) {
        precondition(
            names.insert(name).inserted, "Findings: two charts or pictures are named \"\(name)\"")
    }

    private mutating func append(_ block: Block) {
        if sections.isEmpty { section("Results") }
        sections[sections.count - 1].blocks.append(block)
    }
}

/// The values that were measured for a claim.
public struct Measurement: Codable, Hashable, Sendable {
    public let claim: String
    public let values: [Double]
    /// The seed of each value; empty when chance plays no part.
    public let seeds: [UInt64]
    public let note: String?

    /// The sample's standard deviation, nil for fewer than two values.
    public var spread: Double? {
        guard values.count > 1 else { return nil }
        let mean = values.reduce(0, +) / Double(values.count)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (squares / Double(values.count - 1)).squareRoot()
    }
}

/// A part of a report under one heading.
public struct Section: Codable, Sendable {
    public var title: String
    public var blocks: [Block]
}

/// One thing to read or to look at.
public enum Block: Sendable {
    case text(String)
    case table(Table)
    case chart(Chart)
    case pictures([Picture])
}

extension Block: Codable {
    private enum CodingKeys: String, CodingKey { case text, table, chart, pictures }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        if let text = try values.decodeIfPresent(String.self, forKey: .text) {
            self = .text(text)
        } else if let table = try values.decodeIfPresent(Table.self, forKey: .table) {
            self = .table(table)
        } else if let chart = try values.decodeIfPresent(Chart.self, forKey: .chart) {
            self = .chart(chart)
        } else {
            self = .pictures(try values.decode([Picture].self, forKey: .pictures))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .text(let text): try values.encode(text, forKey: .text)
        case .table(let table): try values.encode(table, forKey: .table)
        case .chart(let chart): try values.encode(chart, forKey: .chart)
        case .pictures(let pictures): try values.encode(pictures, forKey: .pictures)
        }
    }
}
