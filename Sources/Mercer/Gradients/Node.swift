import CKernels
import Synchronization

/// One recorded operation: what it was computed from and how a gradient passes back through it.
///
/// Nodes live as long as a tensor that depends on them; the numbers that the rule needs are captured by the rule.
final class Node: @unchecked Sendable {
    /// Where an operand came from, and its shape.
    struct Source {
        let node: Node
        let output: Int32
        let shape: [Int]
    }

    let name: StaticString
    /// Rising in order of creation, so that descending order is an order for the backward walk.
    let sequence: UInt64
    /// The deepest gradient call whose variables this depends on.
    let level: Int32
    /// For each operand the operation that made it; nil for constants.
    let sources: [Source?]
    let outputCount: Int
    /// Whether this depends on the examples of a per-example gradient call, and not on parameters alone.
    let dependsOnExamples: Bool
    /// Whether a gradient is wanted behind this: false for the examples themselves.
    let wantsGradient: Bool
    /// The walk that this operation is a part of, and its place there.
    var walk: UInt64 = 0
    var slot: Int32 = 0
    /// The walk in whose order this operation has been put.
    var queuedBy: UInt64 = 0
    private(set) var rule: ((Backward) -> [Tensor?])?
    /// Results that the rule asks for, without their node (they would hold it forever).
    private(set) var keptOutputs: [Tensor]

    init(
        _ name: StaticString, level: Int32, sources: [Source?], outputCount: Int = 1,
        keptOutputs: [Tensor] = [], isExample: Bool = false, rule: ((Backward) -> [Tensor?])?
    ) {
        self.name = name
        dependsOnExamples = isExample || sources.contains { $0?.node.dependsOnExamples ?? false }
        wantsGradient = !isExample
        sequence = Node.next.wrappingAdd(1, ordering: .relaxed).oldValue
        self.level = level
        self.sources = sources
        self.outputCount = outputCount
        self.keptOutputs = keptOutputs
        self.rule = rule
    }

    /// A variable of a gradient call.
    static func variable(level: Int32, from source: Source?) -> Node {
        Node("variable", level: level, sources: [source], rule: { [$0.gradient] })
    }

    /// An example of a per-example gradient call: tracked, so that it is known what depends on it, but constant.
    static func example(level: Int32) -> Node {
        Node("example", level: level, sources: [], isExample: true, rule: nil)
    }

    /// Lets go of everything that was kept for the backward walk.
    func release() {
        rule = nil
        keptOutputs = []
    }

    private static let next = Atomic<UInt64>(1)
}

/// What the rule of an operation is given in the backward walk.
public struct Backward {
    /// The gradient with respect to each result of the operation; nil where nothing depends on it.
    public let gradients: [Tensor?]
    let node: Node
    let walk: BackwardWalk

    /// The gradient with respect to the (first) result: same shape and type.
    public var gradient: Tensor { gradients[0]! }

    /// The operation's first result, for operations recorded with `keepsOutput`.
    public var output: Tensor { output(0) }

    /// A result of the operation, for operations recorded with `keepsOutput`.
    public func output(_ index: Int) -> Tensor {
        var result = node.keptOutputs[index]
        if Gradients.isRecording {
            result.node = node
            result.outputIndex = Int32(index)
        }
        return result
    }

    /// Whether the gradient with respect to an operand is wanted.
    public func needs(_ operand: Int) -> Bool { node.sources[operand]?.node.wantsGradient ?? false }

    /// Whether the gradient with respect to an operand is wanted for each example apart: the operand is a parameter,
    /// the result has the examples on its first axis, and the gradient gets that axis in front of the operand's
    /// shape. A rule that doesn't ask is called once for each example.
    public func perExample(_ operand: Int) -> Bool {
        walk.exampleCount != nil && node.dependsOnExamples
            && !(node.sources[operand]?.node.dependsOnExamples ?? true)
    }

    /// A gradient summed over the axes along which an operand was stretched, but for that of the examples where the
    /// gradient is wanted for each of them.
    public func unbroadcast(_ gradient: Tensor, to shape: [Int], operand: Int) -> Tensor {
        guard perExample(operand) else { return Mercer.unbroadcast(gradient, to: shape) }
        let examples = gradient.shape[0]
        // The operand's own first axis, where it spans all axes, was stretched over the examples (length 1).
        let rest = Array(gradient.shape.dropFirst())
        let inner = shape.count == gradient.rank ? Array(shape.dropFirst()) : shape
        let lead = rest.count - inner.count
        let axes = rest.indices.filter { $0 < lead || (inner[$0 - lead] == 1 && rest[$0] != 1) }.map {
            $0 + 1
        }
        let summed = axes.isEmpty ? gradient : gradient.sum(axes: axes, keepDims: true)
        return summed.reshaped([examples] + shape)
    }
}

/// The state of gradient recording on this thread.
public enum Gradients {
    /// True where operations on variables are recorded: inside the function of a gradient call, and in the backward
    /// walk of one that lies within another. A rule that has a faster form without derivatives of its own may use it
    /// where this is false.
    @inline(__always)
    public static var isRecording: Bool {
        let state = mercer_thread_state()
        return state.pointee.gradient_depth > 0 && state.pointee.recording_paused == 0
    }

    /// Runs `body` without recording anything on this thread.
    public static func paused<R>(_ body: () throws -> R) rethrows -> R {
        let state = mercer_thread_state()
        state.pointee.recording_paused += 1
        defer { state.pointee.recording_paused -= 1 }
        return try body()
    }
}

extension Tensor {
    /// Whether operations on this tensor are to be recorded: it depends on a variable of an open gradient call.
    @inline(__always)
    public var isTracked: Bool { node != nil && Gradients.isRecording }

    /// Records that this tensor was computed from `source`. Call only if `source.isTracked`.
    ///
    /// - Parameters:
    ///   - keepsOutput: whether `rule` reads ``Backward/output``. Capturing the result itself would be a cycle.
    ///   - rule: the gradient with respect to the operand, written with tensor operations.
    @inline(__always)
    public func tracked(
        _ name: StaticString, from source: Tensor, keepsOutput: Bool = false,
        _ rule: @escaping (Backward) -> Tensor?
    ) -> Tensor {
        attached(name, sources: [source], kept: keepsOutput) { [rule($0)] }
    }

    /// Records that this tensor was computed from `sources`, at least one of which is tracked.
    public func tracked(
        _ name: StaticString, from sources: [Tensor], keepsOutput: Bool = false,
        _ rule: @escaping (Backward) -> [Tensor?]
    ) -> Tensor {
        attached(name, sources: sources, kept: keepsOutput, rule)
    }

    private func attached(
        _ name: StaticString, sources: [Tensor], kept: Bool, _ rule: @escaping (Backward) -> [Tensor?]
    ) -> Tensor {
        var result = self.detached
        let node = Node(
            name, level: Node.level(of: sources), sources: sources.map(\.source),
            keptOutputs: kept ? [result] : [],
            rule: rule)
        result.node = node
        return result
    }

    /// Records an operation with several results. Results that aren't floating point stay constants.
    ///
    /// - Parameter capturesVariables: whether the operation depends on variables beside its sources.
    public static func tracked(
        _ name: StaticString, _ results: [Tensor], from sources: [Tensor], keepsOutputs: Bool = false,
        capturesVariables: Bool = false, _ rule: @escaping (Backward) -> [Tensor?]
    ) -> [Tensor] {
        let plain = results.map(\.detached)
        let node = Node(
            name,
            level: capturesVariables ? mercer_thread_state().pointee.gradient_depth : Node.level(of: sources),
            sources: sources.map(\.source), outputCount: results.count,
            keptOutputs: keepsOutputs ? plain : [], rule: rule)
        return plain.enumerated().map { index, result in
            guard result.dtype.isFloatingPoint || result.dtype.isComplex else { return result }
            var result = result
            result.node = node
            result.outputIndex = Int32(index)
            return result
        }
    }

    @inline(__always)
    var source: Node.Source? { node.map { Node.Source(node: $0, output: outputIndex, shape: shape) } }
}

extension Node {
    @inline(__always)
    static func level(of tensors: [Tensor]) -> Int32 {
        var level: Int32 = 0
        for tensor in tensors { if let node = tensor.node, node.level > level { level = node.level } }
        return level
    }
}
