import Mercer
import Testing

@Suite struct FNV1aTests {
    /// Values that the algorithm's authors publish.
    @Test(arguments: [
        ("", UInt64(0xcbf2_9ce4_8422_2325)), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8),
    ]) func publishedValuesComeOut(_ text: String, _ expected: UInt64) {
        var hash = FNV1a()
        hash.update(text.utf8)
        #expect(hash.value == expected)
    }

    @Test func tensorsCountInTheOrderOfTheirIndices() {
        var (a, b) = (FNV1a(), FNV1a())
        let x = Tensor([1, 2, 3, 4, 5, 6] as [Float], [2, 3])
        a.update(x)
        b.update(x.transposed().contiguous().transposed())
        #expect(a.value == b.value)
    }
}
