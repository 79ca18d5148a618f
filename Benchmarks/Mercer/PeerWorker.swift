import Foundation

/// The process that measures the peers: `Benchmarks/peers/worker.py`, which takes a line of JSON and answers with
/// one.
public final class PeerWorker {
    private let process = Process()
    private let requests = Pipe()
    private let answers = Pipe()
    private var received = Data()

    /// - Parameters:
    ///   - python: the interpreter of the environment that has the peers.
    ///   - script: `worker.py`.
    /// - Throws: ``PeerError/notStarted(_:reason:)``.
    public init(python: URL, script: URL) throws {
        process.executableURL = python
        process.arguments = ["-u", script.path]
        // OpenMP, Qiskit and PennyLane bring thread-local storage of a fixed place; by default there isn't room for all.
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["GLIBC_TUNABLES": "glibc.rtld.optional_static_tls=65536"]) { mine, _ in mine }
        process.standardInput = requests
        process.standardOutput = answers
        // Writing to a process that has ended is to be an error, not the end of this one.
        signal(SIGPIPE, SIG_IGN)
        do {
            try process.run()
        } catch {
            throw PeerError.notStarted(python.path, reason: error.localizedDescription)
        }
    }

    deinit {
        try? requests.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// The versions of the peers' libraries.
    public func versions() throws -> [String: String] {
        try ask(Request(do: "versions"), Versions.self).versions
    }

    /// Makes a case ready.
    func open(_ one: BenchmarkCase, _ peer: BenchmarkCase.Peer, threads: Int) throws {
        let name = peer.outputs == .fresh ? one.kind : "\(one.kind):\(peer.outputs.rawValue)"
        _ = try ask(
            Request(
                do: "open", library: peer.library, case: name, parameters: one.parameters, threads: threads),
            Ready.self)
    }

    /// What the open case finds; nothing where results aren't compared.
    func results() throws -> [ResultSummary] { try ask(Request(do: "results"), Results.self).results }

    /// How long so many repetitions of the open case take, in seconds.
    func time(repeats: Int) throws -> Double {
        try ask(Request(do: "time", repeats: repeats), Time.self).seconds
    }

    private struct Request: Encodable {
        var `do`: String
        var library: String?
        var `case`: String?
        var parameters: [String: Int]?
        var threads: Int?
        var repeats: Int?
    }

    private struct Versions: Decodable { let versions: [String: String] }
    private struct Ready: Decodable { let ready: Bool }
    private struct Results: Decodable { let results: [ResultSummary] }
    private struct Time: Decodable { let seconds: Double }
    private struct Failure: Decodable { let error: String }

    private func ask<Answer: Decodable>(_ request: Request, _ type: Answer.Type) throws -> Answer {
        do {
            try requests.fileHandleForWriting.write(contentsOf: JSONEncoder().encode(request) + [10])
        } catch {
            throw PeerError.ended
        }
        let line = try readLine()
        if let failure = try? JSONDecoder().decode(Failure.self, from: line) {
            throw PeerError.failed(failure.error)
        }
        do {
            return try JSONDecoder().decode(type, from: line)
        } catch {
            throw PeerError.failed(
                "an answer that isn't understood: \(String(decoding: line, as: UTF8.self))")
        }
    }

    private func readLine() throws -> Data {
        while true {
            if let end = received.firstIndex(of: 10) {
                let line = received[received.startIndex..<end]
                received = Data(received[received.index(after: end)...])
                return Data(line)
            }
            let more = answers.fileHandleForReading.availableData
            if more.isEmpty { throw PeerError.ended }
            received += more
        }
    }
}

/// What can be wrong with the peers.
public enum PeerError: Error, Equatable, CustomStringConvertible, LocalizedError {
    case notStarted(String, reason: String)
    case failed(String)
    case ended

    public var description: String {
        switch self {
        case .notStarted(let path, let reason):
            "the peers can't be started with \(path): \(reason); 'make bench' makes their environment"
        case .failed(let reason): "a peer failed: \(reason)"
        case .ended: "the process of the peers ended before it answered; its message stands above"
        }
    }

    public var errorDescription: String? { description }
}
