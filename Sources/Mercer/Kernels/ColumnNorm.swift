/// Batch, group and instance normalisation: dense `[samples, rows, channels]`, statistics over the rows of a
/// sample and the channels of a group. Batch normalisation has one sample, and groups of one channel.
struct ColumnNorm<R: NormNumber> {
    let samples: Int
    let rows: Int
    let channels: Int
    let groups: Int

    init(samples: Int, rows: Int, channels: Int, groups: Int) {
        self.samples = samples
        self.rows = rows
        self.channels = channels
        self.groups = groups
        var fold = 1
        // Few channels: several rows side by side count as one of more channels, so that vectors are full.
        while channels * fold * 2 <= 128 && rows % (fold * 2) == 0 { fold *= 2 }
        self.fold = fold
    }

    private let fold: Int
    private var width: Int { channels * fold }
    private var lines: Int { rows / fold }
    /// Lines of a chunk: 256 KiB, which stay in the second-level cache.
    private var grain: Int { max(1, (256 << 10) / max(1, width * MemoryLayout<R>.size)) }
    private var chunks: Int { max(1, (lines + grain - 1) / grain) }
    private var stream: Bool {
        samples * rows * channels * MemoryLayout<R>.size >= 16 << 20 && width * MemoryLayout<R>.size % 64 == 0
    }
    var channelsPerGroup: Int { channels / groups }
    /// Numbers behind one mean.
    var population: Int { rows * channelsPerGroup }

    /// Calls `body` for each chunk with sample, its number, the offset of its first element and its lines.
    private func forEachChunk(_ body: (_ sample: Int, _ chunk: Int, _ start: Int, _ lines: Int) -> Void) {
        let (chunks, grain, lines, width) = (chunks, grain, lines, width)
        Parallel.forEach(samples * chunks) { index in
            let (sample, chunk) = (index / chunks, index % chunks)
            let first = chunk * grain
            body(sample, chunk, (sample * lines + first) * width, min(grain, lines - first))
        }
    }

    /// Mean and biased variance of each group of each sample, `[samples·groups]`.
    func statistics(_ x: Tensor) -> (mean: [Double], variance: [Double]) {
        let partial = Tensor(uninitialized: [2, samples * chunks, width], R.dtype)
        let (from, means) = (x.pointer(R.self), partial.mutablePointer(R.self))
        let squares = means + samples * chunks * width
        forEachChunk { sample, chunk, start, lines in
            let place = (sample * chunks + chunk) * width
            R.columnMoments(lines, width, from + start, means + place, squares + place)
        }
        var mean = [Double](repeating: 0, count: samples * groups)
        var variance = mean
        for sample in 0..<samples {
            for group in 0..<groups {
                // Merged in order (T. F. Chan, G. H. Golub, R. J. LeVeque, 1979).
                var (count, average, spread) = (0.0, 0.0, 0.0)
                for chunk in 0..<chunks {
                    let more = Double(min(grain, lines - chunk * grain))
                    for copy in 0..<fold {
                        for channel in group * channelsPerGroup..<(group + 1) * channelsPerGroup {
                            let place = (sample * chunks + chunk) * width + copy * channels + channel
                            let difference = Double(means[place]) - average
                            let total = count + more
                            average += difference * more / total
                            spread += Double(squares[place]) + difference * difference * count * more / total
                            count = total
                        }
                    }
                }
                mean[sample * groups + group] = average
                variance[sample * groups + group] = spread / count
            }
        }
        return (mean, variance)
    }

    /// One number for each column of each sample from a function of sample and channel.
    private func columns(_ value: (_ sample: Int, _ channel: Int) -> Double) -> Tensor {
        Tensor([samples, width], of: R.self) { out in
            for sample in 0..<samples {
                for column in 0..<width { out[sample * width + column] = R(value(sample, column % channels)) }
            }
        }
    }

    /// (x − mean)·rstd·weight + bias.
    func normalized(_ x: Tensor, mean: [Double], rstd: [Double], weight: [Double], bias: [Double]) -> Tensor {
        let y = Tensor(uninitialized: x.shape, R.dtype)
        let group = { (sample: Int, channel: Int) in sample * groups + channel / channelsPerGroup }
        let centers = columns { mean[group($0, $1)] }
        let scales = columns { rstd[group($0, $1)] * weight[$1] }
        let shifts = columns { bias[$1] }
        let (from, to) = (x.pointer(R.self), y.mutablePointer(R.self))
        let (center, scale, shift) = (centers.pointer(R.self), scales.pointer(R.self), shifts.pointer(R.self))
        let (stream, width) = (stream, width)
        forEachChunk { sample, _, start, lines in
            let place = sample * width
            R.columnScale(
                lines, width, from + start, center + place, scale + place, shift + place, stream: stream,
                to + start)
        }
        return y
    }

    /// The gradients with respect to x, weight and bias.
    ///
    /// - Parameter fixed: whether mean and deviation are constants (evaluation) and not functions of x.
    func backward(
        _ x: Tensor, _ g: Tensor, mean: [Double], rstd: [Double], weight: [Double], fixed: Bool = false,
        needsX: Bool = true
    ) -> (dx: Tensor?, dw: [Double], db: [Double]) {
        let group = { (sample: Int, channel: Int) in sample * groups + channel / channelsPerGroup }
        let centers = columns { mean[group($0, $1)] }
        let partial = Tensor(uninitialized: [2, samples * chunks, width], R.dtype)
        let (from, gradient, center) = (x.pointer(R.self), g.pointer(R.self), centers.pointer(R.self))
        let sums = partial.mutablePointer(R.self)
        let products = sums + samples * chunks * width
        let (stream, width, chunks, fold) = (stream, width, chunks, fold)
        forEachChunk { sample, chunk, start, lines in
            let place = (sample * chunks + chunk) * width
            R.columnProducts(
                lines, width, from + start, gradient + start, center + sample * width, sums + place,
                products + place)
        }
        var dw = [Double](repeating: 0, count: channels)
        var db = dw
        // For each group the sums of g·w and of g·w·(x − mean).
        var groupSums = [Double](repeating: 0, count: samples * groups)
        var groupProducts = groupSums
        for sample in 0..<samples {
            for channel in 0..<channels {
                var (sum, product) = (0.0, 0.0)
                for chunk in 0..<chunks {
                    for copy in 0..<fold {
                        let place = (sample * chunks + chunk) * width + copy * channels + channel
                        sum += Double(sums[place])
                        product += Double(products[place])
                    }
                }
                let index = group(sample, channel)
                db[channel] += sum
                dw[channel] += product * rstd[index]
                groupSums[index] += sum * weight[channel]
                groupProducts[index] += product * weight[channel]
            }
        }
        guard needsX else { return (nil, dw, db) }
        let share = fixed ? 0 : 1 / Double(population)
        let factorsG = columns { rstd[group($0, $1)] * weight[$1] }
        let factorsX = columns { sample, channel in
            let index = group(sample, channel)
            return -groupProducts[index] * share * rstd[index] * rstd[index] * rstd[index]
        }
        let constants = columns { -groupSums[group($0, $1)] * share * rstd[group($0, $1)] }
        let dx = Tensor(uninitialized: x.shape, R.dtype)
        let to = dx.mutablePointer(R.self)
        let (a, b, c) = (factorsG.pointer(R.self), factorsX.pointer(R.self), constants.pointer(R.self))
        forEachChunk { sample, _, start, lines in
            let place = sample * width
            R.columnCombine(
                lines, width, from + start, gradient + start, center + place, a + place, b + place, c + place,
                stream: stream, to + start)
        }
        return (dx, dw, db)
    }
}
