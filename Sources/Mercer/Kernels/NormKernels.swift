import CKernels

/// Float or Double with the kernels of the normalisations. See `norm.h` for what each does.
protocol NormNumber: BinaryFloatingPoint & TensorElement & Sendable {
    static func rowForward(
        _ rows: Int, _ n: Int, _ x: UnsafePointer<Self>, _ w: UnsafePointer<Self>, _ b: UnsafePointer<Self>,
        _ eps: Self, centered: Bool, stream: Bool, _ y: UnsafeMutablePointer<Self>,
        _ mean: UnsafeMutablePointer<Self>, _ rstd: UnsafeMutablePointer<Self>)
    static func rowBackward(
        _ rows: Int, _ n: Int, _ x: UnsafePointer<Self>, _ g: UnsafePointer<Self>, _ w: UnsafePointer<Self>,
        _ mean: UnsafePointer<Self>, _ rstd: UnsafePointer<Self>, centered: Bool, stream: Bool,
        _ dx: UnsafeMutablePointer<Self>, _ dw: UnsafeMutablePointer<Self>, _ db: UnsafeMutablePointer<Self>)
    static func columnMoments(
        _ rows: Int, _ n: Int, _ x: UnsafePointer<Self>, _ mean: UnsafeMutablePointer<Self>,
        _ squares: UnsafeMutablePointer<Self>)
    static func columnScale(
        _ rows: Int, _ n: Int, _ x: UnsafePointer<Self>, _ mean: UnsafePointer<Self>,
        _ scale: UnsafePointer<Self>,
        _ shift: UnsafePointer<Self>, stream: Bool, _ y: UnsafeMutablePointer<Self>)
    static func columnProducts(
        _ rows: Int, _ n: Int, _ x: UnsafePointer<Self>, _ g: UnsafePointer<Self>,
        _ mean: UnsafePointer<Self>,
        _ sums: UnsafeMutablePointer<Self>, _ products: UnsafeMutablePointer<Self>)
    static func columnCombine(
        _ rows: Int, _ n: Int, _ x: UnsafePointer<Self>, _ g: UnsafePointer<Self>,
        _ mean: UnsafePointer<Self>,
        _ a: UnsafePointer<Self>, _ b: UnsafePointer<Self>, _ c: UnsafePointer<Self>, stream: Bool,
        _ dx: UnsafeMutablePointer<Self>)
}

private let kernels = mercer_norm(Int32(InstructionSet.current.rawValue)).pointee

extension Float: NormNumber {
    static func rowForward(
        _ rows: Int, _ n: Int, _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>,
        _ b: UnsafePointer<Float>,
        _ eps: Float, centered: Bool, stream: Bool, _ y: UnsafeMutablePointer<Float>,
        _ mean: UnsafeMutablePointer<Float>, _ rstd: UnsafeMutablePointer<Float>
    ) {
        kernels.row_forward_f32(rows, n, x, w, b, eps, centered, stream, y, mean, rstd)
    }
    static func rowBackward(
        _ rows: Int, _ n: Int, _ x: UnsafePointer<Float>, _ g: UnsafePointer<Float>,
        _ w: UnsafePointer<Float>,
        _ mean: UnsafePointer<Float>, _ rstd: UnsafePointer<Float>, centered: Bool, stream: Bool,
        _ dx: UnsafeMutablePointer<Float>, _ dw: UnsafeMutablePointer<Float>,
        _ db: UnsafeMutablePointer<Float>
    ) {
        kernels.row_backward_f32(rows, n, x, g, w, mean, rstd, centered, stream, dx, dw, db)
    }
    static func columnMoments(
        _ rows: Int, _ n: Int, _ x: UnsafePointer<Float>, _ mean: UnsafeMutablePointer<Float>,
        _ squares: UnsafeMutablePointer<Float>
    ) {
        kernels.column_moments_f32(rows, n, x, mean, squares)
    }
    static func columnScale(
        _ rows: Int, _ n: Int, _ x: UnsafePointer<Float>, _ mean: UnsafePointer<Float>,
        _ scale: UnsafePointer<Float>,
        _ shift: UnsafePointer<Float>, stream: Bool, _ y: UnsafeMutablePointer<Float>
    ) {
        kernels.column_scale_f32(rows, n, x, mean, scale, shift, stream, y)
    }
    static func columnProducts(
        _ rows: Int, _ n: Int, _ x: UnsafePointer<Float>, _ g: UnsafePointer<Float>,
        _ mean: UnsafePointer<Float>,
        _ sums: UnsafeMutablePointer<Float>, _ products: UnsafeMutablePointer<Float>
    ) {
        kernels.column_products_f32(rows, n, x, g, mean, sums, products)
    }
    static func columnCombine(
        _ rows: Int, _ n: Int, _ x: UnsafePointer<Float>, _ g: UnsafePointer<Float>,
        _ mean: UnsafePointer<Float>,
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ c: UnsafePointer<Float>, stream: Bool,
        _ dx: UnsafeMutablePointer<Float>
    ) {
        kernels.column_combine_f32(rows, n, x, g, mean, a, b, c, stream, dx)
    }
}

extension Double: NormNumber {
    static func rowForward(
        _ rows: Int, _ n: Int, _ x: UnsafePointer<Double>, _ w: UnsafePointer<Double>,
        _ b: UnsafePointer<Double>,
        _ eps: Double, centered: Bool, stream: Bool, _ y: UnsafeMutablePointer<Double>,
        _ mean: UnsafeMutablePointer<Double>, _ rstd: UnsafeMutablePointer<Double>
    ) {
        kernels.row_forward_f64(rows, n, x, w, b, eps, centered, stream, y, mean, rstd)
    }
    static func rowBackward(
        _ rows: Int, _ n: Int, _ x: UnsafePointer<Double>, _ g: UnsafePointer<Double>,
        _ w: UnsafePointer<Double>,
        _ mean: UnsafePointer<Double>, _ rstd: UnsafePointer<Double>, centered: Bool, stream: Bool,
        _ dx: UnsafeMutablePointer<Double>, _ dw: UnsafeMutablePointer<Double>,
        _ db: UnsafeMutablePointer<Double>
    ) {
        kernels.row_backward_f64(rows, n, x, g, w, mean, rstd, centered, stream, dx, dw, db)
    }
    static func columnMoments(
        _ rows: Int, _ n: Int, _ x: UnsafePointer<Double>, _ mean: UnsafeMutablePointer<Double>,
        _ squares: UnsafeMutablePointer<Double>
    ) {
        kernels.column_moments_f64(rows, n, x, mean, squares)
    }
    static func columnScale(
        _ rows: Int, _ n: Int, _ x: UnsafePointer<Double>, _ mean: UnsafePointer<Double>,
        _ scale: UnsafePointer<Double>,
        _ shift: UnsafePointer<Double>, stream: Bool, _ y: UnsafeMutablePointer<Double>
    ) {
        kernels.column_scale_f64(rows, n, x, mean, scale, shift, stream, y)
    }
    static func columnProducts(
        _ rows: Int, _ n: Int, _ x: UnsafePointer<Double>, _ g: UnsafePointer<Double>,
        _ mean: UnsafePointer<Double>,
        _ sums: UnsafeMutablePointer<Double>, _ products: UnsafeMutablePointer<Double>
    ) {
        kernels.column_products_f64(rows, n, x, g, mean, sums, products)
    }
    static func columnCombine(
        _ rows: Int, _ n: Int, _ x: UnsafePointer<Double>, _ g: UnsafePointer<Double>,
        _ mean: UnsafePointer<Double>,
        _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ c: UnsafePointer<Double>, stream: Bool,
        _ dx: UnsafeMutablePointer<Double>
    ) {
        kernels.column_combine_f64(rows, n, x, g, mean, a, b, c, stream, dx)
    }
}
