import Mercer

/// The tangent kernel of a finite network, Θ̂ᵢⱼᵃᵇ = Σ_θ ∂f_a(xᵢ)/∂θ · ∂f_b(zⱼ)/∂θ, by three routes that agree.
extension FiniteNetwork {
    /// How it is computed.
    public enum KernelRoute: Sendable, CaseIterable {
        /// Products of Jacobians, a block of parameters at a time.
        case jacobian
        /// A column at a time: the derivative along the gradient.
        case vectorProducts
        /// From the layers' inputs and backward signals: Σ_l (δ_l · δ_l′)(α·α′ W²/n + b²).
        case structured
    }

    /// Θ̂ as `[n, m, k, k]`.
    public func tangentKernel(_ x: Tensor, _ z: Tensor? = nil, route: KernelRoute = .structured) -> Tensor {
        let right = z ?? x
        let (n, m, k) = (x.shape[0], right.shape[0], outputs)
        let flat: Tensor
        switch route {
        case .structured: flat = structured(x, right)
        case .jacobian: flat = jacobian(x, right)
        case .vectorProducts:
            var columns: [Tensor] = []
            for b in 0..<k {
                for j in 0..<m {
                    let unit = Tensor([m, k], of: Double.self) { target in
                        for i in 0..<m * k { target[i] = i == j * k + b ? 1 : 0 }
                    }
                    columns.append(kernelProduct(x, right, unit.asType(right.dtype)).reshaped([1, n, k]))
                }
            }
            // [b, j, i, a] → [i, j, a, b].
            return concatenated(columns, axis: 0).reshaped([k, m, n, k]).transposed(2, 1, 3, 0)
        }
        // [a, i, b, j] → [i, j, a, b].
        return flat.reshaped([k, n, k, m]).transposed(1, 3, 0, 2)
    }

    /// The mean over outputs of Θ̂ᵢⱼᵃᵃ, `[n, m]`.
    public func traceKernel(_ x: Tensor, _ z: Tensor? = nil) -> Tensor {
        let right = z ?? x
        let (a, b) = (signals(x), z == nil ? nil : signals(right))
        let other = b ?? a
        var total: Tensor?
        for l in layers.indices {
            let inner = inputKernel(a.pass, other.pass, l)
            var product: Tensor?
            for c in 0..<outputs {
                let term = matmul(a.deltas[l][c], other.deltas[l][c].transposed())
                product = product.map { $0 + term } ?? term
            }
            let term = product! * inner
            total = total.map { $0 + term } ?? term
        }
        return total! / Double(outputs)
    }

    /// Θ̂(x, z) v for v `[m, k]`: the derivative along the gradient of v · f(z).
    public func kernelProduct(_ x: Tensor, _ z: Tensor, _ vector: Tensor) -> Tensor {
        derivative(x, along: pullBack(pass(z), vector))
    }

    // MARK: Routes

    /// A forward pass, and for each layer and output the signal δ `[n, out]` behind its pre-activation.
    private func signals(_ x: Tensor) -> (pass: Pass, deltas: [[Tensor]]) {
        let pass = pass(x)
        var deltas = [[Tensor]](repeating: [], count: layers.count)
        for output in 0..<outputs {
            let unit = Tensor((0..<outputs).map { $0 == output ? 1.0 : 0 }, [1, outputs]).asType(x.dtype)
            var delta = unit.broadcast(to: [x.shape[0], outputs])
            for l in layers.indices.reversed() {
                if let slope = pass.slopes[l] { delta = delta * slope }
                deltas[l].append(delta)
                if l > 0 { delta = matmul(delta, layers[l].weight) * layers[l].scale }
            }
        }
        return (pass, deltas)
    }

    /// α · α′ W²/n + b² of a layer.
    private func inputKernel(_ a: Pass, _ b: Pass, _ l: Int) -> Tensor {
        let layer = layers[l]
        return matmul(a.inputs[l], b.inputs[l].transposed()) * (layer.scale * layer.scale) + layer.bStd * layer.bStd
    }

    private func structured(_ x: Tensor, _ z: Tensor) -> Tensor {
        let (a, b) = (signals(x), signals(z))
        let (n, m, k) = (x.shape[0], z.shape[0], outputs)
        var total: Tensor?
        for l in layers.indices {
            let left = concatenated(a.deltas[l], axis: 0)
            let right = concatenated(b.deltas[l], axis: 0)
            let products = matmul(left, right.transposed()).reshaped([k, n, k, m])
            let term = products * inputKernel(a.pass, b.pass, l).reshaped([1, n, 1, m])
            total = total.map { $0 + term } ?? term
        }
        return total!
    }

    private func jacobian(_ x: Tensor, _ z: Tensor) -> Tensor {
        let (a, b) = (signals(x), signals(z))
        var total: Tensor?
        func add(_ left: Tensor, _ right: Tensor, _ scale: Double) {
            let term = matmul(left, right.transposed()) * scale
            total = total.map { $0 + term } ?? term
        }
        let rows = 8
        for (l, layer) in layers.enumerated() {
            let out = layer.weight.shape[0]
            for first in Swift.stride(from: 0, to: out, by: rows) {
                let some = first..<min(out, first + rows)
                // ∂f_c(xᵢ)/∂W[o, j] = δ_c[i, o] α[i, j] W_std/√n for some o.
                func part(_ side: (pass: Pass, deltas: [[Tensor]])) -> Tensor {
                    let input = side.pass.inputs[l]
                    let (n, width) = (input.shape[0], input.shape[1])
                    let blocks = side.deltas[l].map { delta -> Tensor in
                        let signal = delta[0..<n, some].reshaped([n, some.count, 1])
                        return (signal * input.reshaped([n, 1, width])).reshaped([n, some.count * width])
                    }
                    return concatenated(blocks, axis: 0)
                }
                add(part(a), part(b), layer.scale * layer.scale)
            }
            add(
                concatenated(a.deltas[l], axis: 0), concatenated(b.deltas[l], axis: 0), layer.bStd * layer.bStd)
        }
        return total!
    }
}

/// How far a kernel has moved: |A − B|/|B| in the Frobenius norm.
public func relativeDistance(_ a: Tensor, _ b: Tensor) -> Double {
    let (x, y) = (a.asType(.float64), b.asType(.float64))
    let difference = x - y
    let above = (difference * difference).sum().item(Double.self)
    return (above / (y * y).sum().item(Double.self)).squareRoot()
}
