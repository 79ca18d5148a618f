import Mercer
import Testing

/// Checks the gradient of a function by central differences in float64, and the gradient of the gradient by those of
/// the gradient.
///
/// The scalar that is differentiated is Σ w·f(x) with fixed uneven weights w, so that errors in one element don't cancel
/// those in another.
func expectGradients(
    at inputs: [Tensor], step: Double = 1e-5, tolerance: Double = 1e-6, secondOrder: Bool = true,
    sourceLocation: SourceLocation = #_sourceLocation, of f: @escaping ([Tensor]) -> Tensor
) {
    let loss = { (x: [Tensor]) -> Tensor in weighted(f(x)) }
    let slope: ([Tensor]) -> [Tensor] = grad(loss)
    expectDerivative(
        slope(inputs), at: inputs, step, tolerance, "first", sourceLocation
    ) { loss($0).item(Double.self) }
    guard secondOrder else { return }
    let alongSlope = { (x: [Tensor]) -> Tensor in
        let gradients = slope(x)
        return gradients.dropFirst().reduce(weighted(gradients[0])) { $0 + weighted($1) }
    }
    let curvature: ([Tensor]) -> [Tensor] = grad(alongSlope)
    expectDerivative(
        curvature(inputs), at: inputs, step, tolerance * 10, "second", sourceLocation
    ) { alongSlope($0).item(Double.self) }
}

private func weighted(_ y: Tensor) -> Tensor {
    let weights = (0..<y.count).map { i -> Double in
        let (a, b) = (Double((i * 7) % 5), Double(i % 3))
        return 0.7 + 0.3 * a - 0.1 * b
    }
    return (y * Tensor(weights, y.shape)).sum()
}

private func expectDerivative(
    _ gradients: [Tensor], at inputs: [Tensor], _ step: Double, _ tolerance: Double, _ order: String,
    _ sourceLocation: SourceLocation, _ value: ([Tensor]) -> Double
) {
    for (index, input) in inputs.enumerated() {
        #expect(gradients[index].shape == input.shape, sourceLocation: sourceLocation)
        let analytic = gradients[index].toArray(Double.self)
        let elements = input.toArray(Double.self)
        var worst = 0.0
        var place = 0
        for i in elements.indices {
            func shifted(_ h: Double) -> Double {
                var moved = elements
                moved[i] += h
                var all = inputs
                all[index] = Tensor(moved, input.shape)
                return value(all)
            }
            let h = step * max(1, abs(elements[i]))
            let numeric = (shifted(h) - shifted(-h)) / (2 * h)
            let error = abs(numeric - analytic[i]) / max(1, abs(numeric))
            if !(error <= worst) { (worst, place) = (error, i) }
        }
        #expect(
            worst <= tolerance, "\(order) derivative by input \(index), element \(place)",
            sourceLocation: sourceLocation)
    }
}

/// Uneven float64 numbers in [low, high), the same in every run.
func samples(_ shape: [Int], _ low: Double = -2, _ high: Double = 2, seed: UInt64 = 1) -> Tensor {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return Tensor(
        (0..<shape.reduce(1, *)).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return low + (high - low) * Double(state >> 11) / Double(1 << 53)
        }, shape)
}

/// Functions of one tensor in an array, whose type the compiler needn't search for among overloads.
func functions(_ all: ((Tensor) -> Tensor)...) -> [(Tensor) -> Tensor] { all }
