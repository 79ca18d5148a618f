import Foundation

/// One of the papers that Mercer holds: what it is called, when it appeared, what it is about.
///
/// The forty-seven papers are known from the start, whether or not their method is there yet; which ones can be
/// run is said by a ``Gallery``.
public struct Paper: Codable, Hashable, Sendable, Identifiable {
    /// The short name that commands and folders use, such as `muller`.
    public let slug: String
    /// The place in the list that the collection was made from, 1…47.
    public let position: Int
    public let title: String
    public let area: Area
    /// How many people wrote it, where that is known.
    public let authors: Int?
    /// When it appeared, `YYYY-MM-DD`, where that is known.
    public let date: String?
    /// The arXiv identifier, such as `2304.02859`.
    public let arxiv: String?
    /// Addresses of the authors' code.
    public let code: [String]
    /// What the paper does and finds, in a few sentences.
    public let summary: String

    public var id: String { slug }

    /// The address of the paper on arXiv.
    public var address: URL? { arxiv.flatMap { URL(string: "https://arxiv.org/abs/\($0)") } }

    /// The year it appeared.
    public var year: String? { date.map { String($0.prefix(4)) } }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        slug = try values.decode(String.self, forKey: .slug)
        position = try values.decode(Int.self, forKey: .position)
        title = try values.decode(String.self, forKey: .title)
        area = try values.decode(Area.self, forKey: .area)
        authors = try values.decodeIfPresent(Int.self, forKey: .authors)
        date = try values.decodeIfPresent(String.self, forKey: .date)
        arxiv = try values.decodeIfPresent(String.self, forKey: .arxiv)
        code = try values.decodeIfPresent([String].self, forKey: .code) ?? []
        summary = try values.decode(String.self, forKey: .summary)
    }
}

extension Paper {
    /// The field that a paper belongs to; each is a library product of its own.
    public enum Area: String, Codable, Sendable, CaseIterable {
        case image
        case vision
        case tuning
        case language
        case generative
        case splat
        case kernelMethods = "kernel-methods"
        case scaling
        case forge

        /// The area in words.
        public var title: String {
            switch self {
            case .image: "Images"
            case .vision: "Vision networks"
            case .tuning: "Fine-tuning"
            case .language: "Language models"
            case .generative: "Generating and editing"
            case .splat: "Scenes"
            case .kernelMethods: "Kernel methods"
            case .scaling: "Scaling"
            case .forge: "Compute kernels"
            }
        }
    }

    /// All papers, in the order of their positions.
    public static let all: [Paper] = {
        do {
            return try JSONDecoder().decode([Paper].self, from: Data(PackageResources.papers_json))
                .sorted { $0.position < $1.position }
        } catch {
            fatalError("Mercer: the built-in list of papers is damaged: \(error)")
        }
    }()

    /// The paper of this slug.
    ///
    /// - Throws: ``PaperError/unknown(_:similar:)`` with the slugs that read alike.
    public static func named(_ slug: String) throws -> Paper {
        if let paper = all.first(where: { $0.slug == slug }) { return paper }
        throw PaperError.unknown(slug, similar: similarSlugs(to: slug))
    }

    /// Slugs that someone who typed `text` may have meant, the likeliest first, at most three.
    static func similarSlugs(to text: String) -> [String] {
        let wanted = text.lowercased()
        let ranked = all.map { paper -> (slug: String, distance: Int) in
            let contained =
                wanted.count >= 3
                && (paper.slug.contains(wanted) || paper.title.lowercased().contains(wanted))
            return (paper.slug, contained ? 0 : editDistance(wanted, paper.slug))
        }
        return ranked.filter { $0.distance <= max(2, wanted.count / 3) }
            .sorted { ($0.distance, $0.slug) < ($1.distance, $1.slug) }
            .prefix(3).map(\.slug)
    }

    /// Levenshtein's distance: insertions, deletions and replacements that make `a` into `b`.
    private static func editDistance(_ a: String, _ b: String) -> Int {
        let b = Array(b)
        var row = Array(0...b.count)
        for (i, character) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for j in b.indices {
                let replaced = diagonal + (character == b[j] ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }
}

/// What can be wrong when a paper is asked for.
public enum PaperError: Error, Equatable, CustomStringConvertible, LocalizedError {
    /// No paper has this slug.
    case unknown(String, similar: [String])
    /// The paper is listed, but its method isn't built yet.
    case notYet(String)

    public var description: String {
        switch self {
        case .unknown(let slug, let similar) where similar.isEmpty:
            "there is no paper '\(slug)'; 'mercer papers' lists all of them"
        case .unknown(let slug, let similar):
            "there is no paper '\(slug)'; did you mean \(similar.map { "'\($0)'" }.joined(separator: " or "))?"
        case .notYet(let slug):
            "the paper '\(slug)' doesn't work yet: Mercer knows it, but its method isn't built; "
                + "'mercer papers' shows which ones run"
        }
    }

    public var errorDescription: String? { description }
}
