import Foundation

/// A JSON file beside this one.
enum Fixture {
    static func read<T: Decodable>(_ name: String, as type: T.Type = T.self) throws -> T {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
        return try JSONDecoder().decode(T.self, from: Data(contentsOf: folder.appending(path: name)))
    }
}

/// Options of a PyTorch constructor: numbers, flags, lists.
struct FixtureOptions: Decodable {
    private enum Value: Decodable {
        case flag(Bool)
        case number(Double)
        case numbers([Double])
        case text(String)
        case none

        init(from decoder: any Decoder) throws {
            let box = try decoder.singleValueContainer()
            if box.decodeNil() {
                self = .none
            } else if let flag = try? box.decode(Bool.self) {
                self = .flag(flag)
            } else if let number = try? box.decode(Double.self) {
                self = .number(number)
            } else if let text = try? box.decode(String.self) {
                self = .text(text)
            } else {
                self = .numbers(try box.decode([Double].self))
            }
        }
    }

    private let values: [String: Value]

    init(from decoder: any Decoder) throws {
        values = try decoder.singleValueContainer().decode([String: Value].self)
    }

    func number(_ key: String, _ standard: Double = 0) -> Double {
        if case .number(let number) = values[key] { number } else { standard }
    }
    func numbers(_ key: String, _ standard: [Double]) -> [Double] {
        if case .numbers(let numbers) = values[key] { numbers } else { standard }
    }
    func flag(_ key: String) -> Bool { if case .flag(true) = values[key] { true } else { false } }
    func text(_ key: String) -> String? { if case .text(let text) = values[key] { text } else { nil } }
}
