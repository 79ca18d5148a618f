import Foundation

/// Where the variances of either side of a block come from when a layer needs them.
protocol VarianceSource {
    mutating func variances(_ state: KernelState) -> (rows: [Double], columns: [Double])
}

/// The variances of points before each layer that needs them, recorded while they are walked through with themselves.
struct Trace: VarianceSource, Sendable {
    private(set) var steps: [[Double]] = []

    mutating func variances(_ state: KernelState) -> (rows: [Double], columns: [Double]) {
        let own = state.ownVariances
        steps.append(own)
        return (own, own)
    }
}

/// The recorded variances of two sets of points, step by step.
struct PairTraces: VarianceSource, Sendable {
    private let left: [[Double]]
    private let right: [[Double]]
    private var step = 0

    /// Of some rows and columns.
    init(_ left: Trace, _ right: Trace, _ rows: Range<Int>, _ columns: Range<Int>) {
        self.left = left.steps.map { Array($0[rows]) }
        self.right = right.steps.map { Array($0[columns]) }
    }

    /// Of all pixels of two pictures.
    init(_ left: Trace, _ right: Trace) {
        self.left = left.steps
        self.right = right.steps
    }

    mutating func variances(_: KernelState) -> (rows: [Double], columns: [Double]) {
        step += 1
        return (left[step - 1], right[step - 1])
    }
}

extension InfiniteNetwork {
    /// Walks a block of pairs through layers.
    ///
    /// - Parameter pairsLater: whether layers behind these need all pairs of pixels.
    func walk(
        _ layers: [InfiniteLayer], _ state: inout KernelState, _ source: inout some VarianceSource,
        pairsLater: Bool = false
    ) {
        for (place, layer) in layers.enumerated() {
            let rest = layers[place...]
            let needsPairs = pairsLater || Self.needsPairs(rest)
            if state.size != nil, !needsPairs { state.keepDiagonal() }
            let behind = pairsLater || Self.needsPairs(rest.dropFirst())
            step(layer, &state, &source, pairsLater: behind)
        }
    }

    private func step(
        _ layer: InfiniteLayer, _ state: inout KernelState, _ source: inout some VarianceSource, pairsLater: Bool
    ) {
        switch layer {
        case .dense(let wStd, let bStd): state.scale(wStd * wStd, adding: bStd * bStd, isLayer: true)
        case .convolution(let height, let width, let stride, let padding, let wStd, let bStd):
            state.convolve(height, width, stride: stride, padding: padding)
            state.scale(wStd * wStd, adding: bStd * bStd, isLayer: true)
        case .activation(.identity), .identity: break
        case .activation(let activation):
            let (a, b) = source.variances(state)
            state.apply(activation, a, b)
        case .layerNorm:
            let (a, b) = source.variances(state)
            state.normalize(a, b)
        case .averagePool(let window, let stride, let padding):
            state.pool(window, stride: stride ?? window, padding: padding, isMean: true)
        case .sumPool(let window, let stride, let padding):
            state.pool(window, stride: stride ?? window, padding: padding, isMean: false)
        case .globalAveragePool: state.poolEverything()
        case .flatten: state.flatten()
        case .dropout(let rate): state.dropout(rate)
        case .sum(let branches):
            combine(branches, [Double](repeating: 1, count: branches.count), &state, &source, pairsLater)
        case .concatenation(let branches, let channels):
            let total = Double(channels.reduce(0, +))
            combine(branches, channels.map { Double($0) / total }, &state, &source, pairsLater)
        }
    }

    private func combine(
        _ branches: [[InfiniteLayer]], _ weights: [Double], _ state: inout KernelState,
        _ source: inout some VarianceSource, _ pairsLater: Bool
    ) {
        let input = state
        for (place, branch) in branches.enumerated() {
            var result = input
            walk(branch, &result, &source, pairsLater: pairsLater)
            if place == 0 {
                result.multiply(weights[0])
                state = result
            } else {
                if !result.isDiagonal || !state.isDiagonal, result.size != nil, result.isDiagonal != state.isDiagonal {
                    result.keepDiagonal()
                    state.keepDiagonal()
                }
                state.add(result, weight: weights[place])
            }
        }
    }

    // MARK: Checks

    private enum Kind { case vector, picture }

    static func check(_ layers: [InfiniteLayer]) throws {
        guard let last = layers.last else { throw NetworkSpecError(layer: "1", reason: "there are no layers") }
        if case .layerNorm = layers[0] {
            throw NetworkSpecError(layer: "1", reason: "a layer norm can't come first; put a dense layer before it")
        }
        let hasConvolution = try InfiniteNetwork.startsWithPictures(layers)
        let end = try kind(layers, hasConvolution ? .picture : .vector, prefix: "")
        let isHead: Bool
        switch last {
        case .dense, .flatten, .globalAveragePool: isHead = true
        default: isHead = false
        }
        guard isHead, end == .vector else {
            throw NetworkSpecError(
                layer: "\(layers.count)",
                reason: "a network must end in a dense layer, or in flatten or global_avg_pool, not in \(last.name)")
        }
    }

    private static func startsWithPictures(_ layers: [InfiniteLayer]) throws -> Bool {
        for layer in layers {
            switch layer {
            case .convolution, .flatten: return true
            case .dense: return false
            case .sum(let branches), .concatenation(let branches, _):
                if try branches.contains(where: startsWithPictures) { return true }
            default: continue
            }
        }
        return false
    }

    private static func kind(_ layers: [InfiniteLayer], _ start: Kind, prefix: String) throws -> Kind {
        var kind = start
        for (index, layer) in layers.enumerated() {
            let place = "\(prefix)\(index + 1)"
            func fail(_ reason: String) -> NetworkSpecError { NetworkSpecError(layer: place, reason: reason) }
            switch layer {
            case .dense(let w, let b):
                guard w.isFinite, b.isFinite, w >= 0, b >= 0 else {
                    throw fail("w_std \(w) and b_std \(b) must be finite and not negative")
                }
                guard kind == .vector else { throw fail("a dense layer needs flatten or global_avg_pool before it") }
            case .convolution(let h, let w, let stride, _, let wStd, let bStd):
                guard kind == .picture else { throw fail("a convolution needs pictures, not vectors") }
                guard h >= 1, w >= 1, stride >= 1, wStd.isFinite, bStd.isFinite, wStd >= 0, bStd >= 0 else {
                    throw fail("a convolution of \(h)×\(w), stride \(stride), w_std \(wStd), b_std \(bStd) can't be")
                }
            case .averagePool(let window, let stride, _), .sumPool(let window, let stride, _):
                guard kind == .picture else { throw fail("pooling needs pictures, not vectors") }
                guard window >= 1, stride ?? 1 >= 1 else { throw fail("a window of \(window) can't be") }
            case .globalAveragePool:
                guard kind == .picture else { throw fail("pooling needs pictures, not vectors") }
                kind = .vector
            case .flatten: kind = .vector
            case .dropout(let rate):
                guard rate > 0, rate <= 1 else { throw fail("the rate \(rate) isn't above 0 and at most 1") }
            case .sum(let branches), .concatenation(let branches, _):
                let start = kind
                let ends = try branches.enumerated().map {
                    try self.kind($0.element, start, prefix: "\(place).\($0.offset + 1).")
                }
                guard Set(ends).count == 1 else { throw fail("its branches end in vectors and in pictures") }
                kind = ends[0]
            case .activation, .layerNorm, .identity: break
            }
        }
        return kind
    }

    /// Follows the sizes of pictures through the layers.
    func checkSizes(_ height: Int, _ width: Int) throws { _ = try Self.size(layers, (height, width), prefix: "") }

    private static func size(
        _ layers: [InfiniteLayer], _ start: (Int, Int), prefix: String
    ) throws -> (Int, Int) {
        var size = start
        for (index, layer) in layers.enumerated() {
            let place = "\(prefix)\(index + 1)"
            func window(_ h: Int, _ w: Int, _ stride: Int, _ padding: KernelPadding) throws {
                guard padding != .valid || (h <= size.0 && w <= size.1) else {
                    throw NetworkSpecError(
                        layer: place, reason: "a window of \(h)×\(w) doesn't fit pictures of \(size.0)×\(size.1)")
                }
                size = (
                    padding.geometry(size.0, window: h, stride: stride).count,
                    padding.geometry(size.1, window: w, stride: stride).count
                )
            }
            switch layer {
            case .convolution(let h, let w, let stride, let padding, _, _): try window(h, w, stride, padding)
            case .averagePool(let k, let stride, let padding), .sumPool(let k, let stride, let padding):
                try window(k, k, stride ?? k, padding)
            case .flatten, .globalAveragePool: size = (1, 1)
            case .sum(let branches), .concatenation(let branches, _):
                let sizes = try branches.enumerated().map {
                    try self.size($0.element, size, prefix: "\(place).\($0.offset + 1).")
                }
                guard sizes.allSatisfy({ $0 == sizes[0] }) else {
                    throw NetworkSpecError(layer: place, reason: "its branches end in pictures of other sizes")
                }
                size = sizes[0]
            default: break
            }
        }
        return size
    }
}
