import CKernels

/// Depthwise convolution in single precision, direct: the three forms on strips of one vector of channels.
///
/// A task is a block of channels of one image, or a band of its rows where it is large: it copies what it reads into a
/// strip (rows padded with zeros, so that taps never leave it) and then walks along the rows. Kernel rows that fall
/// outside the image are left out, and so are taps that do for a whole row.
///
/// Kernels of 3 × 3 read the image itself, row by row with all blocks of channels, so that memory is read in its order:
/// for them the copy would cost as much as the rest.
struct DepthwiseConvolution {
    let geometry: ConvolutionGeometry
    private let lanes = Int(Kernels.depthwise.lanes)
    /// Output channels for each input channel.
    private let multiplier: Int
    private let blocks: Int

    init(_ geometry: ConvolutionGeometry) {
        self.geometry = geometry
        multiplier = geometry.groupOutputs
        blocks = (geometry.outputChannels + lanes - 1) / lanes
    }

    /// One image size in, one out, and how positions meet along each axis.
    private struct Pass {
        let source: [Int]
        let target: [Int]
        let rows: [AxisPhase]
        let columns: [ColumnPhase]
        /// Where rows meet, in the order of target rows, and where those of each target row begin.
        let meetings: [Meeting]
        let firstMeeting: [Int]
        /// Zeros before each row of a strip, and the row's whole length.
        let before: Int
        let length: Int
    }

    /// A kernel row that meets a target row, and the source row (of a plane) that it reads.
    private struct Meeting {
        let plane: Int32
        let row: Int32
        let kernelRow: Int32
    }

    /// Positions along the width that are computed together, and the taps that touch the image.
    private struct ColumnPhase {
        let phase: AxisPhase
        /// Taps as indices into the phase's.
        let taps: Range<Int>
        let tapStep: Int
    }

    private func pass(source: [Int], target: [Int], phases: [[AxisPhase]]) -> Pass {
        let columns = phases[2].map { phase in
            let offsets = phase.reading.offsets
            let span = max(0, phase.count - 1) * phase.reading.step
            // Offsets rise, so the taps that touch the image are neighbours.
            let first = offsets.firstIndex { $0 + span >= 0 } ?? offsets.count
            let end = (offsets.lastIndex { $0 < source[2] } ?? -1) + 1
            return ColumnPhase(
                phase: phase, taps: min(first, end)..<end,
                tapStep: offsets.count > 1 ? offsets[1] - offsets[0] : 1)
        }
        var (lowest, highest) = (0, source[2] - 1)
        for column in columns where !column.taps.isEmpty && column.phase.count > 0 {
            let offsets = column.phase.reading.offsets
            lowest = min(lowest, offsets[column.taps.lowerBound])
            highest = max(
                highest,
                offsets[column.taps.upperBound - 1] + (column.phase.count - 1) * column.phase.reading.step)
        }
        let (meetings, firstMeeting) = self.meetings(source, target, phases[0], phases[1])
        return Pass(
            source: source, target: target, rows: phases[1], columns: columns, meetings: meetings,
            firstMeeting: firstMeeting, before: -lowest, length: highest - lowest + 1)
    }

    private func meetings(_ source: [Int], _ target: [Int], _ planes: [AxisPhase], _ rows: [AxisPhase]) -> (
        [Meeting], [Int]
    ) {
        let alongPlanes = alongAxis(target[0], source[0], planes)
        let alongRows = alongAxis(target[1], source[1], rows)
        var all: [Meeting] = []
        var first: [Int] = []
        for z in 0..<target[0] {
            for y in 0..<target[1] {
                first.append(all.count)
                for (sourceZ, kz) in alongPlanes[z] {
                    for (sourceY, ky) in alongRows[y] {
                        all.append(
                            Meeting(
                                plane: Int32(sourceZ), row: Int32(sourceY),
                                kernelRow: Int32(kz * geometry.kernel[1] + ky)))
                    }
                }
            }
        }
        first.append(all.count)
        return (all, first)
    }

    /// For each target position of an axis the source positions inside the image and the taps that read them.
    private func alongAxis(_ target: Int, _ source: Int, _ phases: [AxisPhase]) -> [[(source: Int, tap: Int)]] {
        var result = [[(source: Int, tap: Int)]](repeating: [], count: target)
        for phase in phases {
            for i in 0..<phase.count {
                for (tap, offset) in zip(phase.reading.taps, phase.reading.offsets) {
                    let at = i * phase.reading.step + offset
                    if at >= 0 && at < source { result[phase.start + i * phase.step].append((at, tap)) }
                }
            }
        }
        return result
    }

    private var forwardPass: Pass {
        pass(
            source: geometry.input, target: geometry.output,
            phases: (0..<3).map { [geometry.forwardPhase($0)] })
    }

    private var backwardPass: Pass {
        pass(
            source: geometry.output, target: geometry.input,
            phases: (0..<3).map { geometry.backwardPhases($0) })
    }

    // MARK: The three forms

    func forward(
        _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ bias: UnsafePointer<Float>?,
        _ y: UnsafeMutablePointer<Float>
    ) {
        run(
            forwardPass, x, geometry.inputChannels, multiplier: multiplier, weight, bias, y)
    }

    /// The gradient with respect to the input, where each input channel has one output channel; else with respect to
    /// the input repeated for each of them, `[…, outputs]`.
    func inputGradient(
        _ gradient: UnsafePointer<Float>, _ weight: UnsafePointer<Float>,
        _ result: UnsafeMutablePointer<Float>
    ) {
        run(backwardPass, gradient, geometry.outputChannels, multiplier: 1, weight, nil, result)
    }

    private func run(
        _ pass: Pass, _ source: UnsafePointer<Float>, _ sourceChannels: Int, multiplier: Int,
        _ weight: UnsafePointer<Float>, _ bias: UnsafePointer<Float>?, _ target: UnsafeMutablePointer<Float>
    ) {
        let g = geometry
        let blockWeights = g.taps * lanes
        // A last block that isn't full is copied, since a vector would read beyond it.
        let whole = multiplier == 1 && readsDirectly(pass) ? g.outputChannels / lanes : 0
        let bands = self.bands(pass)
        withScratch(blocks * blockWeights + blocks * lanes) { weights in
            let biases = weights + blocks * blockWeights
            Parallel.forEach(blocks) { block in
                packWeights(pass, block, weight, weights + block * blockWeights)
                for l in 0..<lanes {
                    let channel = block * lanes + l
                    biases[channel] = channel < g.outputChannels ? bias?[channel] ?? 0 : 0
                }
            }
            if whole > 0 {
                let rows = pass.target[1]
                Parallel.forRanges(
                    g.batch * rows, grain: max(1, 65536 / (pass.target[2] * whole * lanes * g.taps))
                ) { range in
                    runDirect(
                        pass, range, whole, source, weights, bias == nil ? nil : UnsafePointer(biases), target)
                }
            }
            if whole == blocks { return }
            Parallel.forEach(g.batch * (blocks - whole) * bands.count) { task in
                let band = bands[task % bands.count]
                let block = whole + task / bands.count % (blocks - whole)
                let image = task / bands.count / (blocks - whole)
                runBand(
                    pass, band, image, block,
                    source + image * pass.source.reduce(1, *) * sourceChannels, sourceChannels, multiplier,
                    weights + block * blockWeights, bias == nil ? nil : UnsafePointer(biases + block * lanes),
                    target)
            }
        }
    }

    /// Bands of target rows whose strips fill a third of the second-level cache.
    private func bands(_ pass: Pass) -> [Range<Int>] {
        let rowBytes = pass.length * lanes * 4 * pass.source[0]
        let reach = geometry.dilation[1] * (geometry.kernel[1] - 1)
        let ratio = Double(pass.source[1]) / Double(max(1, pass.target[1]))
        let sourceRows = max((384 << 10) / max(1, rowBytes) - reach, reach, 8)
        let rows = max(1, Int(Double(sourceRows) / max(ratio, 1e-9)))
        let total = pass.target[1]
        let count = max(1, (total + rows - 1) / rows)
        return (0..<count).map { (total * $0 / count)..<(total * ($0 + 1) / count) }
    }

    /// Weights of a block of channels, `[plane, row, phase, taps of the phase][lanes]`.
    private func packWeights(
        _ pass: Pass, _ block: Int, _ weight: UnsafePointer<Float>, _ to: UnsafeMutablePointer<Float>
    ) {
        let g = geometry
        var index: [Int32] = []
        index.reserveCapacity(g.taps)
        for row in 0..<(g.kernel[0] * g.kernel[1]) {
            for column in pass.columns {
                for tap in column.phase.reading.taps { index.append(Int32(row * g.kernel[2] + tap)) }
            }
        }
        let channels = min(lanes, g.outputChannels - block * lanes)
        Kernels.depthwise.pack_weights(
            Int64(index.count), index, Int64(channels), weight + block * lanes * g.taps, Int64(g.taps), to)
    }

    private func runBand(
        _ pass: Pass, _ band: Range<Int>, _ image: Int, _ block: Int, _ source: UnsafePointer<Float>,
        _ sourceChannels: Int, _ multiplier: Int, _ weights: UnsafePointer<Float>,
        _ bias: UnsafePointer<Float>?,
        _ target: UnsafeMutablePointer<Float>
    ) {
        let g = geometry
        let kernels = Kernels.depthwise
        let channels = min(lanes, g.outputChannels - block * lanes)
        let needed = sourceRows(pass, band)
        let rowSize = pass.length * lanes
        // Taps of all phases of one kernel row, and where each phase's begin among them.
        let phaseTaps = pass.columns.map(\.phase.reading.taps.count)
        let rowTaps = phaseTaps.reduce(0, +)
        let mostRows = g.kernel[0] * g.kernel[1]
        withScratch(max(1, pass.source[0] * needed.count * rowSize)) { strip in
            for z in 0..<pass.source[0] {
                for y in needed {
                    packRow(
                        pass, source + (z * pass.source[1] + y) * pass.source[2] * sourceChannels,
                        sourceChannels,
                        multiplier, block, channels,
                        strip + (z * needed.count + y - needed.lowerBound) * rowSize)
                }
            }
            withUnsafeTemporaryAllocation(of: UnsafePointer<Float>.self, capacity: 2 * mostRows) { pointers in
                let strips = pointers.baseAddress!
                let taps = strips + mostRows
                for z in 0..<pass.target[0] {
                    for y in band {
                        let row = z * pass.target[1] + y
                        let met = pass.firstMeeting[row]..<pass.firstMeeting[row + 1]
                        let firstPixel = (image * pass.target[0] * pass.target[1] + row) * pass.target[2]
                        var first = 0
                        for (index, column) in pass.columns.enumerated() {
                            defer { first += phaseTaps[index] }
                            let phase = column.phase
                            guard phase.count > 0 else { continue }
                            let isEmpty = column.taps.isEmpty
                            let shift =
                                isEmpty ? 0 : phase.reading.offsets[column.taps.lowerBound] + pass.before
                            let origin = UnsafePointer(strip) + shift * lanes
                            let firstTap = weights + (first + column.taps.lowerBound) * lanes
                            pass.meetings.withUnsafeBufferPointer { meetings in
                                var count = 0
                                for m in met {
                                    let meeting = meetings[m]
                                    let at =
                                        Int(meeting.plane) &* needed.count &+ Int(meeting.row)
                                        &- needed.lowerBound
                                    strips[count] = origin + at &* rowSize
                                    taps[count] = firstTap + Int(meeting.kernelRow) &* rowTaps &* lanes
                                    count &+= 1
                                }
                            }
                            kernels.row(
                                Int64(phase.count), isEmpty ? 0 : Int64(met.count), strips,
                                Int64(phase.reading.step), Int64(column.tapStep), taps,
                                Int64(column.taps.count),
                                bias, Int64(channels),
                                target + (firstPixel + phase.start) * g.outputChannels + block * lanes,
                                Int64(phase.step * g.outputChannels))
                        }
                    }
                }
            }
        }
    }

    /// Whether all taps are three neighbours of three rows.
    private func readsDirectly(_ pass: Pass) -> Bool {
        geometry.kernel[1] <= 3 && pass.source[0] == 1 && geometry.dilation[2] == 1
            && pass.columns.allSatisfy { $0.taps.count == 3 && $0.phase.count > 0 }
    }

    /// Target rows (counted through all images) of the first `blocks` blocks of channels, from the image itself.
    private func runDirect(
        _ pass: Pass, _ range: Range<Int>, _ blocks: Int, _ source: UnsafePointer<Float>,
        _ weights: UnsafePointer<Float>, _ bias: UnsafePointer<Float>?, _ target: UnsafeMutablePointer<Float>
    ) {
        let g = geometry
        let kernels = Kernels.depthwise
        let channels = g.outputChannels
        let rowTaps = pass.columns.reduce(0) { $0 + $1.phase.reading.taps.count }
        let mostRows = g.kernel[0] * g.kernel[1]
        withUnsafeTemporaryAllocation(of: UnsafePointer<Float>.self, capacity: 2 * mostRows) { pointers in
            let sources = pointers.baseAddress!
            let taps = sources + mostRows
            for row in range {
                let (image, y) = row.quotientAndRemainder(dividingBy: pass.target[1])
                let met = pass.firstMeeting[y]..<pass.firstMeeting[y + 1]
                for block in 0..<blocks {
                    let blockWeights = weights + block * g.taps * lanes
                    let blockSource = source + image * pass.source[1] * pass.source[2] * channels + block * lanes
                    var first = 0
                    for column in pass.columns {
                        let phase = column.phase
                        let firstTap = blockWeights + (first + column.taps.lowerBound) * lanes
                        first += phase.reading.taps.count
                        var next = 0
                        for (index, m) in met.enumerated() {
                            let meeting = pass.meetings[m]
                            let at = Int(meeting.row)
                            sources[index] = blockSource + at * pass.source[2] * channels
                            taps[index] = firstTap + Int(meeting.kernelRow) * rowTaps * lanes
                            next = max(next, at + 1)
                        }
                        kernels.direct_row(
                            Int64(phase.count), Int64(met.count), sources, Int64(channels),
                            Int64(pass.source[2]), Int64(phase.reading.offsets[column.taps.lowerBound]),
                            Int64(phase.reading.step), taps, bias.map { $0 + block * lanes },
                            next < pass.source[1] ? blockSource + next * pass.source[2] * channels : nil,
                            target + (row * pass.target[2] + phase.start) * channels + block * lanes,
                            Int64(phase.step * channels))
                    }
                }
            }
        }
    }

    /// Source rows that a band of target rows reads.
    private func sourceRows(_ pass: Pass, _ band: Range<Int>) -> Range<Int> {
        var (low, high) = (Int.max, Int.min)
        for phase in pass.rows {
            guard let least = phase.reading.offsets.min(), let most = phase.reading.offsets.max() else {
                continue
            }
            let first = max(0, (band.lowerBound - phase.start + phase.step - 1) / phase.step)
            let last = min(phase.count - 1, (band.upperBound - 1 - phase.start) / phase.step)
            if band.upperBound - 1 < phase.start || last < first { continue }
            low = min(low, first * phase.reading.step + least)
            high = max(high, last * phase.reading.step + most)
        }
        let start = max(0, min(low, pass.source[1]))
        return high < start ? 0..<0 : start..<max(start, min(high, pass.source[1] - 1) + 1)
    }

    private func packRow(
        _ pass: Pass, _ from: UnsafePointer<Float>, _ stride: Int, _ multiplier: Int, _ block: Int,
        _ channels: Int,
        _ to: UnsafeMutablePointer<Float>
    ) {
        let inner = pass.source[2] * lanes
        to.update(repeating: 0, count: pass.before * lanes)
        Kernels.depthwise.pack_pixels(
            Int64(pass.source[2]), from, Int64(stride), Int64(block * lanes), Int64(multiplier),
            Int64(channels),
            to + pass.before * lanes)
        let end = pass.before * lanes + inner
        (to + end).update(repeating: 0, count: pass.length * lanes - end)
    }

    /// The weight gradient of the examples together, or of each: `result` is `[examples or 1, weight's shape]`.
    ///
    /// Each task sums over one slice of the batch for one block of channels; slices are added in order.
    func weightGradient(
        _ x: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>, perExample: Bool,
        _ result: UnsafeMutablePointer<Float>
    ) {
        let g = geometry
        let pass = forwardPass
        let slices = perExample ? g.batch : max(1, min(g.batch, 8))
        let size = g.outputChannels * g.taps
        withScratch(slices * blocks * lanes * g.taps) { partial in
            Parallel.forEach(slices * blocks) { task in
                let (slice, block) = (task / blocks, task % blocks)
                let sums = partial + task * lanes * g.taps
                sums.update(repeating: 0, count: lanes * g.taps)
                for image in (g.batch * slice / slices)..<(g.batch * (slice + 1) / slices) {
                    addWeightGradient(pass, image, block, x, gradient, sums)
                }
            }
            Parallel.forEach(blocks) { block in
                let channels = min(lanes, g.outputChannels - block * lanes)
                for piece in 0..<(perExample ? slices : 1) {
                    let to = result + piece * size + block * lanes * g.taps
                    for l in 0..<channels {
                        for tap in 0..<g.taps {
                            var sum: Float = 0
                            for slice in perExample ? piece..<(piece + 1) : 0..<slices {
                                sum += partial[((slice * blocks + block) * g.taps + tap) * lanes + l]
                            }
                            to[l * g.taps + tap] = sum
                        }
                    }
                }
            }
        }
    }

    private func addWeightGradient(
        _ pass: Pass, _ image: Int, _ block: Int, _ x: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>,
        _ sums: UnsafeMutablePointer<Float>
    ) {
        let g = geometry
        let kernels = Kernels.depthwise
        let channels = min(lanes, g.outputChannels - block * lanes)
        let rowSize = pass.length * lanes
        let column = pass.columns[0]
        guard !column.taps.isEmpty, column.phase.count > 0 else { return }
        let shift = column.phase.reading.offsets[column.taps.lowerBound] + pass.before
        let sourceRows = pass.source[0] * pass.source[1]
        withScratch(sourceRows * rowSize + g.output[2] * lanes) { strip in
            let incoming = strip + sourceRows * rowSize
            for row in 0..<sourceRows {
                packRow(
                    pass, x + (image * sourceRows + row) * g.input[2] * g.inputChannels, g.inputChannels,
                    multiplier,
                    block, channels, strip + row * rowSize)
            }
            let outputRows = g.output[0] * g.output[1]
            for y in 0..<outputRows {
                kernels.pack_pixels(
                    Int64(g.output[2]), gradient + (image * outputRows + y) * g.output[2] * g.outputChannels,
                    Int64(g.outputChannels), Int64(block * lanes), 1, Int64(channels), incoming)
                for m in pass.firstMeeting[y]..<pass.firstMeeting[y + 1] {
                    let meeting = pass.meetings[m]
                    let row = Int(meeting.plane) * pass.source[1] + Int(meeting.row)
                    let tap = Int(meeting.kernelRow) * g.kernel[2] + column.taps.lowerBound
                    kernels.weight_row(
                        Int64(g.output[2]), Int64(column.taps.count), strip + row * rowSize + shift * lanes,
                        Int64(column.phase.reading.step), Int64(column.tapStep), incoming, sums + tap * lanes)
                }
            }
        }
    }
}
