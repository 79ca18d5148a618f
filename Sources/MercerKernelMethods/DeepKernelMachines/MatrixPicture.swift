import Mercer

/// A matrix as a picture: white at its smallest entry, dark blue at its largest.
public enum MatrixPicture {
    /// `[n · scale, m · scale, 3]`, uint8; the scale makes it about 400 pixels wide.
    public static func pixels(_ matrix: Tensor) -> Tensor {
        let (n, m) = (matrix.shape[0], matrix.shape[1])
        let values = matrix.asType(.float64).toArray(Double.self)
        let (low, high) = (values.min() ?? 0, values.max() ?? 1)
        let scale = max(1, 400 / max(n, m))
        var bytes = [UInt8](repeating: 0, count: n * m * scale * scale * 3)
        for y in 0..<n * scale {
            for x in 0..<m * scale {
                let share = high > low ? (values[y / scale * m + x / scale] - low) / (high - low) : 0
                let at = (y * m * scale + x) * 3
                bytes[at] = UInt8(255 - 235 * share)
                bytes[at + 1] = UInt8(255 - 190 * share)
                bytes[at + 2] = UInt8(255 - 120 * share)
            }
        }
        return Tensor(bytes, [n * scale, m * scale, 3])
    }
}
