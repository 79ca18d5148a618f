import Mercer
import MercerNN
import Testing

@Suite struct RandomSourceTests {
    private let x = Tensor.ones([8, 64])

    @Test func seedingMakesDropoutRepeat() {
        let net = Sequential(Dropout(0.5), Dropout(0.1))
        net.seed(RandomKey(1))
        let first = net(x).toArray(Float.self)
        let second = net(x).toArray(Float.self)
        net.seed(RandomKey(1))
        #expect(net(x).toArray(Float.self) == first)
        #expect(net(x).toArray(Float.self) == second)
        #expect(first != second)
        net.seed(RandomKey(2))
        #expect(net(x).toArray(Float.self) != first)
    }

    @Test func layersDropDifferently() {
        let (a, b) = (Dropout(0.5), Dropout(0.5))
        Sequential(a, b).seed(RandomKey(1))
        #expect(a(x).toArray(Float.self) != b(x).toArray(Float.self))
    }

    @Test func dropoutKeepsTheMeanAndItsGradientIsItsMask() {
        let layer = Dropout(0.25)
        let x = Tensor.ones([200, 500])
        layer.seed(RandomKey(1))
        let y = layer(x)
        #expect(abs(y.mean().item(Float.self) - 1) < 0.01)
        layer.seed(RandomKey(1))
        let gradient = grad { layer($0).sum() }(x)
        #expect(gradient.toArray(Float.self) == y.toArray(Float.self))
        layer.eval()
        #expect(layer(x).toArray(Float.self) == x.toArray(Float.self))
    }

    @Test func dropPathDropsWholeExamples() {
        let layer = DropPath(0.5)
        layer.seed(RandomKey(3))
        let rows = layer(Tensor.ones([100, 10])).sum(axes: [1]).toArray(Float.self)
        #expect(Set(rows) == [0, 20])
    }

    @Test func checkpointDropsTheSameTheSecondTime() {
        let layer = Dropout(0.5)
        let x = Random.normal([64], key: RandomKey(1))
        layer.seed(RandomKey(2))
        let plain = grad { square(layer($0)).sum() }(x).toArray(Float.self)
        layer.seed(RandomKey(2))
        let again = grad { square(checkpoint([layer], $0) { layer($0) }).sum() }(x).toArray(Float.self)
        #expect(plain == again)
    }
}
