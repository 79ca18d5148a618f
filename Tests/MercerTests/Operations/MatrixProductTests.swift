import CKernels
import Mercer
import Testing

@Suite struct MatrixProductTests {
    private static func numbers(_ shape: [Int], _ seed: UInt64) -> Tensor {
        samples(shape, -1, 1, seed: seed).asType(.float32)
    }

    /// Σ_k a[i, k] · b[k, j] by three loops in double precision.
    private static func plain(_ a: Tensor, _ b: Tensor) -> [Double] {
        let (rows, depth, columns) = (a.shape[0], a.shape[1], b.shape[1])
        let (p, q) = (a.asType(.float64).toArray(Double.self), b.asType(.float64).toArray(Double.self))
        var y = [Double](repeating: 0, count: rows * columns)
        for i in 0..<rows {
            for k in 0..<depth {
                for j in 0..<columns { y[i * columns + j] += p[i * depth + k] * q[k * columns + j] }
            }
        }
        return y
    }

    private static func difference(_ y: Tensor, _ expected: [Double]) -> Double {
        let given = y.asType(.float64).toArray(Double.self)
        guard given.count == expected.count else { return .infinity }
        return zip(given, expected).map { abs($0 - $1) }.max() ?? 0
    }

    static let sizes = [
        [1, 1, 1], [3, 5, 7], [1, 64, 100], [64, 1, 31], [15, 33, 1], [29, 31, 37], [13, 1, 400],
        [1, 100, 3],
        [57, 65, 801], [5, 64, 1203], [257, 70, 401], [14, 32, 512], [300, 3, 2], [30, 300, 17], [2, 7, 0],
    ]

    @Test(arguments: sizes) func productsOfAnyShapeAndLayoutMatchPlainLoops(_ size: [Int]) {
        let (rows, columns, depth) = (size[0], size[1], size[2])
        let (a, b) = (Self.numbers([rows, depth], 1), Self.numbers([depth, columns], 2))
        let expected = Self.plain(a, b)
        let (at, bt) = (a.T.contiguous().T, b.T.contiguous().T)
        for (left, right) in [(a, b), (at, b), (a, bt), (at, bt)] {
            #expect(Self.difference(matmul(left, right), expected) < 1e-4)
        }
        let scattered = Self.numbers([2 * max(rows, 1), 3 * max(depth, 1)], 3)[.stride(by: 2), .stride(by: 3)]
        if depth > 0 { #expect(Self.difference(matmul(scattered, b), Self.plain(scattered, b)) < 1e-4) }
        #expect(
            Self.difference(matmul(at.asType(.float64), b.asType(.float64)), expected) < 1e-12)
    }

    @Test func deepProductsWithSmallResultsMatchPlainLoops() {
        let (a, b) = (Self.numbers([9000, 5], 1), Self.numbers([9000, 40], 2))
        #expect(Self.difference(matmul(a.T, b), Self.plain(a.T, b)) < 1e-3)
    }

    /// Tables of the instruction sets that this machine has.
    private static var kernels: [(InstructionSet, mercer_gemm_kernels)] {
        let tables = [mercer_gemm_table.0, mercer_gemm_table.1, mercer_gemm_table.2]
        return InstructionSet.allCases.filter { $0.rawValue <= InstructionSet.supported.rawValue }
            .map { ($0, tables[$0.rawValue]) }
    }

    @Test(arguments: [1, 2, 4, 7, 8, 9, 12, 15, 16, 17, 20, 24, 25, 31, 32, 33, 41, 56])
    func panelsOfAnyWidthMatchPlainLoopsOnEveryInstructionSet(_ columns: Int) {
        let (rows, depth) = (3, 11)
        let (a, b) = (Self.numbers([rows, depth], 1), Self.numbers([depth, columns], 2))
        let bias = Self.numbers([columns], 3).toArray(Float.self)
        var expected = Self.plain(a, b)
        for i in expected.indices { expected[i] += Double(bias[i % columns]) }
        let (left, right) = (a.T.contiguous().toArray(Float.self), b.toArray(Float.self))
        for (isa, kernels) in Self.kernels {
            let width = Int(kernels.panel_columns)
            var packed = [Float](repeating: .nan, count: (columns + width - 1) / width * width * depth)
            kernels.pack_right_rows(Int64(depth), Int64(columns), right, Int64(columns), Int64(depth), &packed)
            var y = [Float](repeating: .nan, count: rows * columns)
            y.withUnsafeMutableBufferPointer { out in
                let pointers = (0..<rows).map { out.baseAddress! + $0 * columns }
                kernels.panel(
                    Int64(rows), Int64(columns), 1, Int64(depth), left, nil, 0, packed, pointers, 0, bias, false)
            }
            #expect(Self.difference(Tensor(y), expected) < 1e-5, "\(isa)")
        }
    }

    @Test(arguments: [(1, 1, 1, 1), (5, 3, 9, 1), (20, 9, 40, 3), (10, 20, 33, 20), (29, 24, 17, 48), (16, 63, 5, 64)])
    func outerProductsInPlaceMatchPlainLoopsOnEveryInstructionSet(_ size: (Int, Int, Int, Int)) {
        let (rows, columns, run, step) = size
        let left = Self.numbers([run * (rows + 2)], 1).toArray(Float.self)
        let right = Self.numbers([(run - 1) * step + columns], 2).toArray(Float.self)
        let start = Self.numbers([rows * (columns + 1)], 3).toArray(Float.self)
        var expected = start.map { Double($0) }
        for k in 0..<run {
            for i in 0..<rows {
                for j in 0..<columns {
                    expected[i * (columns + 1) + j] += Double(left[k * (rows + 2) + i]) * Double(right[k * step + j])
                }
            }
        }
        for (isa, kernels) in Self.kernels {
            var y = start
            kernels.outer(
                Int64(rows), Int64(columns), Int64(run), left, Int64(rows + 2), right, Int64(step), &y,
                Int64(columns + 1))
            #expect(Self.difference(Tensor(y), expected) < 1e-5, "\(isa)")
        }
    }

    @Test func oneAndTwoThreadsGiveTheSameBits() {
        for size in [[300, 200, 500], [20, 500, 700], [1, 3000, 400], [5, 40, 9000]] {
            let (a, b) = (Self.numbers([size[0], size[2]], 1), Self.numbers([size[2], size[1]], 2))
            let one = Parallel.withThreads(1) { matmul(a, b).toArray(Float.self) }
            let two = Parallel.withThreads(2) { matmul(a, b).toArray(Float.self) }
            #expect(one == two)
        }
    }

    @Test func leadingAxesBroadcastAndVectorsLoseTheirAxis() {
        let (a, b) = (samples([2, 1, 3, 4]), samples([5, 4, 2], seed: 2))
        let y = matmul(a, b)
        #expect(y.shape == [2, 5, 3, 2])
        #expect(Self.difference(y[1, 3], Self.plain(a[1, 0], b[3])) < 1e-12)
        #expect(matmul(samples([4]), samples([4])).shape == [])
        #expect(matmul(samples([4]), samples([5, 4, 3])).shape == [5, 3])
        #expect(matmul(samples([5, 3, 4]), samples([4])).shape == [5, 3])
        #expect(matmul(Tensor.zeros([0, 3, 4]), Tensor.zeros([4, 2])).shape == [0, 3, 2])
        #expect(outer(samples([3]), samples([2])).shape == [3, 2])
        #expect(tensordot(samples([3, 4, 5]), samples([4, 5, 2])).shape == [3, 2])
    }

    @Test func integersHalvesAndComplexNumbersHaveProducts() {
        let (a, b) = (Tensor([1, 2, 3, 4] as [Int8], [2, 2]), Tensor([100, 7, 100, 1] as [Int8], [2, 2]))
        #expect(matmul(a, b).toArray(Int32.self) == [300, 9, 700, 25])
        let wide = matmul(a.asType(.int64), b.asType(.int64))
        #expect(wide.toArray(Int64.self) == [300, 9, 700, 25])
        #expect(matmul(a.asType(.float16), b.asType(.float16)).toArray(Float16.self) == [300, 9, 700, 25])
        let z = Tensor([Complex(1.0, 2.0), Complex(0.0, -1.0)], [1, 2])
        let w = Tensor([Complex(3.0, 0.0), Complex(2.0, 5.0)], [2, 1])
        #expect(matmul(z, w).toArray(Complex<Double>.self) == [Complex(8.0, 4.0)])
    }

    @Test func gradientsMatchFiniteDifferences() {
        expectGradients(at: [samples([3, 4]), samples([4, 2], seed: 2)]) { matmul($0[0], $0[1]) }
        expectGradients(at: [samples([2, 1, 3, 4]), samples([3, 4, 2], seed: 2)]) { matmul($0[0], $0[1]) }
        expectGradients(at: [samples([2, 3, 4]), samples([4, 2], seed: 2)]) { matmul($0[0], $0[1]) }
        expectGradients(at: [samples([4]), samples([4, 3], seed: 2)]) { matmul($0[0], $0[1]) }
        expectGradients(at: [samples([3, 4]), samples([5, 4], seed: 2), samples([5], seed: 3)]) {
            linear($0[0], $0[1], bias: $0[2])
        }
        expectGradients(at: [samples([2, 2]), samples([2, 3], seed: 2), samples([3, 2], seed: 3)]) {
            addmm($0[0], $0[1], $0[2], alpha: 0.5, beta: 2)
        }
    }

    @Test(arguments: FusedActivation.allCases)
    func fusedActivationsMatchThoseOnTheirOwn(_ activation: FusedActivation) {
        for shape in [[37, 21, 45], [1, 50, 9], [300, 70, 33]] {
            let inputs = [
                Self.numbers([shape[0], shape[2]], 1), Self.numbers([shape[1], shape[2]], 2),
                Self.numbers([shape[1]], 3),
            ]
            let fused = { (x: [Tensor]) in [linear(x[0], x[1], bias: x[2], activation: activation)] }
            let apart = { (x: [Tensor]) in [activation(linear(x[0], x[1], bias: x[2]))] }
            let expected = vjp(apart, primals: inputs, cotangents: [Self.numbers([shape[0], shape[1]], 4)])
            let given = vjp(fused, primals: inputs, cotangents: [Self.numbers([shape[0], shape[1]], 4)])
            #expect(Self.difference(fused(inputs)[0], expected.values[0].asType(.float64).toArray()) < 1e-5)
            for (p, q) in zip(given.values + given.gradients, expected.values + expected.gradients) {
                #expect(Self.difference(p, q.asType(.float64).toArray()) < 1e-4)
            }
            let curvature = [fused, apart].map { f in
                hessianVectorProduct({ f($0)[0].sum() }, primals: inputs, vector: inputs).product
            }
            for (p, q) in zip(curvature[0], curvature[1]) {
                #expect(Self.difference(p, q.asType(.float64).toArray()) < 1e-2)
            }
        }
    }

    @Test func linearLayersHaveGradientsForEachExample() {
        let (w, b) = (samples([3, 4], seed: 5), samples([3], seed: 6))
        let x = samples([5, 2, 4])
        let each = perExampleGradients { (p: [Tensor], x: Tensor) in
            linear(x, p[0], bias: p[1]).square().sum(axes: [1, 2])
        }([w, b], x)
        for n in 0..<5 {
            let single = grad { (p: [Tensor]) in
                linear(x[n], p[0], bias: p[1]).square().sum()
            }([w, b])
            for (given, expected) in zip(each, single) {
                #expect(Self.difference(given[n], expected.toArray(Double.self)) < 1e-12)
            }
        }
    }

    @Test func einsteinSumsMatchTheirMeaning() {
        let (a, b) = (samples([2, 3, 4]), samples([2, 4, 5], seed: 2))
        #expect(allClose(einsum("bij,bjk->bik", a, b), matmul(a, b)))
        #expect(allClose(einsum("...ij,...jk", a, b), matmul(a, b)))
        #expect(allClose(einsum("bij->jb", a), a.sum(axis: 1).T))
        let square = samples([3, 3])
        let diagonal = (0..<3).map { square[$0, $0].item(Double.self) }
        #expect(einsum("ii->i", square).toArray(Double.self) == diagonal)
        #expect(abs(einsum("ii", square).item(Double.self) - diagonal.reduce(0, +)) < 1e-12)
        #expect(allClose(einsum("i,j->ij", samples([3]), samples([4])), outer(samples([3]), samples([4]))))
        let chain = einsum("ij,jk,kl->il", samples([2, 3]), samples([3, 4]), samples([4, 2]))
        #expect(allClose(chain, matmul(matmul(samples([2, 3]), samples([3, 4])), samples([4, 2]))))
        expectGradients(at: [samples([2, 3, 3]), samples([3, 2], seed: 2)]) {
            einsum("bii,ij->bj", $0[0], $0[1])
        }
        expectGradients(at: [samples([2, 3]), samples([4, 3], seed: 2)]) { einsum("ij,kj->", $0[0], $0[1]) }
    }
}
