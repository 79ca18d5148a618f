import Mercer
import MercerImage
import MercerNN
import Testing

@Suite struct PictureTilesTests {
    private static func picture(_ height: Int, _ width: Int) -> Tensor {
        Random.uniform(0..<1, [height, width, 3], key: RandomKey(3))
    }

    /// Two 3×3 convolutions with zero padding look two pixels far.
    @Test(arguments: [(17, 16), (40, 33), (61, 7), (5, 100)])
    func tiledEqualsWholeForSameSize(_ size: (Int, Int)) throws {
        let net = Sequential(
            Conv2d(3, 4, kernelSize: 3, padding: 1),
            Conv2d(4, 2, kernelSize: 3, padding: 1))
        let x = Self.picture(size.0, size.1)
        func run(_ part: Tensor) -> Tensor { net(part.expandedDimensions(axis: 0)).squeezed(axis: 0) }
        let tiles = PictureTiles((size.0, size.1), tile: 16, margin: 2)
        let tiled = try tiles.map(x, run)
        #expect((tiled - run(x)).abs().max().doubleValue <= 1e-6)
    }

    @Test func marginTooSmallShows() throws {
        let net = Conv2d(3, 1, kernelSize: 5, padding: 2)
        let x = Self.picture(40, 40)
        func run(_ part: Tensor) -> Tensor { net(part.expandedDimensions(axis: 0)).squeezed(axis: 0) }
        let tiled = try PictureTiles((40, 40), tile: 16, margin: 1).map(x, run)
        #expect((tiled - run(x)).abs().max().doubleValue > 1e-3)
    }

    @Test func enlargementAndReductionLandWhereTheyBelong() throws {
        let x = Self.picture(36, 60)
        func enlarged(_ part: Tensor) -> Tensor {
            Resample.resize(part.contiguous(), to: (part.shape[0] * 3, part.shape[1] * 3), .nearest)
        }
        let larger = try PictureTiles((36, 60), tile: 13, margin: 2, enlargement: 3).map(x, enlarged)
        #expect(larger.shape == [108, 180, 3])
        #expect((larger - enlarged(x)).abs().max().doubleValue == 0)
        func reduced(_ part: Tensor) -> Tensor {
            Resample.resize(part.contiguous(), to: (part.shape[0] / 4, part.shape[1] / 4), .box)
        }
        let smaller = try PictureTiles((36, 60), tile: 10, margin: 3, reduction: 4).map(x, reduced)
        #expect(smaller.shape == [9, 15, 3])
        #expect((smaller - reduced(x)).abs().max().doubleValue <= 1e-6)
    }

    @Test func bytesStayBytes() throws {
        let x = Random.randInt(0..<256, [50, 70, 3], key: RandomKey(4)).asType(.uint8)
        let same = try PictureTiles((50, 70), tile: 16, margin: 4).map(x) { $0 }
        #expect(same.dtype == .uint8 && same.toArray(UInt8.self) == x.toArray(UInt8.self))
    }
}
