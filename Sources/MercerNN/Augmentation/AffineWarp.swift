import Foundation
import Mercer

/// A map of the plane that a picture is moved by: where each result pixel is read from, about the picture's centre.
struct AffineWarp {
    /// x' = a x + b y + c, y' = d x + e y + f.
    var (a, b, c) = (1.0, 0.0, 0.0)
    var (d, e, f) = (0.0, 1.0, 0.0)

    static func rotation(degrees: Double) -> AffineWarp {
        let angle = degrees * .pi / 180
        return AffineWarp(a: cos(angle), b: -sin(angle), d: sin(angle), e: cos(angle))
    }

    static func shear(x: Double = 0, y: Double = 0) -> AffineWarp { AffineWarp(b: x, d: y) }

    static func translation(x: Double = 0, y: Double = 0) -> AffineWarp { AffineWarp(c: -x, f: -y) }

    init(
        a: Double = 1, b: Double = 0, c: Double = 0, d: Double = 0, e: Double = 1, f: Double = 0
    ) {
        (self.a, self.b, self.c) = (a, b, c)
        (self.d, self.e, self.f) = (d, e, f)
    }

    /// The moved picture: the nearest pixel or, with `smooth`, bilinear; `fill` outside.
    func callAsFunction(_ image: Tensor, smooth: Bool, fill: Float = 0) -> Tensor {
        let (height, width, channels) = (image.shape[0], image.shape[1], image.shape[2])
        let (middleX, middleY) = (Double(width - 1) / 2, Double(height - 1) / 2)
        return image.withUnsafeBuffer(of: Float.self) { source in
            Tensor(image.shape, of: Float.self) { target in
                func read(_ x: Int, _ y: Int, _ channel: Int) -> Float {
                    guard x >= 0 && x < width && y >= 0 && y < height else { return fill }
                    return source[(y * width + x) * channels + channel]
                }
                for row in 0..<height {
                    for column in 0..<width {
                        let (x, y) = (Double(column) - middleX, Double(row) - middleY)
                        let sx = a * x + b * y + c + middleX
                        let sy = d * x + e * y + f + middleY
                        let place = (row * width + column) * channels
                        if smooth {
                            let (x0, y0) = (Int(sx.rounded(.down)), Int(sy.rounded(.down)))
                            let (u, v) = (Float(sx - Double(x0)), Float(sy - Double(y0)))
                            for channel in 0..<channels {
                                let top = read(x0, y0, channel) * (1 - u) + read(x0 + 1, y0, channel) * u
                                let bottom =
                                    read(x0, y0 + 1, channel) * (1 - u) + read(x0 + 1, y0 + 1, channel) * u
                                target[place + channel] = top * (1 - v) + bottom * v
                            }
                        } else {
                            let (nearX, nearY) = (Int(sx.rounded()), Int(sy.rounded()))
                            for channel in 0..<channels {
                                target[place + channel] = read(nearX, nearY, channel)
                            }
                        }
                    }
                }
            }
        }
    }
}
