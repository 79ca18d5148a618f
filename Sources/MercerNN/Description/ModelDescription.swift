import Mercer

/// What the layers of a model do to an input, collected by ``UnaryLayer/trace(_:_:)``.
public struct ModelCost {
    struct Step {
        let module: Module
        let output: [Int]
        let multiplyAdds: Int
    }

    private(set) var steps: [Step] = []

    public init() {}

    /// Adds one call of a layer.
    ///
    /// - Parameters:
    ///   - output: the shape of its result.
    ///   - multiplyAdds: products that are added up, the whole batch together; element-wise work doesn't count.
    public mutating func record(_ module: Module, output: [Int], multiplyAdds: Int = 0) {
        steps.append(Step(module: module, output: output, multiplyAdds: multiplyAdds))
    }
}

/// Shapes, parameters and multiply-adds of a model, from shapes alone.
public struct ModelDescription: CustomStringConvertible {
    /// One call of a layer.
    public struct Row {
        /// The layer's dotted key.
        public let key: String
        public let type: String
        public let output: [Int]
        /// Elements of its own parameters; 0 where the layer was listed before.
        public let parameters: Int
        public let multiplyAdds: Int
    }

    public let rows: [Row]
    public let inputShape: [Int]
    public let outputShape: [Int]
    /// Elements of all parameters, shared ones once.
    public let parameters: Int
    public let trainableParameters: Int
    /// Of all layers, the whole batch together.
    public let multiplyAdds: Int
    /// Elements of all results: what a training step would keep if every layer kept its output.
    public let activations: Int

    init(of model: Module, _ cost: ModelCost, input: [Int], output: [Int]) {
        let keys = Dictionary(
            model.namedModules().map { (ObjectIdentifier($0.module), $0.key) }
        ) { first, _ in first }
        var seen = Set<ObjectIdentifier>()
        rows = cost.steps.map { step in
            let isNew = seen.insert(ObjectIdentifier(step.module)).inserted
            return Row(
                key: keys[ObjectIdentifier(step.module)] ?? "", type: "\(type(of: step.module))",
                output: step.output, parameters: isNew ? step.module.numberOfParameters() : 0,
                multiplyAdds: step.multiplyAdds)
        }
        inputShape = input
        outputShape = output
        parameters = model.numberOfParameters()
        trainableParameters = model.numberOfParameters(trainableOnly: true)
        multiplyAdds = rows.reduce(0) { $0 + $1.multiplyAdds }
        activations = rows.reduce(0) { $0 + $1.output.reduce(1, *) }
    }

    /// A table: key, type, output shape, parameters, multiply-adds.
    public var description: String {
        let cells =
            [["layer", "type", "output", "parameters", "multiply-adds"]]
            + rows.map { [$0.key, $0.type, "\($0.output)", "\($0.parameters)", "\($0.multiplyAdds)"] }
            + [["total", "", "\(outputShape)", "\(parameters)", "\(multiplyAdds)"]]
        let widths = (0..<5).map { column in cells.map { $0[column].count }.max()! }
        return cells.map { row in
            (0..<5).map { column in
                let space = String(repeating: " ", count: widths[column] - row[column].count)
                return column < 3 ? row[column] + space : space + row[column]
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}
