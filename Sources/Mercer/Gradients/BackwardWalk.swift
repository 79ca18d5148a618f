/// One walk back from results to variables.
///
/// Operations are visited in descending order of creation, which is an order in which each comes after all that
/// depend on it. Contributions to one tensor are added in that same order, so the sum is the same every time.
final class BackwardWalk {
    /// Operations of a lower level belong to gradient calls further out and are not entered.
    let level: Int32
    /// Whether what an operation kept may go as soon as it has been visited.
    private let releases: Bool
    /// Set while gradients are wanted for each example of a batch: its size.
    let exampleCount: Int?
    private var pending: [ObjectIdentifier: [Tensor?]] = [:]
    /// Variables, whose gradients are collected and not passed on.
    private let variables: [ObjectIdentifier: Node]

    init(variables: [Node], level: Int32, releases: Bool, exampleCount: Int? = nil) {
        self.variables = Dictionary(variables.map { (ObjectIdentifier($0), $0) }) { first, _ in first }
        self.level = level
        self.releases = releases
        self.exampleCount = exampleCount
    }

    /// Whether an operation is one of the variables that gradients are collected for.
    func isVariable(_ node: Node) -> Bool { variables[ObjectIdentifier(node)] != nil }

    /// Adds a contribution to the gradient of a tensor.
    func add(_ gradient: Tensor, to source: Node.Source) {
        let key = ObjectIdentifier(source.node)
        let index = Int(source.output)
        if pending[key] == nil {
            pending[key] = [Tensor?](repeating: nil, count: source.node.outputCount)
        }
        // Taken out before adding, so that the sum is made in place where nobody else holds it.
        if var sum = pending[key]![index] {
            pending[key]![index] = nil
            sum += gradient
            pending[key]![index] = sum
        } else {
            pending[key]![index] = gradient
        }
    }

    /// The gradient collected for a variable, or nil where nothing depends on it.
    func gradient(of variable: Tensor) -> Tensor? {
        pending[ObjectIdentifier(variable.node!)]?[Int(variable.outputIndex)]
    }

    /// A walk through operations that were recorded again within this one (a checkpoint): it collects for
    /// `variables` and for this walk's own, and hands the latter over when done.
    func nested(variables inner: [Node]) -> BackwardWalk {
        BackwardWalk(
            variables: inner + variables.values, level: level, releases: false, exampleCount: exampleCount)
    }

    /// Takes over what a nested walk has collected for this walk's variables.
    func collect(from nested: BackwardWalk) {
        for (key, node) in variables {
            guard let gradients = nested.pending[key] else { continue }
            for case let gradient? in gradients {
                add(gradient, to: Node.Source(node: node, output: 0, shape: gradient.shape))
            }
        }
    }

    /// Passes what has been added so far back from `roots` to the variables.
    func run(from roots: [Node]) {
        for node in order(from: roots) {
            let key = ObjectIdentifier(node)
            if variables[key] != nil { continue }
            guard let gradients = pending.removeValue(forKey: key) else { continue }
            guard let rule = node.rule else {
                fatalError("gradient: \(node.name) has been walked through before; its values are gone")
            }
            let results = rule(Backward(gradients: gradients, node: node, walk: self))
            precondition(
                results.count == node.sources.count,
                "gradient of \(node.name): \(results.count) gradients for \(node.sources.count) operands")
            for case (let result?, let source?) in zip(results, node.sources) where source.node.level >= level
            {
                add(result, to: source)
            }
            if releases { node.release() }
        }
    }

    /// All operations between the roots and the variables, latest first.
    private func order(from roots: [Node]) -> [Node] {
        var seen = Set<ObjectIdentifier>()
        var found: [Node] = []
        var stack = roots.filter { $0.level >= level }
        while let node = stack.popLast() {
            guard seen.insert(ObjectIdentifier(node)).inserted else { continue }
            found.append(node)
            if variables[ObjectIdentifier(node)] != nil { continue }
            for case let source? in node.sources where source.node.level >= level {
                stack.append(source.node)
            }
        }
        return found.sorted { $0.sequence > $1.sequence }
    }
}
