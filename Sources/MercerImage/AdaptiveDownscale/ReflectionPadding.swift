import Mercer
import MercerNN

/// Mirrors an image at its borders, without repeating the edge: a layer, so that parameters behind it are numbered as in
/// PyTorch's `Sequential`.
final class ReflectionPadding: Module, UnaryLayer {
    let width: Int

    init(_ width: Int) { self.width = width }

    func callAsFunction(_ x: Tensor) -> Tensor {
        padded(x, [(0, 0), (width, width), (width, width), (0, 0)], mode: .reflect)
    }
}
