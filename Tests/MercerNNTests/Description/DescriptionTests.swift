import Mercer
import MercerNN
import Testing

@Suite struct DescriptionTests {
    private var net: Sequential {
        Sequential(
            Conv2d(3, 8, kernelSize: 3, stride: 2, padding: 1), MaxPool2d(kernelSize: 2),
            Residual(Conv2d(8, 8, kernelSize: 5, padding: 2, groups: 8)),
            ConvTransposed2d(8, 4, kernelSize: 4, stride: 2, padding: 1), PixelShuffle(2), GlobalAvgPool(),
            Linear(1, 10))
    }

    @Test func shapesAreThoseOfARealRun() {
        let description = net.describe(inputShape: [2, 17, 20, 3])
        let output = net(Tensor.zeros([2, 17, 20, 3]))
        #expect(description.outputShape == output.shape)
        #expect(description.rows.map(\.output)[1] == [2, 4, 5, 8])
        #expect(description.rows.map(\.key) == ["0", "1", "2", "3", "4", "5", "6"])
    }

    @Test func multiplyAddsCountEachProduct() {
        let rows = net.describe(inputShape: [1, 16, 16, 3]).rows
        #expect(rows[0].multiplyAdds == 8 * 8 * 8 * 27)
        #expect(rows[2].multiplyAdds == 4 * 4 * 8 * 25)
        #expect(rows[3].multiplyAdds == 4 * 4 * 8 * 4 * 16)
        #expect(rows[6].multiplyAdds == 10)
        #expect(rows[0].parameters == 8 * 27 + 8)
    }

    @Test func nothingIsAllocated() async {
        // In a process of its own: the tensors of other tests would be counted too.
        await #expect(processExitsWith: .success) {
            let before = Memory.active
            let description = Sequential(Linear(4000, 4000), Linear(4000, 10)).describe(inputShape: [64, 4000])
            #expect(Memory.active - before < 1 << 16)
            #expect(description.parameters == 4000 * 4000 + 4000 + 40000 + 10)
            #expect(description.description.contains("multiply-adds"))
        }
    }
}
