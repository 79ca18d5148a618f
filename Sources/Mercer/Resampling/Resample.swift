import CKernels

/// A part of a picture in pixels from its top left corner; fractions of pixels are allowed.
public struct ResampleBox: Sendable, Hashable {
    public let left: Double
    public let top: Double
    public let right: Double
    public let bottom: Double

    public init(left: Double, top: Double, right: Double, bottom: Double) {
        self.left = left
        self.top = top
        self.right = right
        self.bottom = bottom
    }
}

/// Resizing of pictures.
public enum Resample {
    /// A picture in another size.
    ///
    /// ```swift
    /// let small = Resample.resize(photograph, to: (540, 960), .lanczos3, convention: .pillow)
    /// ```
    ///
    /// Bytes under Pillow's convention come out as Pillow's own, byte for byte; all other resampling counts in
    /// single precision (double for float64) and rounds once at the end, half up, for integer types. Gradients pass.
    ///
    /// - Parameters:
    ///   - x: `[N, H, W, C]` or `[H, W, C]`, any real type.
    ///   - size: height and width of the result.
    ///   - antialias: nil for what the convention does by itself.
    ///   - box: the part of the picture that is resized.
    public static func resize(
        _ x: Tensor, to size: (height: Int, width: Int), _ method: ResampleMethod = .bicubic,
        convention: ResampleConvention = .mercer, antialias: Bool? = nil, box: ResampleBox? = nil
    ) -> Tensor {
        do {
            return resize(x, to: size, try ResampleRule(method, convention, antialias: antialias), box: box)
        } catch {
            preconditionFailure("Resample.resize: \(error)")
        }
    }

    /// A picture in another size by a rule.
    public static func resize(
        _ x: Tensor, to size: (height: Int, width: Int), _ rule: ResampleRule, box: ResampleBox? = nil
    ) -> Tensor {
        precondition(
            (x.rank == 4 || x.rank == 3) && x.count > 0 && size.height > 0 && size.width > 0,
            "Resample.resize: from shape \(x.shape) to \(size.height)x\(size.width); "
                + "shape [N, H, W, C] or [H, W, C] and a size of at least 1x1 are needed")
        let (h, w) = (x.shape[x.rank - 3], x.shape[x.rank - 2])
        return apply(
            vertical: Resampler(input: h, output: size.height, rule: rule, range: box.map { $0.top...$0.bottom }),
            horizontal: Resampler(input: w, output: size.width, rule: rule, range: box.map { $0.left...$0.right }),
            to: x, fixedPoint: rule.convention == .pillow)
    }

    /// MATLAB's `imresize` by a factor: the result has ⌈n · factor⌉ pixels a side, and the weights come from the
    /// factor, not from the ratio of the sizes.
    public static func imresize(_ x: Tensor, by factor: Double, _ rule: ResampleRule = .matlab(.bicubic)) -> Tensor {
        precondition(x.rank == 4 || x.rank == 3, "imresize: shape \(x.shape) is not [N, H, W, C] or [H, W, C]")
        precondition(factor > 0 && factor.isFinite, "imresize: by \(factor)")
        func resampler(_ n: Int) -> Resampler {
            Resampler(
                input: n, output: Int((Double(n) * factor).rounded(.up)), rule: rule, scale: 1 / factor)
        }
        return apply(
            vertical: resampler(x.shape[x.rank - 3]), horizontal: resampler(x.shape[x.rank - 2]), to: x)
    }

    /// A separable linear map of pictures: every column through `vertical`, every row through `horizontal`.
    /// Its gradient is the transposed map.
    ///
    /// - Parameters:
    ///   - x: `[N, H, W, C]` or `[H, W, C]`.
    ///   - fixedPoint: whether bytes are computed with Pillow's arithmetic, rounded after each pass.
    public static func apply(
        vertical: Resampler, horizontal: Resampler, to x: Tensor, fixedPoint: Bool = false
    ) -> Tensor {
        precondition(
            (x.rank == 4 || x.rank == 3) && x.shape[x.rank - 3] == vertical.inputLength
                && x.shape[x.rank - 2] == horizontal.inputLength,
            "Resample.apply: maps of \(vertical.inputLength)x\(horizontal.inputLength) pixels for shape \(x.shape)")
        let y = compute(vertical, horizontal, x.detached, fixedPoint: fixedPoint)
        guard x.isTracked else { return y }
        return y.tracked("resample", from: x) { back in
            apply(vertical: vertical.transposed, horizontal: horizontal.transposed, to: back.gradient)
        }
    }

    private static func compute(
        _ vertical: Resampler, _ horizontal: Resampler, _ x: Tensor, fixedPoint: Bool
    ) -> Tensor {
        let x = x.contiguous()
        let channels = x.shape[x.rank - 1]
        var shape = x.shape
        shape[x.rank - 3] = vertical.outputLength
        shape[x.rank - 2] = horizontal.outputLength
        if Shape.count(shape) == 0 { return Tensor(uninitialized: shape, x.dtype) }
        if vertical.isSelection && horizontal.isSelection {
            return select(vertical.starts, horizontal.starts, x, shape)
        }
        switch x.dtype {
        case .float32 where channels > 4: return computeRows(vertical, horizontal, x, shape, Float.self)
        case .uint8, .uint16, .float16, .float32: break
        case .float64: return computeRows(vertical, horizontal, x, shape, Double.self)
        default: return compute(vertical, horizontal, x.asType(.float32), fixedPoint: false).asType(x.dtype)
        }
        let y = Tensor(uninitialized: shape, x.dtype)
        let images = x.rank == 4 ? x.shape[0] : 1
        let (sourceBytes, targetBytes) = (x.byteCount / images, y.byteCount / images)
        let (h, w) = (vertical.inputLength, horizontal.inputLength)
        func source(_ image: Int) -> PixelRows {
            PixelRows(x.rawPointer + image * sourceBytes, height: h, width: w, channels: channels, x.dtype)
        }
        if fixedPoint && x.dtype == .uint8 {
            let resampling = FixedResampling(vertical: vertical, horizontal: horizontal, channels: channels)
            for image in 0..<images {
                resampling.run(source(image), to: y.mutablePointer(UInt8.self) + image * targetBytes)
            }
            return y
        }
        let resampling = SeparableResampling([(vertical, horizontal)], channels: channels)
        let rowCount = horizontal.outputLength * channels
        let dtype = x.dtype
        let target = UInt(bitPattern: y.rawPointer)
        Parallel.forEach(images) { image in
            resampling.forEachRow(of: source(image)) { row, numbers in
                storePixels(
                    numbers[0], rowCount,
                    to: UnsafeMutableRawPointer(bitPattern: target)! + image * targetBytes
                        + row * rowCount * dtype.size, dtype)
            }
        }
        return y
    }

    /// Row by row, straight into the result: for pixels whose channels fill vectors, and for double precision.
    private static func computeRows<T: ResampledNumber>(
        _ vertical: Resampler, _ horizontal: Resampler, _ x: Tensor, _ shape: [Int], _ type: T.Type
    ) -> Tensor {
        let y = Tensor(uninitialized: shape, x.dtype)
        let channels = shape[shape.count - 1]
        let (rows, columns) = (RowTable(vertical, T.weights), RowTable(horizontal, T.weights, channels: channels))
        let images = x.rank == 4 ? x.shape[0] : 1
        let line = horizontal.inputLength * channels
        let outputLine = horizontal.outputLength * channels
        let source = UInt(bitPattern: x.rawPointer)
        let target = UInt(bitPattern: y.rawPointer)
        Parallel.forRanges(
            images * vertical.outputLength, grain: max(1, 65536 / (line + outputLine))
        ) { outputs in
            withScratchBytes(line * MemoryLayout<T>.size) { memory in
                let middle = memory.assumingMemoryBound(to: T.self)
                for output in outputs {
                    let (image, row) = output.quotientAndRemainder(dividingBy: vertical.outputLength)
                    let (start, taps, weights) = rows.row(row, T.self)
                    let input =
                        UnsafePointer<T>(bitPattern: source)! + (image * vertical.inputLength + start) * line
                    let result = UnsafeMutablePointer<T>(bitPattern: target)! + output * outputLine
                    if columns.isIdentity {
                        T.vertical(result, input, weights, taps, line)
                    } else {
                        T.vertical(middle, input, weights, taps, line)
                        T.horizontal(result, middle, channels, columns)
                    }
                }
            }
        }
        return y
    }

    /// Pixels picked from rows and columns: exact for every type.
    private static func select(_ rows: [Int], _ columns: [Int], _ x: Tensor, _ shape: [Int]) -> Tensor {
        let y = Tensor(uninitialized: shape, x.dtype)
        let channels = shape[shape.count - 1]
        let pixel = channels * x.dtype.size
        let (h, w) = (x.shape[x.rank - 3], x.shape[x.rank - 2])
        let index = columns.map(Int32.init)
        let source = UInt(bitPattern: x.rawPointer)
        let target = UInt(bitPattern: y.rawPointer)
        let count = (x.rank == 4 ? x.shape[0] : 1) * rows.count
        Parallel.forRanges(count, grain: max(1, (1 << 18) / (pixel * columns.count))) { outputs in
            for output in outputs {
                let (image, row) = output.quotientAndRemainder(dividingBy: rows.count)
                mercer_gather_pixels(
                    UnsafeMutableRawPointer(bitPattern: target)! + output * columns.count * pixel,
                    UnsafeRawPointer(bitPattern: source)! + (image * h + rows[row]) * w * pixel, index,
                    index.count, pixel)
            }
        }
        return y
    }
}

extension Resampler {
    /// Whether every output is one input, unchanged.
    var isSelection: Bool {
        weights.count == outputLength && weights.allSatisfy { $0 == 1 }
            && (0..<outputLength).allSatisfy { offsets[$0 + 1] - offsets[$0] == 1 }
    }
}

/// Numbers that ``Resample`` computes with row by row.
private protocol ResampledNumber {
    static var weights: RowTable.Number { get }

    /// `result[i]` = the weighted sum of `taps` rows that are `count` numbers long.
    static func vertical(
        _ result: UnsafeMutablePointer<Self>, _ rows: UnsafePointer<Self>, _ weights: UnsafePointer<Self>, _ taps: Int,
        _ count: Int)

    /// One row through the map of `columns`.
    static func horizontal(
        _ result: UnsafeMutablePointer<Self>, _ row: UnsafePointer<Self>, _ channels: Int, _ columns: RowTable)
}

extension Double: ResampledNumber {
    static var weights: RowTable.Number { .double }

    static func vertical(
        _ result: UnsafeMutablePointer<Double>, _ rows: UnsafePointer<Double>, _ weights: UnsafePointer<Double>,
        _ taps: Int, _ count: Int
    ) {
        resampleKernels.vertical_f64(result, rows, count * 8, weights, taps, count)
    }

    static func horizontal(
        _ result: UnsafeMutablePointer<Double>, _ row: UnsafePointer<Double>, _ channels: Int, _ columns: RowTable
    ) {
        withUnsafePointer(to: columns.rows) { resampleKernels.horizontal_f64(result, row, channels, $0) }
    }
}

/// More than four channels only: with fewer the kernel writes beyond the row's end.
extension Float: ResampledNumber {
    static var weights: RowTable.Number { .float }

    static func vertical(
        _ result: UnsafeMutablePointer<Float>, _ rows: UnsafePointer<Float>, _ weights: UnsafePointer<Float>,
        _ taps: Int, _ count: Int
    ) {
        resampleKernels.vertical_f32(result, rows, count * 4, weights, taps, count)
    }

    static func horizontal(
        _ result: UnsafeMutablePointer<Float>, _ row: UnsafePointer<Float>, _ channels: Int, _ columns: RowTable
    ) {
        withUnsafePointer(to: columns.rows) {
            resampleKernels.horizontal_f32(result, 0, row, 0, 1, channels, $0)
        }
    }
}
