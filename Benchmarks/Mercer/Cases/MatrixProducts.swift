import Mercer

extension BenchmarkCase {
    /// Float32 products `[m, k] · [k, n]`: square ones of several sizes, skinny ones, and linear layers with their
    /// activations.
    static let matrixProducts: [BenchmarkCase] =
        [product("64", 64, 64, 64), product("tokens-512x768x3072", 512, 768, 3072)]
        + ["", "-at-b", "-a-bt"].flatMap { form in
            [
                product("256", 256, 256, 256, form), product("512", 512, 512, 512, form),
                product("1024", 1024, 1024, 1024, form), product("2048", 2048, 2048, 2048, form),
                product("1x4096x4096", 1, 4096, 4096, form), product("16x4096x4096", 16, 4096, 4096, form),
                product("4096x64x4096", 4096, 64, 4096, form),
            ]
        } + [linearLayer("gelu", .gelu), linearLayer("silu", .silu)].flatMap { $0 }

    /// - Parameter form: which operand comes transposed.
    private static func product(_ size: String, _ m: Int, _ k: Int, _ n: Int, _ form: String = "")
        -> BenchmarkCase
    {
        let (m64, k64, n64) = (Double(m), Double(k), Double(n))
        return BenchmarkCase(
            "matmul\(form)/\(size)", ["m": m, "k": k, "n": n],
            work: Work(
                operations: 2 * m64 * k64 * n64, bytes: 4 * (m64 * k64 + k64 * n64), written: 4 * m64 * n64),
            peers: [Peer("torch", goal: 1.0)],
            compute: { size in
                let (m, k, n) = (size["m"]!, size["k"]!, size["n"]!)
                let a = BenchmarkInput.tensor(form == "-at-b" ? [k, m] : [m, k], seed: 1)
                let b = BenchmarkInput.tensor(form == "-a-bt" ? [n, k] : [k, n], seed: 2)
                return { [matmul(form == "-at-b" ? a.T : a, form == "-a-bt" ? b.T : b)] }
            })
    }

    /// A layer of a transformer's feed-forward part with bias and activation: forward, and with all gradients.
    private static func linearLayer(_ name: String, _ activation: FusedActivation) -> [BenchmarkCase] {
        let parameters = ["rows": 4096, "inputs": 384, "outputs": 1536]
        let operations = 2 * 4096.0 * 384 * 1536
        @Sendable func operands(_ size: [String: Int]) -> [Tensor] {
            let (rows, inputs, outputs) = (size["rows"]!, size["inputs"]!, size["outputs"]!)
            let weight = BenchmarkInput.tensor([outputs, inputs], seed: 2)
            return [
                BenchmarkInput.tensor([rows, inputs], seed: 1), weight * (1 / Double(inputs).squareRoot()),
                BenchmarkInput.tensor([outputs], seed: 3),
            ]
        }
        @Sendable func layer(_ x: [Tensor]) -> Tensor {
            linear(x[0], x[1], bias: x[2], activation: activation)
        }
        return [
            BenchmarkCase(
                "linear-\(name)/4096x384x1536", parameters, work: Work(operations: operations),
                peers: [Peer("torch", goal: 1.2)],
                compute: { size in
                    let x = operands(size)
                    return { [layer(x)] }
                }),
            gradients(
                "linear-\(name)", "4096x384x1536", parameters, work: Work(operations: 3 * operations), goal: 1.2,
                operands, layer),
        ]
    }

    /// A function and its gradients with respect to all operands, forward and backward; the result's gradient is 1
    /// for a number, else numbers of the seed 4.
    static func gradients(
        _ kind: String, _ size: String, _ parameters: [String: Int], work: Work, goal: Double,
        _ operands: @escaping @Sendable ([String: Int]) -> [Tensor],
        _ function: @escaping @Sendable ([Tensor]) -> Tensor
    ) -> BenchmarkCase {
        BenchmarkCase(
            "\(kind)-gradients/\(size)", parameters, work: work, peers: [Peer("torch", goal: goal)],
            compute: { size in
                let x = operands(size)
                let shape = function(x).shape
                let cotangent = shape.isEmpty ? Tensor(1 as Float) : BenchmarkInput.tensor(shape, seed: 4)
                return {
                    let (values, found) = vjp({ [function($0)] }, primals: x, cotangents: [cotangent])
                    return values + found
                }
            })
    }
}

/// Keeps the compiler from dropping a result that nobody reads.
@inline(never)
func discard(_ tensor: Tensor) {}
