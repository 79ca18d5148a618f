import Mercer
import MercerImageIO

/// Kernels as pictures and as text.
public enum KernelFigure {
    /// The kernels of one pixel, red, green and blue side by side: grey is zero, white positive, black negative, all on
    /// one scale.
    ///
    /// - Parameter kernels: `[3, k, k]`.
    public static func picture(_ kernels: Tensor, zoom: Int = 12) -> Bitmap {
        let (count, k) = (kernels.shape[0], kernels.shape[1])
        let gap = 4
        let (height, width) = (k * zoom + 2 * gap, count * (k * zoom + gap) + gap)
        let numbers = kernels.contiguous().toArray(Float.self)
        let largest = max(numbers.lazy.map(abs).max() ?? 0, 1e-12)
        let pixels = Tensor([height, width, 1], of: UInt8.self) { out in
            out.update(repeating: 255)
            for c in 0..<count {
                for y in 0..<(k * zoom) {
                    for x in 0..<(k * zoom) {
                        let weight = numbers[(c * k + y / zoom) * k + x / zoom]
                        out[(gap + y) * width + gap + c * (k * zoom + gap) + x] = UInt8(127.5 + 127 * weight / largest)
                    }
                }
            }
        }
        return Bitmap(pixels: pixels, hasAlpha: false)
    }

    /// The kernels as tables of numbers under the names of the colours.
    ///
    /// - Parameter kernels: `[3, k, k]`.
    public static func text(_ kernels: Tensor) -> String {
        let k = kernels.shape[1]
        let numbers = kernels.contiguous().toArray(Float.self)
        return zip(["red", "green", "blue"], 0...).map { name, c in
            let sum = numbers[(c * k * k)..<((c + 1) * k * k)].reduce(0, +)
            let rows = (0..<k).map { u in
                (0..<k).map { v in padded(numbers[(c * k + u) * k + v]) }.joined()
            }
            return "\(name), sum\(padded(sum))\n" + rows.joined(separator: "\n")
        }.joined(separator: "\n\n")
    }

    private static func padded(_ number: Float) -> String {
        let thousandths = Int((number * 10_000).rounded())
        let digits = String(abs(thousandths) % 10_000)
        let text =
            (thousandths < 0 ? "-" : "") + "\(abs(thousandths) / 10_000)."
            + String(repeating: "0", count: 4 - digits.count) + digits
        return String(repeating: " ", count: max(1, 9 - text.count)) + text
    }
}
