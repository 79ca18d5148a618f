import Foundation
import Mercer
import MercerImage
import MercerImageIO
import MercerNN
import Testing

@Suite struct PictureRescalerTests {
    private func randomised<M: Module>(_ network: M) -> M {
        network.initialize(RandomKey(7))
        for (index, pair) in network.parameters().enumerated() {
            let (name, value) = pair
            let fan = Double(value.shape.dropFirst().reduce(1, *))
            let scale = name.hasSuffix("bias") || name.contains("conv5") ? 0.01 : 1 / fan.squareRoot()
            network.update(
                parameters: [name: Random.normal(value.shape, scale: scale, key: RandomKey(8).fold(in: index))])
        }
        return network
    }

    private func picture(_ width: Int, _ height: Int) -> Bitmap {
        let smooth = Resample.resize(
            Random.uniform(0..<255, [9, 9, 3], key: RandomKey(1)), to: (height, width), .bicubic)
        return Bitmap(pixels: clip(smooth, min: 0, max: 255).asType(.uint8))
    }

    private func largestDifference(_ a: Bitmap, _ b: Bitmap) -> Double {
        let d: Tensor = a.pixels.asType(.float32) - b.pixels.asType(.float32)
        return d.abs().max().doubleValue
    }

    @Test func tiledEqualsWhole() throws {
        let networks: [(RescaleMethod, PictureRescaler.Network)] = [
            (.irn, .fixed(randomised(InvertibleRescaler(scale: 2, blocks: [1], growth: 4)))),
            (.irn, .fixed(randomised(InvertibleRescaler(scale: 4, blocks: [1, 1], growth: 4)))),
            (.dlvIRN, .fixed(randomised(InvertibleRescaler(scale: 2, blocks: [1], growth: 4, downLatent: 2)))),
            (.iarn, .arbitrary(randomised(ArbitraryRescaler(.init(blocks: 1, growth: 4))))),
        ]
        let photograph = picture(151, 123)
        for (method, network) in networks {
            let rescaler = try PictureRescaler(method, network)
            func results(_ tile: Int) throws -> (Bitmap, Bitmap) {
                rescaler.tile = tile
                let size = method == .iarn ? (height: 70, width: 99) : nil
                let small = try rescaler.reduced(photograph, to: size, spread: 1, key: RandomKey(3))
                return (small, try rescaler.enlarged(small, to: (123, 151)))
            }
            let (whole, tiled) = (try results(4096), try results(48))
            #expect(largestDifference(whole.0, tiled.0) <= 1)
            #expect(largestDifference(whole.1, tiled.1) <= 1)
            let different = zip(whole.1.pixels.toArray(UInt8.self), tiled.1.pixels.toArray(UInt8.self)).count { $0 != $1 }
            #expect(Double(different) < 0.01 * Double(whole.1.pixels.count))
        }
    }

    @Test func recordsAreReadAsTheyWereWritten() {
        for record in [RescaleRecord(width: 3088, height: 2056), RescaleRecord(width: 1, height: 2, isGrey: true)] {
            #expect(RescaleRecord(text: record.text) == record)
        }
        for text in ["", "3x", "ax2", "3x4 blue", "3x4x5", "0x4", "99999999x1"] {
            #expect(RescaleRecord(text: text) == nil, "\(text)")
        }
    }

    @Test func aSizeThatTheScaleDoesNotLeadToIsRefused() throws {
        let rescaler = try PictureRescaler(.irn, .fixed(InvertibleRescaler(scale: 2, blocks: [1], growth: 4)))
        let small = picture(20, 10)
        #expect(throws: RescaleError.enlargement(from: "20x10", to: "50x20", scale: 2)) {
            try rescaler.enlarged(small, to: (20, 50))
        }
    }
}
