import Foundation

/// What a run of a paper showed: each claim beside its bar, tables, charts and pictures, and everything that is
/// needed to run it again.
public struct Report: Codable, Sendable {
    public let paper: String
    public let title: String
    public let date: Date
    /// Seconds.
    public let duration: Double
    /// The command that makes this report again.
    public let command: String
    public let seed: UInt64
    public let quick: Bool
    public let mercer: String
    public let swift: String
    public let machine: Machine
    public let claims: [ClaimResult]
    public let sections: [Section]

    /// Holds the findings of an experiment against its claims. A claim that wasn't measured is kept, as not met.
    public init(
        of paper: Paper, claims: [Claim], findings: Findings, date: Date, duration: Double, command: String,
        seed: UInt64, quick: Bool, machine: Machine = .current
    ) {
        self.paper = paper.slug
        self.title = paper.title
        self.date = date
        self.duration = duration
        self.command = command
        self.seed = seed
        self.quick = quick
        self.mercer = Version.mercer
        self.swift = Version.swift
        self.machine = machine
        self.claims = claims.map { claim in
            ClaimResult(claim, findings.measurements.first { $0.claim == claim.id })
        }
        self.sections = findings.sections
    }

    /// How many claims met their bars.
    public var passed: Int { claims.count(where: \.passed) }

    /// Whether every claim met its bar.
    public var passedAll: Bool { passed == claims.count }

    /// The charts in the order in which they are shown.
    public var charts: [Chart] {
        sections.flatMap(\.blocks).compactMap { block in
            if case .chart(let chart) = block { return chart }
            return nil
        }
    }

    /// The pictures in the order in which they are shown.
    public var pictures: [Picture] {
        sections.flatMap(\.blocks).flatMap { block -> [Picture] in
            if case .pictures(let pictures) = block { return pictures }
            return []
        }
    }
}

/// A claim, what was measured, and whether that is enough.
public struct ClaimResult: Codable, Hashable, Sendable, Identifiable {
    public let id: String
    public let sentence: String
    /// How it was measured.
    public let method: String
    /// The value that was held against the bar; nil when the run didn't measure the claim.
    public let measured: Double?
    public let unit: String
    /// The number of the bar.
    public let bar: Double
    public let direction: Bar.Direction
    /// For bars of direction `within`.
    public let tolerance: Double?
    public let passed: Bool
    /// How much is missing, in the claim's unit; nil when it passed or wasn't measured.
    public let shortBy: Double?
    public let statistic: Claim.Statistic
    /// The single values, one a seed.
    public let values: [Double]
    public let seeds: [UInt64]
    /// The standard deviation over the seeds; nil for fewer than two.
    public let spread: Double?
    public let note: String?

    init(_ claim: Claim, _ measurement: Measurement?) {
        let values = measurement?.values ?? []
        let measured = claim.statistic(values)
        let distance = claim.bar.distance(of: measured)
        id = claim.id
        sentence = claim.sentence
        method = claim.method
        self.measured = measured.isFinite ? measured : nil
        unit = claim.unit
        bar = claim.bar.value
        direction = claim.bar.direction
        tolerance = claim.bar.tolerance
        passed = claim.bar.isMet(by: measured)
        shortBy = distance > 0 && distance.isFinite ? distance : nil
        statistic = claim.statistic
        self.values = values.filter(\.isFinite)
        seeds = zip(measurement?.seeds ?? [], values).filter { $1.isFinite }.map(\.0)
        spread = measurement?.spread.flatMap { $0.isFinite ? $0 : nil }
        let broken = !values.isEmpty && !measured.isFinite ? "a value isn't a finite number" : nil
        note =
            [measurement?.note, broken, measurement == nil ? "not measured" : nil]
            .compactMap { $0 }.first
    }

    /// What wasn't measured is written as null, so that every claim has the same keys.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(sentence, forKey: .sentence)
        try container.encode(method, forKey: .method)
        try container.encode(measured, forKey: .measured)
        try container.encode(unit, forKey: .unit)
        try container.encode(bar, forKey: .bar)
        try container.encode(direction, forKey: .direction)
        try container.encode(tolerance, forKey: .tolerance)
        try container.encode(passed, forKey: .passed)
        try container.encode(shortBy, forKey: .shortBy)
        try container.encode(statistic, forKey: .statistic)
        try container.encode(values, forKey: .values)
        try container.encode(seeds, forKey: .seeds)
        try container.encode(spread, forKey: .spread)
        try container.encode(note, forKey: .note)
    }

    /// The bar as a rule.
    public var rule: Bar { Bar(direction, bar, tolerance: tolerance) }

    /// `53.9 points`, or a dash when nothing was measured.
    public var measuredText: String {
        guard let measured else { return "—" }
        return Format.measured(measured, spread: spread ?? tolerance) + unitSuffix
    }

    /// `≥ 6 points`.
    public var barText: String { rule.description + unitSuffix }

    /// `passed`, `short by 0.4 points`, `not measured`.
    public var verdict: String {
        if passed { return "passed" }
        guard let shortBy else { return "not measured" }
        switch direction {
        case .atLeast: return "short by \(Format.number(shortBy, digits: 2))\(unitSuffix)"
        case .atMost: return "over by \(Format.number(shortBy, digits: 2))\(unitSuffix)"
        case .within, .exact: return "off by \(Format.number(shortBy, digits: 2))\(unitSuffix)"
        }
    }

    private var unitSuffix: String {
        if unit.isEmpty { return "" }
        return unit == "×" || unit == "°" ? unit : " \(unit)"
    }
}
