import Mercer

/// Something whose time is measured, alone or beside the same thing in another library.
public struct BenchmarkCase: Sendable {
    /// The name, such as `matmul/1024`: what is computed, a slash, the size.
    public let name: String
    public let work: Work
    /// Who does the same, and what part of their time Mercer may take.
    public let peers: [Peer]
    /// The sizes that Mercer's code and the peers' code share.
    public let parameters: [String: Int]
    /// Makes the inputs and returns what is measured.
    public let prepare: @Sendable ([String: Int]) throws -> () -> Void

    /// - Parameter prepare: makes the inputs from the parameters; the closure it returns is measured.
    public init(
        _ name: String, _ parameters: [String: Int], work: Work = Work(), peers: [Peer] = [],
        prepare: @escaping @Sendable ([String: Int]) throws -> () -> Void
    ) {
        self.name = name
        self.parameters = parameters
        self.work = work
        self.peers = peers
        self.prepare = prepare
    }

    /// What the machine has to do at least.
    public struct Work: Sendable {
        /// Float32 multiplications and additions.
        public var operations: Double
        /// Bytes that must come from or go to memory.
        public var bytes: Double

        public init(operations: Double = 0, bytes: Double = 0) {
            self.operations = operations
            self.bytes = bytes
        }
    }

    /// The same case in another library: a function of the module `Benchmarks/peers/LIBRARY_cases.py`, registered
    /// under the part of the case's name before the slash.
    public struct Peer: Sendable {
        public let library: String
        /// The largest ratio of Mercer's time to the peer's that is good enough.
        public let goal: Double

        public init(_ library: String, goal: Double) {
            self.library = library
            self.goal = goal
        }
    }

    /// The name without the size: what peers call it.
    public var kind: String { String(name.split(separator: "/")[0]) }

    /// All cases. A file of `Cases/` adds its own here.
    public static let all: [BenchmarkCase] =
        matrixProducts + elementwise + reductions + resizing + kernelMethods
        + samplingAndTangents
}
