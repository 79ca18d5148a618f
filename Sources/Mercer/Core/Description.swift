import Foundation

/// How a tensor is printed: as NumPy does it, with the middle of long axes left out.
extension Tensor: CustomStringConvertible, CustomDebugStringConvertible {
    public var description: String { Printer(self).text }

    public var debugDescription: String { "Tensor(shape: \(shape), \(dtype))\n\(description)" }

    private struct Printer {
        let tensor: Tensor
        /// More elements than this are summarised.
        let threshold = 1000
        /// Elements shown at either end of a summarised axis.
        let edge = 3
        var cells: [Int: String] = [:]
        var width = 0

        init(_ tensor: Tensor) {
            self.tensor = tensor
            var shown: [Int] = []
            visit(axis: 0, at: tensor.offset) { shown.append($0) }
            let texts = Self.format(shown.map { Self.value(tensor, $0) }, tensor.dtype)
            cells = Dictionary(zip(shown, texts)) { first, _ in first }
            width = texts.map(\.count).max() ?? 0
        }

        var text: String { render(axis: 0, at: tensor.offset, indent: 1) }

        private var summarises: Bool { tensor.count > threshold }

        /// The shown indices of an axis; nil stands for those left out.
        private func indices(_ axis: Int) -> [Int?] {
            let n = tensor.shape[axis]
            if !summarises || n <= 2 * edge { return Array(0..<n) }
            return Array(0..<edge) + [nil] + Array((n - edge)..<n)
        }

        private func visit(axis: Int, at position: Int, _ body: (Int) -> Void) {
            if axis == tensor.rank { return body(position) }
            for case let i? in indices(axis) {
                visit(axis: axis + 1, at: position + i * tensor.strides[axis], body)
            }
        }

        private func render(axis: Int, at position: Int, indent: Int) -> String {
            if axis == tensor.rank { return cells[position] ?? "" }
            let last = axis == tensor.rank - 1
            let parts = indices(axis).map { index -> String in
                guard let index else { return "..." }
                let text = render(
                    axis: axis + 1, at: position + index * tensor.strides[axis], indent: indent + 1)
                return last ? String(repeating: " ", count: width - text.count) + text : text
            }
            if last { return "[" + parts.joined(separator: ", ") + "]" }
            let lines = String(repeating: "\n", count: tensor.rank - axis - 1)
            return "[" + parts.joined(separator: "," + lines + String(repeating: " ", count: indent)) + "]"
        }

        private enum Value {
            case whole(String)
            case real(Double)
            case complex(Double, Double)
        }

        private static func value(_ tensor: Tensor, _ index: Int) -> Value {
            switch tensor.dtype {
            case .bool: .whole(tensor.number(at: index) != 0 ? "true" : "false")
            case .int64: .whole(String(tensor.storage.pointer.assumingMemoryBound(to: Int64.self)[index]))
            case .uint64: .whole(String(tensor.storage.pointer.assumingMemoryBound(to: UInt64.self)[index]))
            case .complex64:
                {
                    let z = tensor.storage.pointer.assumingMemoryBound(to: Complex<Float>.self)[index]
                    return .complex(Double(z.real), Double(z.imaginary))
                }()
            case .complex128:
                {
                    let z = tensor.storage.pointer.assumingMemoryBound(to: Complex<Double>.self)[index]
                    return .complex(z.real, z.imaginary)
                }()
            case let type where type.isFloatingPoint: .real(tensor.number(at: index))
            default: .whole(String(Int(tensor.number(at: index))))
            }
        }

        private static func format(_ values: [Value], _ dtype: DType) -> [String] {
            let numbers = values.flatMap { value -> [Double] in
                switch value {
                case .whole: []
                case .real(let x): [x]
                case .complex(let re, let im): [re, im]
                }
            }
            let style = NumberStyle(numbers)
            return values.map { value in
                switch value {
                case .whole(let text): text
                case .real(let x): style.text(x)
                case .complex(let re, let im):
                    style.text(re) + (im.sign == .minus ? "-" : "+") + style.text(im.magnitude) + "i"
                }
            }
        }
    }

    /// One way of writing for all numbers of a tensor: up to four decimals, or scientific where they span much.
    private struct NumberStyle {
        let scientific: Bool
        let decimals: Int

        init(_ numbers: [Double]) {
            let sizes = numbers.filter { $0.isFinite && $0 != 0 }.map(\.magnitude)
            let largest = sizes.max() ?? 0
            let smallest = sizes.min() ?? 0
            let scientific = largest >= 1e8 || (smallest > 0 && (smallest < 1e-4 || largest / smallest > 1e5))
            self.scientific = scientific
            let digits = 4
            decimals =
                numbers.filter(\.isFinite).map { number -> Int in
                    var text = String(format: scientific ? "%.\(digits)e" : "%.\(digits)f", number)
                    if scientific { text = String(text.prefix { $0 != "e" }) }
                    while text.hasSuffix("0") { text.removeLast() }
                    return text.split(separator: ".", omittingEmptySubsequences: false).last.map(\.count) ?? 0
                }.max() ?? 0
        }

        func text(_ x: Double) -> String {
            if x.isNaN { return "nan" }
            if x.isInfinite { return x < 0 ? "-inf" : "inf" }
            if scientific { return String(format: "%.\(decimals)e", x) }
            return String(format: "%.\(decimals)f", x) + (decimals == 0 ? "." : "")
        }
    }
}
