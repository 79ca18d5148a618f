import Mercer
import MercerNN

/// Two linear layers and a scale.
final class TwoLayers: Module, UnaryLayer {
    @ModuleInfo(key: "in_proj") var first = Linear(4, 3)
    let second: Linear
    @ParameterInfo(key: "gamma") var scale: Tensor = .ones([2])
    @BufferInfo var seen: Tensor = .zeros([1])
    @BufferInfo(isSaved: false) var table: Tensor = .ones([7])

    override init() { second = Linear(3, 2, bias: false) }

    func callAsFunction(_ x: Tensor) -> Tensor { second(first(x)) * scale }
}

/// Modules in arrays, dictionaries, optionals and tuples, two of them the same.
final class Nested: Module {
    let layers = [Linear(2, 2), Linear(2, 2)]
    let heads = ["b": Linear(2, 1), "a": Linear(2, 1)]
    var absent: Linear?
    let present: Linear? = Linear(2, 2, bias: false)
    let grid = [[Linear(1, 1, bias: false)], [Linear(1, 1, bias: false)]]
    @ParameterInfo var rows: [Tensor] = [.zeros([2]), .ones([3])]
    let again: Linear
    let sizes = [1, 2, 3]

    override init() { again = layers[0] }
}

/// An embedding whose table is also the output layer's weight.
final class Tied: Module {
    let embedding = Embedding(5, 3)
    let output = Linear(3, 5)

    override init() {
        super.init()
        output.$weight = embedding.$weight
    }
}

/// A parameter alone.
final class Vector: Module {
    @ParameterInfo var w: Tensor

    init(_ w: Tensor) { _w = ParameterInfo(wrappedValue: w) }
}
