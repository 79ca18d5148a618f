import CKernels
import Foundation

/// Elementwise arithmetic on complex numbers.
enum ComplexLoops {
    static func binary(_ operation: mercer_binary, _ a: Tensor, _ b: Tensor, _ name: StaticString) -> Tensor {
        a.dtype == .complex128
            ? binary(operation, a, b, name, Double.self) : binary(operation, a, b, name, Float.self)
    }

    private static func binary<Part: BinaryFloatingPoint & TensorElement>(
        _ operation: mercer_binary, _ a: Tensor, _ b: Tensor, _ name: StaticString, _ type: Part.Type
    ) -> Tensor {
        typealias C = Complex<Part>
        return switch operation {
        case mercer_binary_add:
            Elementwise.map(a, b, a.dtype, name) { (x: C, y: C) in
                C(x.real + y.real, x.imaginary + y.imaginary)
            }
        case mercer_binary_subtract:
            Elementwise.map(a, b, a.dtype, name) { (x: C, y: C) in
                C(x.real - y.real, x.imaginary - y.imaginary)
            }
        case mercer_binary_multiply:
            Elementwise.map(a, b, a.dtype, name) { (x: C, y: C) in
                C(
                    x.real * y.real - x.imaginary * y.imaginary,
                    x.real * y.imaginary + x.imaginary * y.real)
            }
        case mercer_binary_divide: Elementwise.map(a, b, a.dtype, name) { (x: C, y: C) in quotient(x, y) }
        default: preconditionFailure("\(name) of complex tensors")
        }
    }

    /// Smith's method: scaled by the divisor's larger part, so that squares don't overflow.
    @inline(__always)
    private static func quotient<Part: BinaryFloatingPoint>(
        _ x: Complex<Part>, _ y: Complex<Part>
    ) -> Complex<Part> {
        if y.real.magnitude >= y.imaginary.magnitude {
            let ratio = y.imaginary / y.real
            let divisor = y.real + y.imaginary * ratio
            return Complex(
                (x.real + x.imaginary * ratio) / divisor, (x.imaginary - x.real * ratio) / divisor)
        }
        let ratio = y.real / y.imaginary
        let divisor = y.real * ratio + y.imaginary
        return Complex((x.real * ratio + x.imaginary) / divisor, (x.imaginary * ratio - x.real) / divisor)
    }

    static func isEqual(_ a: Tensor, _ b: Tensor, _ name: StaticString) -> Tensor {
        a.dtype == .complex128
            ? Elementwise.map(a, b, .bool, name) { (x: Complex<Double>, y: Complex<Double>) in x == y }
            : Elementwise.map(a, b, .bool, name) { (x: Complex<Float>, y: Complex<Float>) in x == y }
    }

    /// f of each number, worked out in float64, as a complex number.
    static func map(_ x: Tensor, _ f: (Complex<Double>) -> Complex<Double>) -> Tensor {
        if x.dtype == .complex128 { return Elementwise.map(x, x.dtype, f) }
        return Elementwise.map(x, x.dtype) { (z: Complex<Float>) in
            let y = f(Complex(Double(z.real), Double(z.imaginary)))
            return Complex(Float(y.real), Float(y.imaginary))
        }
    }

    /// f of each number, worked out in float64, as a real number.
    static func mapToReal(_ x: Tensor, _ f: (Complex<Double>) -> Double) -> Tensor {
        if x.dtype == .complex128 { return Elementwise.map(x, .float64, f) }
        return Elementwise.map(x, .float32) { (z: Complex<Float>) in
            Float(f(Complex(Double(z.real), Double(z.imaginary))))
        }
    }
}
