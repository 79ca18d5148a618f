import Mercer

/// Something whose time is measured, alone or beside the same thing in another library.
///
/// Both sides return fresh tensors, as their users get them, unless a peer says ``Peer/Outputs/preallocated``.
public struct BenchmarkCase: Sendable {
    /// The name, such as `matmul/1024`: what is computed, a slash, the size.
    public let name: String
    public let work: Work
    /// Who does the same, and how many times as long it has to take.
    public let peers: [Peer]
    /// The sizes that Mercer's code and the peers' code share.
    public let parameters: [String: Int]
    /// Makes the inputs and returns what is measured, whose results are compared with the peer's once.
    public let prepare: @Sendable ([String: Int]) throws -> () -> [Tensor]

    /// A case whose results aren't compared.
    ///
    /// - Parameter prepare: makes the inputs from the parameters; the closure it returns is measured.
    public init(
        _ name: String, _ parameters: [String: Int], work: Work = Work(), peers: [Peer] = [],
        prepare: @escaping @Sendable ([String: Int]) throws -> () -> Void
    ) {
        self.init(name, parameters, work: work, peers: peers) { size in
            let body = try prepare(size)
            return {
                body()
                return []
            }
        }
    }

    /// A case whose results are compared with those of each peer that returns some, in the same order.
    ///
    /// - Parameter compute: makes the inputs from the parameters, by ``BenchmarkInput`` so that the peers can make the
    ///   same; the closure it returns is measured.
    // A closure without a label is `prepare`.
    @_disfavoredOverload
    public init(
        _ name: String, _ parameters: [String: Int], work: Work = Work(), peers: [Peer] = [],
        compute: @escaping @Sendable ([String: Int]) throws -> () -> [Tensor]
    ) {
        self.name = name
        self.parameters = parameters
        self.work = work
        self.peers = peers
        prepare = compute
    }

    /// What the machine has to do at least.
    public struct Work: Sendable {
        /// Float32 multiplications and additions.
        public var operations: Double
        /// Bytes that must come from memory.
        public var bytes: Double
        /// Bytes that must go to memory.
        public var written: Double

        public init(operations: Double = 0, bytes: Double = 0, written: Double = 0) {
            self.operations = operations
            self.bytes = bytes
            self.written = written
        }

        /// Whether a second thread is expected to pay: 10 million operations, or as many numbers moved.
        var isLarge: Bool { operations + (bytes + written) / 4 >= 1e7 }
    }

    /// The same case in another library: a function of the module `Benchmarks/peers/LIBRARY_cases.py`, registered
    /// under the part of the case's name before the slash.
    public struct Peer: Sendable {
        public let library: String
        /// The smallest ratio of the peer's time to Mercer's that is good enough.
        public let goal: Double
        public let outputs: Outputs

        public init(_ library: String, goal: Double, outputs: Outputs = .fresh) {
            self.library = library
            self.goal = goal
            self.outputs = outputs
        }

        /// Where the peer puts its results.
        public enum Outputs: String, Codable, Sendable {
            /// Into memory that the call asks for.
            case fresh
            /// Into memory that was there before: `out=` in PyTorch, registered as `KIND:preallocated`.
            case preallocated
        }
    }

    /// The name without the size: what peers call it.
    public var kind: String { String(name.split(separator: "/")[0]) }

    /// All cases. A file of `Cases/` adds its own here.
    public static let all: [BenchmarkCase] =
        matrixProducts + convolutions + depthwise + images + normalizations + elementwise + reductions + attention
        + fourierTransforms + training + smallTensors + resizing + rescaling + superResolution + restoring
        + kernelMethods + samplingAndTangents
        + quantumAndDeepKernels
}
