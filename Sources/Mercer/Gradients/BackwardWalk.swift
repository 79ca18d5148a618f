import Synchronization

/// One walk back from results to variables.
///
/// Operations are visited in descending order of creation, which is an order in which each comes after all that
/// depend on it. Contributions to one tensor are added in that same order, so the sum is the same every time.
final class BackwardWalk {
    /// Operations of a lower level belong to gradient calls further out and are not entered.
    let level: Int32
    /// Set while gradients are wanted for each example of a batch: its size.
    let exampleCount: Int?
    /// Whether what an operation kept may go as soon as it has been visited.
    private let releases: Bool
    /// The walk in one of whose rules this one runs (a checkpoint's). It is handed what comes to operations that it
    /// is going to visit itself.
    private let enclosing: BackwardWalk?
    /// Marks the operations of this walk.
    private let identity: UInt64
    /// What has been added so far to the results of each operation of this walk, at the operation's ``Node/slot``.
    private var slots: [Slot] = []

    private struct Slot {
        /// For the first result, the only one of most operations.
        var first: Tensor?
        var others: [Tensor?]?
        var isVariable = false
    }

    /// - Parameter variables: their gradients are collected and not passed on.
    init(
        variables: [Node], level: Int32, releases: Bool, exampleCount: Int? = nil, within enclosing: BackwardWalk? = nil
    ) {
        self.level = level
        self.releases = releases
        self.exampleCount = exampleCount
        self.enclosing = enclosing
        identity = Self.next.wrappingAdd(1, ordering: .relaxed).oldValue
        for variable in variables {
            claim(variable)
            slots[Int(variable.slot)].isVariable = true
        }
    }

    private static let next = Atomic<UInt64>(1)

    /// Adds a contribution to the gradient of a tensor.
    func add(_ gradient: Tensor, to source: Node.Source) {
        let node = source.node
        if node.walk != identity {
            var outer = enclosing
            while let walk = outer {
                if node.walk == walk.identity { return walk.add(gradient, to: source) }
                outer = walk.enclosing
            }
            claim(node)
        }
        let slot = Int(node.slot)
        if source.output == 0 {
            slots[slot].first = Self.sum(slots[slot].first.take(), gradient)
        } else {
            if slots[slot].others == nil { slots[slot].others = Array(repeating: nil, count: node.outputCount - 1) }
            let index = Int(source.output) - 1
            slots[slot].others![index] = Self.sum(slots[slot].others![index].take(), gradient)
        }
    }

    /// The first summand is consumed, so that the sum is made in place where nobody else holds it.
    private static func sum(_ a: consuming Tensor?, _ b: Tensor) -> Tensor {
        guard var sum = a else { return b }
        sum += b
        return sum
    }

    /// The gradient collected for a variable, or nil where nothing depends on it.
    func gradient(of variable: Node) -> Tensor? { slots[Int(variable.slot)].first }

    /// Passes what has been added so far back from `roots` to the variables.
    func run(from roots: [Node]) {
        for node in order(from: roots) {
            let slot = Int(node.slot)
            guard !slots[slot].isVariable else { continue }
            let first = slots[slot].first.take()
            let others = slots[slot].others.take()
            guard first != nil || others != nil else { continue }
            guard let rule = node.rule else {
                fatalError("gradient: \(node.name) has been walked through before; its values are gone")
            }
            let gradients = [first] + (others ?? [])
            let results =
                exampleCount.map { gradientsForEachExample($0, node, gradients, rule) }
                ?? rule(Backward(gradients: gradients, node: node, walk: self))
            precondition(
                results.count == node.sources.count,
                "gradient of \(node.name): \(results.count) gradients for \(node.sources.count) operands")
            pass(results, from: node)
            if releases { node.release() }
        }
    }

    private func pass(_ results: [Tensor?], from node: Node) {
        for case (let result?, let source?) in zip(results, node.sources) where enters(source.node) {
            precondition(
                exampleCount != nil || result.shape == source.shape,
                "gradient of \(node.name): shape \(result.shape) for an operand of shape \(source.shape)")
            add(result, to: source)
        }
    }

    private func enters(_ node: Node) -> Bool { node.level >= level && node.wantsGradient }

    /// Makes an operation one of this walk.
    private func claim(_ node: Node) {
        node.walk = identity
        node.slot = Int32(slots.count)
        slots.append(Slot())
    }

    /// Whether an operation is one that a walk further out is going to visit.
    private func belongsToEnclosingWalk(_ node: Node) -> Bool {
        var outer = enclosing
        while let walk = outer {
            if node.walk == walk.identity { return true }
            outer = walk.enclosing
        }
        return false
    }

    /// All operations between the roots and the variables, latest first.
    private func order(from roots: [Node]) -> [Node] {
        var found: [Node] = []
        var stack: [Node] = []
        func reach(_ node: Node) {
            // Roots were claimed when their gradients were added.
            guard enters(node), node.queuedBy != identity, !belongsToEnclosingWalk(node) else { return }
            node.queuedBy = identity
            if node.walk != identity { claim(node) }
            found.append(node)
            if !slots[Int(node.slot)].isVariable { stack.append(node) }
        }
        for root in roots { reach(root) }
        while let node = stack.popLast() {
            for case let source? in node.sources { reach(source.node) }
        }
        found.sort { $0.sequence > $1.sequence }
        return found
    }
}
