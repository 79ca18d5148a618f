import Foundation

/// A sum of products in Einstein's notation, as NumPy's and PyTorch's `einsum`.
///
/// ```swift
/// einsum("bhqd,bkhd->bhqk", q, k)      // scores of attention
/// einsum("ii->i", x)                   // the diagonal
/// einsum("...ij,...jk", a, b)          // a matrix product of stacks
/// ```
///
/// A letter that several operands share runs over both; what isn't among the output's letters is summed over. Without
/// `->` the output has the letters that appear once, in alphabetical order, after the axes of `...`. Operands are
/// taken from left to right, each pair as one matrix product.
public func einsum(_ equation: String, _ operands: Tensor...) -> Tensor { einsum(equation, operands) }

/// A sum of products in Einstein's notation. See ``einsum(_:_:)-(String,Tensor...)``.
public func einsum(_ equation: String, _ operands: [Tensor]) -> Tensor {
    let einstein = Einstein(equation, operands.map(\.shape))
    var terms = zip(operands, einstein.inputs).map { einstein.prepared($0, $1) }
    var term = terms.removeFirst()
    while !terms.isEmpty {
        let next = terms.removeFirst()
        let wanted = Set(einstein.output).union(terms.flatMap(\.labels))
        term = einstein.product(term, next, wanted)
    }
    return einstein.arranged(term)
}

/// An equation read for operands of given shapes.
private struct Einstein {
    /// A letter, or an axis of the ellipsis counted from the last one.
    enum Label: Hashable {
        case letter(Character)
        case ellipsis(Int)
    }

    struct Term {
        var tensor: Tensor
        var labels: [Label]
    }

    let inputs: [[Label]]
    let output: [Label]
    private var lengths: [Label: Int] = [:]

    init(_ equation: String, _ shapes: [[Int]]) {
        let compact = equation.filter { $0 != " " }
        let sides = compact.components(separatedBy: "->")
        precondition(sides.count <= 2, "einsum: \"\(equation)\" has more than one arrow")
        let parts = sides[0].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        precondition(
            parts.count == shapes.count,
            "einsum: \"\(equation)\" names \(parts.count) operands, \(shapes.count) are given, of shapes \(shapes)")
        var inputs: [[Label]] = []
        var ellipsisRank = 0
        for (part, shape) in zip(parts, shapes) {
            let letters = part.replacingOccurrences(of: "...", with: "").count
            let extra = shape.count - letters
            precondition(
                part.contains("...") ? extra >= 0 : extra == 0,
                "einsum: \"\(part)\" in \"\(equation)\" doesn't fit a tensor of shape \(shape)")
            inputs.append(Self.labels(part, extra, equation))
            ellipsisRank = max(ellipsisRank, part.contains("...") ? extra : 0)
        }
        self.inputs = inputs
        for (labels, shape) in zip(inputs, shapes) {
            for (label, length) in zip(labels, shape) {
                let known = lengths[label]
                precondition(
                    known == nil || known == length || known == 1 || length == 1,
                    "einsum: \"\(equation)\" gives an axis lengths \(known ?? 0) and \(length), in shapes \(shapes)")
                lengths[label] = known == nil || known == 1 ? length : known
            }
        }
        if sides.count == 2 {
            output = Self.labels(sides[1], sides[1].contains("...") ? ellipsisRank : 0, equation)
        } else {
            var counts: [Character: Int] = [:]
            for case .letter(let letter) in inputs.joined() { counts[letter, default: 0] += 1 }
            let once = counts.filter { $0.value == 1 }.keys.sorted()
            output = (0..<ellipsisRank).reversed().map { .ellipsis($0) } + once.map { .letter($0) }
        }
        precondition(
            Set(output).count == output.count && output.allSatisfy { lengths[$0] != nil },
            "einsum: the output of \"\(equation)\" must name axes of the operands, each once")
    }

    private static func labels(_ part: String, _ extra: Int, _ equation: String) -> [Label] {
        var labels: [Label] = []
        var rest = Substring(part)
        while let first = rest.first {
            if rest.hasPrefix("...") {
                labels += (0..<extra).reversed().map { .ellipsis($0) }
                rest = rest.dropFirst(3)
            } else {
                precondition(first.isLetter, "einsum: \"\(first)\" in \"\(equation)\" is neither a letter nor ...")
                labels.append(.letter(first))
                rest = rest.dropFirst()
            }
        }
        return labels
    }

    private func length(_ label: Label) -> Int { lengths[label]! }

    /// An operand whose axes have different labels and full lengths.
    func prepared(_ tensor: Tensor, _ labels: [Label]) -> Term {
        var term = Term(tensor: tensor.broadcast(to: labels.map(length)), labels: labels)
        while let (a, b) = repeated(term.labels) {
            term.tensor = term.tensor.diagonalOfAxes(a, b)
            term.labels.remove(at: b)
        }
        return term
    }

    private func repeated(_ labels: [Label]) -> (Int, Int)? {
        for (b, label) in labels.enumerated() {
            if let a = labels[..<b].firstIndex(of: label) { return (a, b) }
        }
        return nil
    }

    private func summed(_ term: Term, keeping wanted: Set<Label>) -> Term {
        let axes = term.labels.indices.filter { !wanted.contains(term.labels[$0]) }
        if axes.isEmpty { return term }
        return Term(tensor: term.tensor.sum(axes: axes), labels: term.labels.filter { wanted.contains($0) })
    }

    private func arranged(_ term: Term, _ labels: [Label]) -> Tensor {
        term.tensor.transposed(axes: labels.map { term.labels.firstIndex(of: $0)! })
    }

    /// The product of two terms, summed over what is not wanted any more.
    func product(_ first: Term, _ second: Term, _ wanted: Set<Label>) -> Term {
        let a = summed(first, keeping: wanted.union(second.labels))
        let b = summed(second, keeping: wanted.union(first.labels))
        let shared = a.labels.filter { b.labels.contains($0) }
        let batch = shared.filter { wanted.contains($0) }
        let summedOver = shared.filter { !wanted.contains($0) }
        let left = a.labels.filter { !b.labels.contains($0) }
        let right = b.labels.filter { !a.labels.contains($0) }
        let lead = batch.map(length)
        let labels = batch + left + right
        if summedOver.isEmpty {
            let p = arranged(a, batch + left).reshaped(labels.map { right.contains($0) ? 1 : length($0) })
            let q = arranged(b, batch + right).reshaped(labels.map { left.contains($0) ? 1 : length($0) })
            return Term(tensor: p * q, labels: labels)
        }
        func size(_ labels: [Label]) -> Int { labels.map(length).reduce(1, *) }
        let product = matmul(
            arranged(a, batch + left + summedOver).reshaped(lead + [size(left), size(summedOver)]),
            arranged(b, batch + summedOver + right).reshaped(lead + [size(summedOver), size(right)]))
        return Term(tensor: product.reshaped(labels.map(length)), labels: labels)
    }

    /// The output.
    func arranged(_ term: Term) -> Tensor {
        let result = summed(term, keeping: Set(output))
        return arranged(result, output)
    }
}

extension Tensor {
    /// The elements whose indices on two axes of one length are equal, on the first of these axes. A view.
    fileprivate func diagonalOfAxes(_ a: Int, _ b: Int) -> Tensor {
        var strides = self.strides
        var shape = self.shape
        strides[a] += strides[b]
        strides.remove(at: b)
        shape.remove(at: b)
        let view = Tensor(storage: storage, shape: shape, strides: strides, offset: offset, dtype: dtype)
        guard isTracked else { return view }
        return view.tracked("diagonal", from: self) { $0.gradient.embeddedDiagonal(a, b) }
    }

    /// The transpose of ``diagonalOfAxes(_:_:)``: the axis `a` twice, zeros where the indices differ.
    fileprivate func embeddedDiagonal(_ a: Int, _ b: Int) -> Tensor {
        var whole = shape
        whole.insert(shape[a], at: b)
        let result = Tensor.zeros(whole, dtype)
        StridedCopy.copy(from: self.detached, to: result.diagonalOfAxes(a, b))
        guard isTracked else { return result }
        return result.tracked("embeddedDiagonal", from: self) { $0.gradient.diagonalOfAxes(a, b) }
    }
}
