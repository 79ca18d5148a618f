import Mercer

extension BenchmarkCase {
    /// Functions of elements, and copies in another order: what memory allows, and what the function costs. 16 million
    /// numbers lie in memory, 64 thousand in the caches. PyTorch is measured with fresh results, which the system has to
    /// hand out page by page where they are large, and with preallocated ones; Mercer's are fresh, from its allocator.
    static let elementwise: [BenchmarkCase] = ElementCase.Size.allCases.flatMap {
        (size) -> [BenchmarkCase] in
        let cases: [ElementCase] =
            [
                .init("exp") { [exp($0[0])] }, .init("tanh") { [tanh($0[0])] },
                .init("log") { [log($0[0])] }.shifted(1.25), .init("sqrt") { [sqrt($0[0])] }.shifted(1.25),
                .init("gelu") { [gelu($0[0])] }, .init("silu") { [silu($0[0])] },
                .init("add", 2) { [$0[0] + $0[1]] }, .init("multiply", 2) { [$0[0] * $0[1]] },
                .init("multiply-add", 3) { [multiplyAdd($0[0], $0[1], $0[2])] },
                .init("concatenate", 2, results: 2) { [concatenated([$0[0], $0[1]], axis: 1)] },
                .init("transpose") { [$0[0].T.contiguous()] },
                .init("transpose-channels") {
                    let (rows, columns) = ($0[0].shape[0], $0[0].shape[1])
                    return [$0[0].reshaped([16, rows / 16, columns]).swappedAxes(1, 2).contiguous()]
                },
            ]
        var benchmarks = cases.map { $0.benchmark(size) }
        benchmarks += [addRow(size), gatherRows(size), gatherElements(size)]
        benchmarks.append(activation("gelu", size) { gelu($0[0]) })
        benchmarks.append(activation("silu", size) { silu($0[0]) })
        return benchmarks
    }

    private static func addRow(_ size: ElementCase.Size) -> BenchmarkCase {
        BenchmarkCase(
            "add-row/\(size.rawValue)", size.parameters, work: size.work(reads: 1, writes: 1), peers: size.peers,
            compute: { size in
                let x = BenchmarkInput.tensor([size["rows"]!, size["columns"]!], seed: 1)
                let row = BenchmarkInput.tensor([size["columns"]!], seed: 2)
                return { [x + row] }
            })
    }

    private static func gatherRows(_ size: ElementCase.Size) -> BenchmarkCase {
        BenchmarkCase(
            "gather-rows/\(size.rawValue)", size.parameters, work: size.work(reads: 1, writes: 1),
            peers: size.peers,
            compute: { size in
                let rows = size["rows"]!
                let x = BenchmarkInput.tensor([rows, size["columns"]!], seed: 1)
                let index = BenchmarkInput.integers([rows], below: rows, seed: 2)
                return { [x.take(index, axis: 0)] }
            })
    }

    private static func gatherElements(_ size: ElementCase.Size) -> BenchmarkCase {
        // The indices have eight bytes each.
        BenchmarkCase(
            "gather-elements/\(size.rawValue)", size.parameters, work: size.work(reads: 3, writes: 1),
            peers: size.peers,
            compute: { size in
                let shape = [size["rows"]!, size["columns"]!]
                let x = BenchmarkInput.tensor(shape, seed: 1)
                let index = BenchmarkInput.integers(shape, below: shape[1], seed: 2)
                return { [x.takeAlong(index, axis: 1)] }
            })
    }

    private static func activation(
        _ name: String, _ size: ElementCase.Size, _ function: @escaping @Sendable ([Tensor]) -> Tensor
    ) -> BenchmarkCase {
        gradients(
            name, size.rawValue, size.parameters, work: size.work(reads: 3, writes: 2), goal: size.goal,
            { size in [BenchmarkInput.tensor([size["rows"]!, size["columns"]!], seed: 1)] }, function)
    }
}

/// A function of matrices, element by element, in two sizes.
struct ElementCase {
    /// The number of elements.
    enum Size: String, CaseIterable {
        case large = "16M"
        case small = "64K"

        var parameters: [String: Int] {
            switch self {
            case .large: ["rows": 16384, "columns": 1024]
            case .small: ["rows": 64, "columns": 1024]
            }
        }

        var goal: Double {
            switch self {
            case .large: 2
            case .small: 1.5
            }
        }

        var peers: [BenchmarkCase.Peer] {
            [.init("torch", goal: goal), .init("torch", goal: goal, outputs: .preallocated)]
        }

        /// So many numbers of four bytes read and written for each element.
        func work(reads: Double, writes: Double) -> BenchmarkCase.Work {
            let bytes = 4.0 * Double(parameters["rows"]! * parameters["columns"]!)
            return .init(bytes: reads * bytes, written: writes * bytes)
        }
    }

    private let name: String
    private let operands: Int
    private let results: Double
    private let function: @Sendable ([Tensor]) -> [Tensor]
    private var shift = 0.0

    /// - Parameter results: numbers written for each element of an operand.
    init(
        _ name: String, _ operands: Int = 1, results: Double = 1,
        _ function: @escaping @Sendable ([Tensor]) -> [Tensor]
    ) {
        self.name = name
        self.operands = operands
        self.results = results
        self.function = function
    }

    /// The same on larger numbers, for functions that aren't defined everywhere.
    func shifted(_ shift: Double) -> ElementCase {
        var other = self
        other.shift = shift
        return other
    }

    func benchmark(_ size: Size) -> BenchmarkCase {
        let (operands, shift, function) = (operands, shift, function)
        return BenchmarkCase(
            "\(name)/\(size.rawValue)", size.parameters, work: size.work(reads: Double(operands), writes: results),
            peers: size.peers,
            compute: { size in
                let x = (0..<operands).map { i in
                    let numbers = BenchmarkInput.tensor(
                        [size["rows"]!, size["columns"]!], seed: UInt32(1 + i))
                    return shift == 0 ? numbers : numbers + shift
                }
                return { function(x) }
            })
    }
}
